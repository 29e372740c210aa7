/**
 * Makes a backup of a log, online: everything that was decided when it was asked for, in the order
 * of the slots, checked as it comes. Holds one part of the log at a time.
 */
import {
  emptyRepublic,
  hashDecree,
  Republic,
  type RepublicIdentity,
  type Slot,
} from "../../consensus/index.ts";
import { viewOf } from "../codec/bytes.ts";
import {
  decreeBody,
  decreeHeaderBytes,
  encodeDecreeHeader,
  type FramedDecree,
} from "../codec/decree-codec.ts";
import { version } from "../version.ts";
import { backupKinds, encodeFirstLine, encodeJson, encodeRecord } from "./backup-format.ts";
import { crc32 } from "../codec/crc32.ts";

/** Where a log comes from. */
export interface BackupSource {
  /** Everything acknowledged before the call is decided up to this slot. */
  barrier(): Promise<{ readonly slot: Slot }>;
  /** Decided decrees from `slotFirst` on, at least one, none after `slotLast`. */
  decrees(slotFirst: Slot, slotLast: Slot): Promise<readonly FramedDecree[]>;
  /** The wall clock. */
  when(): number;
}

export interface BackupOptions {
  readonly signal?: AbortSignal;
  /** Called with each part that is in. */
  progress?(done: { readonly slot: number; readonly slotLast: number }): void;
}

/** What a backup holds; at its end, and given by whoever reads it through. */
export interface BackupSummary {
  readonly republic: RepublicIdentity;
  /** The last slot, and the last entry up to there. */
  readonly slot: number;
  readonly index: number;
  /** The hash of the log up to there: equal in every backup of this log that is as long. */
  readonly hash: string;
  /** The wall clock when it was begun, milliseconds since 1970. */
  readonly when: number;
  /** Of the software that made it. */
  readonly version: string;
  readonly bytes: number;
}

/** The bytes of a backup, piece by piece; returns what it holds. */
export async function* writeBackup(
  source: BackupSource,
  options: BackupOptions,
): AsyncGenerator<Uint8Array, BackupSummary, void> {
  const { signal } = options;
  const { slot: slotLast } = await source.barrier();
  const when = source.when();
  const fold = new Republic(emptyRepublic());
  const line = encodeFirstLine();
  let bytes = line.length;
  let seal = crc32(line);
  const record = (kind: 1 | 3 | 4, payload: readonly Uint8Array[]): readonly Uint8Array[] => {
    const encoded = encodeRecord(kind, payload, seal);
    ({ seal } = encoded);
    for (const piece of encoded.pieces) bytes += piece.length;
    return encoded.pieces;
  };
  yield line;
  yield* record(backupKinds.header, [encodeJson({ slotFirst: 1, slotLast, when, version })]);
  while (fold.slot < slotLast) {
    signal?.throwIfAborted();
    const part = await source.decrees(fold.slot + 1, slotLast);
    const payload: Uint8Array[] = [];
    for (const framed of part) {
      takeDecree(fold, framed);
      payload.push(...encodeDecree(framed));
    }
    yield* record(backupKinds.decrees, payload);
    options.progress?.({ slot: fold.slot, slotLast });
  }
  const { identity, slot, index, hash } = fold;
  yield* record(backupKinds.end, [encodeJson({ republic: identity, slot, index, hash })]);
  const republic = identity ?? { name: "", identity: "" };
  return { republic, slot, index, hash, when, version, bytes };
}

/**
 * Applies the next decree of a log that comes from outside.
 * @throws {RangeError} when it is not the next one of this log.
 */
export function takeDecree(fold: Republic, { decree }: FramedDecree): void {
  const { slot, time, value } = decree;
  const isNext = slot === fold.slot + 1 && time >= fold.time;
  if (!isNext || hashDecree(fold.hash, decree) !== decree.hash) {
    throw new RangeError(`slot ${slot} does not continue slot ${fold.slot}`);
  }
  const isBirth = value.kind === "bootstrap";
  if (isBirth !== (slot === 1)) throw new RangeError(`slot ${slot} holds a ${value.kind}`);
  const government = fold.government?.number ?? 0;
  const isLawful =
    value.kind === "succession"
      ? value.government === government + 1
      : value.kind !== "refounding" || value.government > government;
  if (!isLawful) throw new RangeError(`slot ${slot} begins a government out of turn`);
  fold.apply(decree);
}

function encodeDecree({ decree, body }: FramedDecree): readonly Uint8Array[] {
  const bytes = decreeBody(decree, body);
  const head = new Uint8Array(decreeHeaderBytes);
  encodeDecreeHeader(decree, bytes, viewOf(head), 0);
  return [head, bytes];
}

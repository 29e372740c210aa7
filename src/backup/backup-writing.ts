/**
 * Makes a backup of a log, online: everything that was decided when it was asked for, in the order
 * of the slots, checked as it comes; where the beginning was removed, the newest snapshot in place
 * of it. Holds one part of either at a time.
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
import { crc32 } from "../codec/crc32.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { version } from "../version.ts";
import {
  backupKinds,
  backupVersions,
  encodeFirstLine,
  encodeJson,
  encodeRecord,
  type BackupKind,
  type BackupVersion,
} from "./backup-format.ts";
import { SnapshotCopy, type AskSnapshot } from "./backup-snapshot.ts";

/** Where a log comes from. */
export interface BackupSource {
  /** Everything acknowledged before the call is decided up to this slot. */
  barrier(): Promise<{ readonly slot: Slot }>;
  /**
   * Decided decrees from `slotFirst` on, at least one, none after `slotLast`.
   * @throws {KibitzerError} `KBZ_TRUNCATED` when `slotFirst` is gone.
   */
  decrees(slotFirst: Slot, slotLast: Slot): Promise<readonly FramedDecree[]>;
  /** Asked only for a log whose beginning is gone. */
  readonly snapshot: AskSnapshot;
  /** The wall clock. */
  when(): number;
}

export interface BackupOptions {
  readonly signal?: AbortSignal;
  /** Called with each part that is in; a snapshot counts as the slots that it stands for. */
  progress?(done: { readonly slot: number; readonly slotLast: number }): void;
}

/** What a backup holds; at its end, and given by whoever reads it through. */
export interface BackupSummary {
  readonly republic: RepublicIdentity;
  /**
   * The first slot and entry that are in it as such: 1, unless those before were removed from the
   * log. Then what they came to is in it, as a snapshot.
   */
  readonly slotFirst: number;
  readonly indexFirst: number;
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

/**
 * The bytes of a backup, piece by piece; returns what it holds.
 * @throws {KibitzerError} `KBZ_TRUNCATED`, retryable, when the log was removed faster than it was
 *   read; `KBZ_DAMAGED`; what the source throws.
 */
export async function* writeBackup(
  source: BackupSource,
  options: BackupOptions,
): AsyncGenerator<Uint8Array, BackupSummary, void> {
  const { slot: slotDecided } = await source.barrier();
  const when = source.when();
  const begun = await begin(source, slotDecided);
  const records = new Records(begun.snapshot === null ? "fromSlot1" : "fromSnapshot");
  // A snapshot may be newer than the barrier: what is in it is decided, too.
  const before = begun.snapshot?.opening ?? { slot: 0, index: 0 };
  const slotLast = Math.max(slotDecided, before.slot);
  const slotFirst = before.slot + 1;
  yield records.line;
  yield* records.json(backupKinds.header, { slotFirst, slotLast, when, version });
  const copying = { source, records, slotLast, options };
  if (begun.snapshot !== null) yield* copySnapshot(begun.snapshot, copying);
  const fold = new Republic(begun.snapshot?.read().state ?? emptyRepublic());
  yield* copyDecrees(fold, begun.part, copying);
  const { identity, slot, index, hash } = fold;
  begun.snapshot?.checkRepublic(identity?.identity);
  yield* records.json(backupKinds.end, { republic: identity, slot, index, hash });
  const republic = identity ?? { name: "", identity: "" };
  const range = { slotFirst, indexFirst: before.index + 1, slot, index };
  return { republic, ...range, hash, when, version, bytes: records.bytes };
}

/** How the log begins: with its first decrees, or, where these are gone, with a snapshot. */
type Begun =
  | { readonly part: readonly FramedDecree[]; readonly snapshot: null }
  | { readonly part: null; readonly snapshot: SnapshotCopy };

/** Whoever has all of the log gives all of it. */
async function begin(source: BackupSource, slotLast: Slot): Promise<Begun> {
  try {
    return { part: await source.decrees(1, slotLast), snapshot: null };
  } catch (error) {
    if (!isTruncated(error)) throw error;
    return { part: null, snapshot: await SnapshotCopy.open(source.snapshot) };
  }
}

interface Copying {
  readonly source: BackupSource;
  readonly records: Records;
  readonly slotLast: Slot;
  readonly options: BackupOptions;
}

async function* copySnapshot(
  snapshot: SnapshotCopy,
  { records, slotLast, options }: Copying,
): AsyncGenerator<Uint8Array, void, void> {
  const { slot } = snapshot.opening;
  for await (const { bytes, size, done } of snapshot.pieces()) {
    options.signal?.throwIfAborted();
    yield* records.add(backupKinds.snapshot, [bytes]);
    options.progress?.({ slot: Math.floor((slot * done) / size), slotLast });
  }
}

/** @param first The first of them, where they are there already. */
async function* copyDecrees(
  fold: Republic,
  first: readonly FramedDecree[] | null,
  { source, records, slotLast, options }: Copying,
): AsyncGenerator<Uint8Array, void, void> {
  for (let part = first; fold.slot < slotLast; part = null) {
    options.signal?.throwIfAborted();
    part ??= await nextPart(source, fold.slot + 1, slotLast);
    const payload: Uint8Array[] = [];
    for (const framed of part) {
      takeGiven(fold, framed);
      payload.push(...encodeDecree(framed));
    }
    yield* records.add(backupKinds.decrees, payload);
    options.progress?.({ slot: fold.slot, slotLast });
  }
}

/** What was given away cannot begin anew: whoever takes the backup does. */
async function nextPart(
  source: BackupSource,
  slotFirst: Slot,
  slotLast: Slot,
): Promise<readonly FramedDecree[]> {
  try {
    return await source.decrees(slotFirst, slotLast);
  } catch (error) {
    if (!isTruncated(error)) throw error;
    throw new KibitzerError(
      "KBZ_TRUNCATED",
      `Wanted the decree of slot ${slotFirst} next, found it removed from the log while that was ` +
        "backed up. What was written is no backup. Take it again; if this happens each time, " +
        "have the nodes keep more of the log.",
      { retryable: true, outcome: "none", cause: error },
    );
  }
}

export function isTruncated(error: unknown): error is KibitzerError {
  return error instanceof KibitzerError && error.code === "KBZ_TRUNCATED";
}

/** The records of a backup, each sealed over all before it. */
class Records {
  /** What all of them begin with. */
  readonly line: Uint8Array;
  bytes: number;
  #seal: number;

  constructor(beginning: keyof typeof backupVersions) {
    const format: BackupVersion = backupVersions[beginning];
    this.line = encodeFirstLine(format);
    this.bytes = this.line.length;
    this.#seal = crc32(this.line);
  }

  add(kind: BackupKind, payload: readonly Uint8Array[]): readonly Uint8Array[] {
    const { pieces, seal } = encodeRecord(kind, payload, this.#seal);
    this.#seal = seal;
    for (const piece of pieces) this.bytes += piece.length;
    return pieces;
  }

  json(kind: BackupKind, document: unknown): readonly Uint8Array[] {
    return this.add(kind, [encodeJson(document)]);
  }
}

/** Whoever gave it gave something else than was asked for: another attempt may find it right. */
function takeGiven(fold: Republic, framed: FramedDecree): void {
  try {
    takeDecree(fold, framed);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new KibitzerError(
      "KBZ_DAMAGED",
      `Wanted the decree that follows slot ${fold.slot}, found that ${cause.message}. What was ` +
        "written is no backup. Take it again, at another node.",
      { retryable: true, outcome: "none", cause },
    );
  }
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

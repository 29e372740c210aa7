/**
 * Reads a backup through, in one go, and checks all of it: each record's seal, the snapshot that it
 * may begin with, each decree's place and hash, and the sum at its end. Gives nothing as whole that
 * it has not seen to its end.
 */
import { emptyRepublic, Republic, type RepublicIdentity } from "../../consensus/index.ts";
import { DecodeError, viewOf } from "../codec/bytes.ts";
import { crc32 } from "../codec/crc32.ts";
import {
  decodeBodySize,
  decodeDecree,
  decreeHeaderBytes,
  type FramedDecree,
} from "../codec/decree-codec.ts";
import { isHexText, isText, isWhole, matches } from "../codec/shapes.ts";
import type { Chunk } from "../snapshots/snapshot-codec.ts";
import { SnapshotScan } from "../snapshots/snapshot-scan.ts";
import { asDamage, SnapshotReading, type BackupBeginning } from "./backup-beginning.ts";
import {
  backupKinds,
  checkFirstLine,
  damagedBackup,
  decodeJson,
  lineBytesMax,
  recordBytesMax,
  recordHeadBytes,
} from "./backup-format.ts";
import { takeDecree, type BackupSummary } from "./backup-writing.ts";

interface Header {
  readonly slotFirst: number;
  readonly slotLast: number;
  readonly when: number;
  readonly version: string;
}

interface End {
  readonly republic: RepublicIdentity;
  readonly slot: number;
  readonly index: number;
  readonly hash: string;
}

interface BackupRecord {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly offset: number;
}

/**
 * A backup that is being read: what its decrees follow, these, and after them what it comes to.
 * What was given before a failure must not be used.
 */
export class BackupReading {
  readonly #bytes: ByteStream;
  #fold: Republic = new Republic(emptyRepublic());
  #seal = 0;
  #header: Header | null = null;
  /** The first record that was read and not yet looked at. */
  #ahead: BackupRecord | null = null;
  #snapshot: SnapshotReading | null = null;
  #summary: BackupSummary | null = null;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#bytes = new ByteStream(chunks);
  }

  /** What all so far has made of the republic. */
  get fold(): Republic {
    return this.#fold;
  }

  /** What it holds; null until it was read to its end. */
  get summary(): BackupSummary | null {
    return this.#summary;
  }

  /**
   * Read first, if at all; null when the decrees begin with slot 1.
   * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
   */
  async beginning(): Promise<BackupBeginning | null> {
    await this.#begin();
    const snapshot = this.#snapshot;
    return snapshot === null ? null : { state: snapshot.state, parts: snapshot.parts() };
  }

  /**
   * All decrees, in order; parts of a beginning that were not read are checked, and left out.
   * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
   */
  async *decrees(): AsyncGenerator<FramedDecree, void, void> {
    const header = await this.#begin();
    await this.#snapshot?.drain();
    for (;;) {
      const { kind, payload, offset } = await this.#record();
      if (kind === backupKinds.decrees) yield* this.#take(payload, offset);
      else if (kind === backupKinds.end) {
        await this.#end(header, payload, offset);
        return;
      } else throw damagedBackup(offset, `expected decrees or the end, found a record of ${kind}`);
    }
  }

  async #begin(): Promise<Header> {
    if (this.#header !== null) return this.#header;
    const line = await this.#bytes.line(lineBytesMax);
    const hasSnapshot = checkFirstLine(line.subarray(0, -1));
    this.#seal = crc32(line);
    const { kind, payload, offset } = await this.#record();
    const header = kind === backupKinds.header ? decodeJson(payload, offset) : null;
    if (!isHeader(header) || hasSnapshot !== header.slotFirst > 1) {
      throw damagedBackup(offset, "expected what the backup holds");
    }
    this.#header = header;
    if (hasSnapshot) await this.#beginSnapshot(header);
    return header;
  }

  async #beginSnapshot({ slotFirst, slotLast }: Header): Promise<void> {
    const { at } = this.#bytes;
    const snapshot = await SnapshotReading.open(this.#chunks(), at);
    const { slot } = snapshot.state;
    if (slot !== slotFirst - 1 || slot > slotLast) {
      throw damagedBackup(at, `expected the snapshot after slot ${slotFirst - 1}`);
    }
    this.#snapshot = snapshot;
    this.#fold = new Republic(snapshot.state);
  }

  /** The chunks of the snapshot, all of them, up to the record that follows. */
  async *#chunks(): AsyncGenerator<Chunk, void, void> {
    const { at } = this.#bytes;
    const scan = new SnapshotScan();
    try {
      for (;;) {
        const record = await this.#record();
        this.#ahead = record;
        if (record.kind !== backupKinds.snapshot) break;
        this.#ahead = null;
        yield* scan.push(record.payload);
      }
      scan.finish();
    } catch (error) {
      throw asDamage(error, at);
    }
  }

  async #end(header: Header, payload: Uint8Array, offset: number): Promise<void> {
    const { identity, slot, index, hash } = this.#fold;
    const opening = this.#snapshot?.opening;
    const end = decodeJson(payload, offset);
    if (identity === null || !isEndOf(end, this.#fold) || slot !== header.slotLast) {
      throw damagedBackup(offset, "its end does not say what was read");
    }
    if (opening !== undefined && opening.republic !== identity.identity) {
      throw damagedBackup(offset, `its snapshot is of another republic, ${opening.republic}`);
    }
    if (!(await this.#bytes.isOver())) throw damagedBackup(this.#bytes.at, "something follows it");
    const { slotFirst, when, version } = header;
    const range = { slotFirst, indexFirst: (opening?.index ?? 0) + 1, slot, index };
    const bytes = this.#bytes.at;
    this.#summary = { republic: identity, ...range, hash, when, version, bytes };
  }

  async #record(): Promise<BackupRecord> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead !== null) return ahead;
    const offset = this.#bytes.at;
    const head = await this.#bytes.take(recordHeadBytes);
    const view = viewOf(head);
    const length = view.getUint32(0, true);
    if (length > recordBytesMax) throw damagedBackup(offset, `a record of ${length} bytes`);
    const payload = await this.#bytes.take(length);
    this.#seal = crc32(payload, crc32(head.subarray(0, 8), this.#seal));
    if (this.#seal !== view.getUint32(8, true)) {
      throw damagedBackup(offset, "a record does not match its checksum");
    }
    return { kind: view.getUint32(4, true), payload, offset };
  }

  *#take(payload: Uint8Array, offset: number): Generator<FramedDecree, void, void> {
    const view = viewOf(payload);
    for (let at = 0; at < payload.length;) {
      let framed: FramedDecree;
      try {
        framed = decodeDecree(payload, view, at);
        at += decreeHeaderBytes + decodeBodySize(view, at);
        takeDecree(this.#fold, framed);
      } catch (error) {
        const isForeseen = error instanceof DecodeError || error instanceof RangeError;
        if (!isForeseen) throw error;
        throw damagedBackup(offset + recordHeadBytes + at, error.message, error);
      }
      yield framed;
    }
  }
}

/**
 * Reads a backup through and checks every byte of it.
 * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
 */
export async function verifyBackup(chunks: AsyncIterable<Uint8Array>): Promise<BackupSummary> {
  const reading = new BackupReading(chunks);
  for await (const _ of reading.decrees());
  if (reading.summary === null) throw damagedBackup(0, "it has no end");
  return reading.summary;
}

/** Exactly so many bytes at a time, of chunks of any size. */
class ByteStream {
  /** How many bytes were taken. */
  at = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#next())) {
        throw damagedBackup(this.at, `expected ${missing} bytes more, found its end`);
      }
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      this.at += piece.length;
      missing -= piece.length;
      pieces.push(piece);
    }
    const [first] = pieces;
    return pieces.length === 1 && first !== undefined ? first : joined(pieces, count);
  }

  /** Up to and with the next newline. */
  async line(bytesMax: number): Promise<Uint8Array> {
    const bytes: number[] = [];
    while (bytes.at(-1) !== 0x0a && bytes.length < bytesMax) {
      bytes.push(...(await this.take(1)));
    }
    return Uint8Array.from(bytes);
  }

  async isOver(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#next())) return true;
    return false;
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done === true) return false;
    this.#rest = value;
    return true;
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function isHeader(value: unknown): value is Header {
  return matches(value, {
    slotFirst: (slot) => isWhole(slot) && slot !== 0,
    slotLast: isWhole,
    when: Number.isSafeInteger,
    version: isText,
  });
}

function isEndOf(end: unknown, { identity, slot, index, hash }: Republic): boolean {
  return (
    isEnd(end) &&
    end.slot === slot &&
    end.index === index &&
    end.hash === hash &&
    end.republic.identity === identity?.identity
  );
}

function isEnd(value: unknown): value is End {
  return matches(value, {
    republic: (republic) => matches(republic, { name: isText, identity: isHexText }),
    slot: isWhole,
    index: isWhole,
    hash: isHexText,
  });
}

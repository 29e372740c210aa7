/**
 * Reads a backup through, in one go, and checks all of it: each record's seal, each decree's place
 * and hash, and the sum at its end. Gives nothing as whole that it has not seen to its end.
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

/** A backup that is being read: its decrees, and after them what it comes to. */
export class BackupReading {
  /** What the decrees so far have made of the republic. */
  readonly fold: Republic = new Republic(emptyRepublic());
  readonly #bytes: ByteStream;
  #seal = 0;
  #summary: BackupSummary | null = null;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#bytes = new ByteStream(chunks);
  }

  /** What it holds; null until it was read to its end. */
  get summary(): BackupSummary | null {
    return this.#summary;
  }

  /**
   * All decrees, in order. What was given before a failure must not be used.
   * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
   */
  async *decrees(): AsyncGenerator<FramedDecree, void, void> {
    const line = await this.#bytes.line(lineBytesMax);
    checkFirstLine(line.subarray(0, -1));
    this.#seal = crc32(line);
    const header = await this.#header();
    for (;;) {
      const { kind, payload, offset } = await this.#record();
      if (kind === backupKinds.decrees) yield* this.#take(payload, offset);
      else if (kind === backupKinds.end) {
        await this.#end(header, payload, offset);
        return;
      } else throw damagedBackup(offset, `expected decrees or the end, found a record of ${kind}`);
    }
  }

  async #header(): Promise<Header> {
    const { kind, payload, offset } = await this.#record();
    const header = kind === backupKinds.header ? decodeJson(payload, offset) : null;
    if (!isHeader(header)) throw damagedBackup(offset, "expected what the backup holds");
    return header;
  }

  async #end(header: Header, payload: Uint8Array, offset: number): Promise<void> {
    const { identity, slot, index, hash } = this.fold;
    const end = decodeJson(payload, offset);
    const isThis =
      isEnd(end) &&
      end.slot === slot &&
      end.index === index &&
      end.hash === hash &&
      end.republic.identity === identity?.identity;
    if (!isThis || slot !== header.slotLast) {
      throw damagedBackup(offset, "its end does not say what was read");
    }
    if (!(await this.#bytes.isOver())) throw damagedBackup(this.#bytes.at, "something follows it");
    const { when, version } = header;
    const bytes = this.#bytes.at;
    this.#summary = { republic: identity, slot, index, hash, when, version, bytes };
  }

  async #record(): Promise<{
    readonly kind: number;
    readonly payload: Uint8Array;
    readonly offset: number;
  }> {
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
        takeDecree(this.fold, framed);
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
    slotFirst: (slot) => slot === 1,
    slotLast: isWhole,
    when: Number.isSafeInteger,
    version: isText,
  });
}

function isEnd(value: unknown): value is End {
  return matches(value, {
    republic: (republic) => matches(republic, { name: isText, identity: isHexText }),
    slot: isWhole,
    index: isWhole,
    hash: isHexText,
  });
}

/**
 * The body of a batch: `count` entries, each a length (u32, little endian) and its bytes. Written
 * once by the publisher, carried unread, and walked only by who takes it in and who reads it.
 */
import { limits } from "../../consensus/index.ts";
import type { Batch } from "../../consensus/index.ts";
import { viewOf } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { rememberChecksum } from "./known-checksums.ts";

/** The bytes before each entry. */
export const entryHeaderBytes = 4;

export interface BatchLimits {
  readonly entryBytesMax: number;
  readonly batchBytesMax: number;
  readonly batchEntriesMax: number;
}

/** A closed batch, not numbered yet. */
export interface ClosedBatch {
  readonly count: number;
  readonly size: number;
  readonly checksum: number;
  /** Not to be written to any more. */
  readonly body: Uint8Array;
}

/** What `append` did: `full` means that the entry fits into the next batch. */
export type Appended = "appended" | "full" | "tooLarge";

const bufferBytesMin = 1024;
const encoder = new TextEncoder();

/** Gathers entries into one growing buffer, and hands it over when closed. */
export class BatchBuilder {
  readonly #limits: BatchLimits;
  #buffer: Uint8Array;
  #view: DataView;
  #size = 0;
  #count = 0;

  /** @param sizeExpected How large the body is likely to get; only saves growing. */
  constructor(bounds: BatchLimits = limits, sizeExpected = 0) {
    this.#limits = bounds;
    const capacity = Math.max(bufferBytesMin, Math.min(sizeExpected, bounds.batchBytesMax));
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** The length of the body so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Copies `entry` in, a string as UTF-8 (lone surrogates become U+FFFD), or leaves all as it was.
   */
  append(entry: string | Uint8Array): Appended {
    const { entryBytesMax, batchBytesMax, batchEntriesMax } = this.#limits;
    if (entry.length > entryBytesMax) return "tooLarge";
    if (this.#count >= batchEntriesMax) return "full";
    const start = this.#size + entryHeaderBytes;
    // A UTF-16 unit takes at most 3 bytes; only near a bound is the exact length worth a count.
    let bytes = typeof entry === "string" ? entry.length * 3 : entry.length;
    if (bytes > entryBytesMax || start + bytes > batchBytesMax) {
      bytes = entryBytes(entry);
      if (bytes > entryBytesMax) return "tooLarge";
      if (start + bytes > batchBytesMax) return "full";
    }
    this.#reserve(start + bytes);
    const written = this.#write(entry, start, bytes);
    this.#view.setUint32(this.#size, written, true);
    this.#size = start + written;
    this.#count += 1;
    return "appended";
  }

  /** Takes back everything after the first `count` entries, which took `size` bytes. */
  rewind(count: number, size: number): void {
    this.#count = count;
    this.#size = size;
  }

  /** Drops the entries at positions that `keep` refuses; the others move together. */
  retain(keep: (position: number) => boolean): void {
    let from = 0;
    let to = 0;
    let kept = 0;
    for (let position = 0; position < this.#count; position += 1) {
      const end = from + entryHeaderBytes + this.#view.getUint32(from, true);
      if (keep(position)) {
        if (to !== from) this.#buffer.copyWithin(to, from, end);
        to += end - from;
        kept += 1;
      }
      from = end;
    }
    this.#size = to;
    this.#count = kept;
  }

  /** The buffer is handed over with the result: the builder must not be used any more. */
  close(): ClosedBatch {
    const { byteLength } = this.#buffer;
    const size = this.#size;
    // A buffer that is mostly empty would be held, and counted by nobody, until the batch settles.
    const body =
      size * 4 < byteLength ? this.#buffer.slice(0, size) : this.#buffer.subarray(0, size);
    const checksum = crc32(body);
    rememberChecksum(body, checksum);
    return { count: this.#count, size, checksum, body };
  }

  #write(entry: string | Uint8Array, start: number, bytes: number): number {
    if (typeof entry !== "string") {
      this.#buffer.set(entry, start);
      return entry.length;
    }
    if (entry.length <= 32) {
      const written = this.#writeAscii(entry, start);
      if (written === entry.length) return written;
    }
    return encoder.encodeInto(entry, this.#buffer.subarray(start, start + bytes)).written;
  }

  /**
   * Writes a short string unit by unit, which beats a call of the encoder; stops before non-ASCII.
   */
  #writeAscii(entry: string, start: number): number {
    const buffer = this.#buffer;
    for (let at = 0; at < entry.length; at += 1) {
      const unit = entry.charCodeAt(at);
      if (unit >= 0x80) return at;
      buffer[start + at] = unit;
    }
    return entry.length;
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const doubled = Math.min(this.#buffer.length * 2, this.#limits.batchBytesMax);
    const buffer = new Uint8Array(Math.max(size, doubled));
    buffer.set(this.#buffer.subarray(0, this.#size));
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

/** The exact length of an entry in bytes, as `append` writes it. */
export function entryBytes(entry: string | Uint8Array): number {
  if (typeof entry !== "string") return entry.length;
  let bytes = entry.length;
  for (let at = 0; at < entry.length; at += 1) {
    const unit = entry.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A surrogate pair takes 4 bytes for its 2 units, a lone one the 3 of U+FFFD.
    if ((unit & 0xfc00) === 0xd800 && (entry.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at += 1;
  }
  return bytes;
}

/** Whether `body` is what `batch` describes, by length and checksum: all that a follower checks. */
export function isBodyOf(batch: Batch, body: Uint8Array): boolean {
  return body.length === batch.size && crc32(body) === batch.checksum;
}

/**
 * Checks a batch from outside before anything else sees it: numbers, bounds, checksum, framing.
 *
 * @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_TOO_LARGE` or `KBZ_DAMAGED`, each with outcome
 *   "none".
 */
export function verifyBatch(
  batch: Batch,
  body: Uint8Array,
  { entryBytesMax, batchBytesMax, batchEntriesMax }: BatchLimits = limits,
): void {
  const { publisher, sequence, count, size, checksum } = batch;
  if (!isPosition(publisher) || !isPosition(sequence) || !isPosition(count)) {
    throw malformed("publisher, sequence and count are whole numbers from 1");
  }
  if (!isPosition(sequence + count)) throw malformed("the sequence is out of its range");
  if (count > batchEntriesMax) {
    throw tooLarge(`a batch has at most ${batchEntriesMax} entries, this one ${count}`);
  }
  if (body.length > batchBytesMax) {
    throw tooLarge(`a batch has at most ${batchBytesMax} bytes, this one ${body.length}`);
  }
  if (size !== body.length) throw malformed(`its size says ${size} bytes, ${body.length} came`);
  if (crc32(body) !== checksum) throw damaged("its checksum does not fit its bytes");
  rememberChecksum(body, checksum);
  verifyEntries(body, count, entryBytesMax);
}

/** As reading them would, but makes nothing for each of them. */
function verifyEntries(body: Uint8Array, count: number, entryBytesMax: number): void {
  const view = viewOf(body);
  for (let at = 0, position = 0; at < body.length || position < count; position += 1) {
    const end = entryEnd(view, at, position, count);
    const bytes = end - at - entryHeaderBytes;
    if (bytes > entryBytesMax) {
      throw tooLarge(`an entry has at most ${entryBytesMax} bytes, this one ${bytes}`);
    }
    at = end;
  }
}

/**
 * The entries of a body, as views into it.
 *
 * @throws {KibitzerError} `KBZ_ARGUMENT` where the framing is broken; entries before were good.
 */
export function* readBatch(body: Uint8Array, count: number): Generator<Uint8Array, void, void> {
  const view = viewOf(body);
  for (let at = 0, position = 0; at < body.length || position < count; position += 1) {
    const end = entryEnd(view, at, position, count);
    yield body.subarray(at + entryHeaderBytes, end);
    at = end;
  }
}

/** Where the entry at `at` ends. */
function entryEnd(view: DataView, at: number, position: number, count: number): number {
  const { byteLength } = view;
  if (position >= count) throw malformed(`${byteLength - at} bytes follow its last entry`);
  if (at + entryHeaderBytes > byteLength) throw malformed(`it ends before entry ${position + 1}`);
  const end = at + entryHeaderBytes + view.getUint32(at, true);
  if (end > byteLength) throw malformed(`it ends inside entry ${position + 1}`);
  return end;
}

function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function malformed(what: string): KibitzerError {
  return refusal("KBZ_ARGUMENT", `the batch is malformed: ${what}; frame it again`, false);
}

function tooLarge(what: string): KibitzerError {
  return refusal("KBZ_TOO_LARGE", `the batch is too large: ${what}; send less at once`, false);
}

function damaged(what: string): KibitzerError {
  return refusal("KBZ_DAMAGED", `the batch was damaged on its way: ${what}; send it again`, true);
}

function refusal(
  code: "KBZ_ARGUMENT" | "KBZ_TOO_LARGE" | "KBZ_DAMAGED",
  message: string,
  retryable: boolean,
): KibitzerError {
  return new KibitzerError(code, message, { retryable, outcome: "none" });
}

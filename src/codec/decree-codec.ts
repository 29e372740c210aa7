/**
 * A decree as bytes: a fixed header, then its body; the same in the journal and on the wire. A
 * batch's body is the publisher's bytes, untouched; every other value's body is its JSON.
 */
import { limits, assert, type Batch, type Decree, type Value } from "../../consensus/index.ts";
import { DecodeError, LaterVersionError, getHex16, invert, putHex16 } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { decodeValue, encodeValue, type SmallKind } from "./value-check.ts";

/** Bytes of a decree's header. */
export const decreeHeaderBytes = 64;

/** Bytes of a body that is JSON, at most: a bootstrap whose texts are all escapes stays below. */
export const valueBytesMax: number = 32 * 1024;

/** Codes are never reused. */
const kindCodes: Readonly<Record<Value["kind"], number>> = {
  bootstrap: 1,
  opening: 2,
  admission: 3,
  naturalization: 4,
  exile: 5,
  succession: 6,
  registration: 7,
  batch: 8,
  eligibility: 9,
  relocation: 11,
  refounding: 10,
};

const { batch: batchCode, ...smallCodes } = kindCodes;
const smallKinds = invert<SmallKind, number>(smallCodes);

/** A decree and the body its batch descriptor stands for; null for every other value. */
export interface FramedDecree {
  readonly decree: Decree;
  readonly body: Uint8Array | null;
}

/** What follows the header of `decree`; `body` is that of its batch, null for every other value. */
export function decreeBody(decree: Decree, body: Uint8Array | null): Uint8Array {
  if (decree.value.kind !== "batch") {
    assert(body === null, "only a batch has a body of its own");
    return encodeValue(decree.value);
  }
  assert(body !== null && body.length === decree.value.size, "a batch travels with its body");
  return body;
}

/** Writes the header of `decree`, whose `decreeBody` is `body`, at `at`. */
export function encodeDecreeHeader(
  decree: Decree,
  body: Uint8Array,
  view: DataView,
  at: number,
): void {
  writeHeader(decree, body.length, decree.value.kind === "batch" ? 0 : crc32(body), view, at);
}

/** Writes the header of a batch's decree whose body is not at hand: the same bytes. */
export function encodeDescriptor(decree: Decree, view: DataView, at: number): void {
  assert(decree.value.kind === "batch", "only a batch has a descriptor");
  writeHeader(decree, decree.value.size, 0, view, at);
}

// oxlint-disable-next-line max-params -- one call a decree on the hot path, without an object.
function writeHeader(
  decree: Decree,
  size: number,
  checksum: number,
  view: DataView,
  at: number,
): void {
  const { value } = decree;
  const isBatch = value.kind === "batch";
  view.setUint32(at, size, true);
  view.setUint32(at + 4, kindCodes[value.kind], true);
  view.setFloat64(at + 8, decree.slot, true);
  view.setFloat64(at + 16, decree.time, true);
  view.setFloat64(at + 24, decree.when, true);
  putHex16(view, at + 32, decree.hash);
  view.setFloat64(at + 40, isBatch ? value.publisher : 0, true);
  view.setFloat64(at + 48, isBatch ? value.sequence : 0, true);
  view.setUint32(at + 56, isBatch ? value.count : 0, true);
  view.setUint32(at + 60, isBatch ? value.checksum : checksum, true);
}

/** Whether the header at `at`, which is all there, says that it is a batch's. */
export function isBatchHeader(view: DataView, at: number): boolean {
  return view.getUint32(at + 4, true) === batchCode;
}

/**
 * The decree of a batch whose header stands at `at`, its body elsewhere or nowhere.
 * @throws {DecodeError}
 */
export function decodeDescriptor(view: DataView, at: number): Decree {
  decodeBodySize(view, at);
  if (!isBatchHeader(view, at)) throw new DecodeError(at + 4, "expected a batch");
  const { slot, time, when, hash } = decodePlace(view, at);
  return { slot, time, when, value: decodeBatch(view, at), hash };
}

function decodePlace(view: DataView, at: number): Omit<Decree, "value"> {
  return {
    slot: whole(view, at + 8, 1),
    time: whole(view, at + 16, 0),
    when: whole(view, at + 24, Number.MIN_SAFE_INTEGER),
    hash: getHex16(view, at + 32),
  };
}

/**
 * The length of the body that follows the header at `at`; its bound is checked, nothing else.
 * @throws {DecodeError} when it is longer than any decree's.
 */
export function decodeBodySize(view: DataView, at: number): number {
  if (at + decreeHeaderBytes > view.byteLength) {
    throw new DecodeError(at, "expected the header of a decree, found the end");
  }
  const size = view.getUint32(at, true);
  const isBatch = view.getUint32(at + 4, true) === batchCode;
  if (size > (isBatch ? limits.batchBytesMax : valueBytesMax)) {
    throw new DecodeError(at, `expected a body within the limit, found ${size} bytes`);
  }
  return size;
}

/**
 * The decree whose header stands at `at`, its body at `bodyAt` (right after the header unless
 * told). The body is a view into `bytes`; its checksum is verified.
 * @throws {DecodeError} when anything is not as `encodeDecreeHeader` would have written it.
 */
export function decodeDecree(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  bodyAt: number = at + decreeHeaderBytes,
): FramedDecree {
  const size = decodeBodySize(view, at);
  if (bodyAt + size > bytes.length) {
    throw new DecodeError(bodyAt, `expected a body of ${size} bytes, found the end`);
  }
  const body = bytes.subarray(bodyAt, bodyAt + size);
  const checksum = view.getUint32(at + 60, true);
  const code = view.getUint32(at + 4, true);
  const { slot, time, when, hash } = decodePlace(view, at);
  if (crc32(body) !== checksum) {
    throw new DecodeError(bodyAt, `the body of slot ${slot} does not match its checksum`);
  }
  if (code === batchCode) {
    return { decree: { slot, time, when, value: decodeBatch(view, at), hash }, body };
  }
  const kind = smallKinds.get(code);
  if (kind === undefined) {
    throw new LaterVersionError(at + 4, `slot ${slot} holds a decree of the unknown kind ${code}`);
  }
  if (whole(view, at + 40, 0) + whole(view, at + 48, 0) + view.getUint32(at + 56, true) !== 0) {
    throw new DecodeError(at + 40, `expected no publisher in a decree of kind ${kind}`);
  }
  return { decree: { slot, time, when, value: decodeValue(kind, body), hash }, body: null };
}

function decodeBatch(view: DataView, at: number): Batch {
  const publisher = whole(view, at + 40, 1);
  const sequence = whole(view, at + 48, 1);
  const count = view.getUint32(at + 56, true);
  if (count < 1 || count > limits.batchEntriesMax) {
    throw new DecodeError(
      at + 56,
      `expected 1 to ${limits.batchEntriesMax} entries, found ${count}`,
    );
  }
  if (!Number.isSafeInteger(sequence + count)) {
    throw new DecodeError(at + 48, "expected sequence numbers that are whole");
  }
  const size = view.getUint32(at, true);
  const checksum = view.getUint32(at + 60, true);
  return { kind: "batch", publisher, sequence, count, size, checksum };
}

/** A whole number of at least `least`; -0 is refused, since it would not hash as it was written. */
function whole(view: DataView, at: number, least: number): number {
  const value = view.getFloat64(at, true);
  if (!Number.isSafeInteger(value) || value < least || Object.is(value, -0)) {
    throw new DecodeError(at, `expected a whole number from ${least} on, found ${value}`);
  }
  return value;
}

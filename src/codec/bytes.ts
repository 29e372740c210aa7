/** What all byte formats share, on the wire and on the disk: numbers, codes, refusals. */
import { assert, hex16 } from "../../consensus/index.ts";

/** Bytes that are not a value of a format; `offset` counts from where decoding began. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Well-formed, as far as can be told, but of a later version: never taken for nothing, since what
 * follows it means nothing without it.
 */
export class LaterVersionError extends DecodeError {
  readonly code = "KBZ_VERSION";
}

/** The inverse of a table of codes. */
export function invert<Name extends string, Code extends string | number>(
  codes: Readonly<Record<Name, Code>>,
): ReadonlyMap<Code, Name> {
  const names = new Map<Code, Name>();
  for (const name in codes) names.set(codes[name], name);
  return names;
}

const hex16Pattern = /^[0-9a-f]{16}$/;

/** Whether `text` is 16 lower-case hex digits. */
export function isHex16(text: string): boolean {
  return hex16Pattern.test(text);
}

/** What a hex digit is worth, by its code; 255 for what is none. */
const digitValues = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value += 1)
  digitValues["0123456789abcdef".charCodeAt(value)] = value;

/** Writes 16 hex digits as 8 bytes. */
export function putHex16(view: DataView, at: number, hex: string): void {
  assert(hex.length === 16, "a hash or cookie has 16 hex digits");
  view.setUint32(at, wordOf(hex, 0), true);
  view.setUint32(at + 4, wordOf(hex, 8), true);
}

/** The number that 8 hex digits of `hex` are, of 32 bits with its sign. */
function wordOf(hex: string, from: number): number {
  let word = 0;
  let all = 0;
  for (let at = from; at < from + 8; at += 1) {
    const value = digitValues[hex.charCodeAt(at)] ?? 255;
    word = (word << 4) | value;
    all |= value;
  }
  assert(all < 16, "a hash or cookie has hex digits only");
  return word;
}

export function getHex16(view: DataView, at: number): string {
  return hex16(view.getUint32(at, true), view.getUint32(at + 4, true));
}

/** A 32-bit number as 8 hex digits. */
export function hex8(word: number): string {
  return word.toString(16).padStart(8, "0");
}

/** A view over the same memory, for numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One copy of all `pieces`, one after the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** What all byte formats share, on the wire and on the disk: numbers, codes, refusals. */
import { hex16 } from "../../consensus/index.ts";

/** Bytes that are not a value of a format; `offset` counts from where decoding began. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
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

/** Writes 16 hex digits as 8 bytes. */
export function putHex16(view: DataView, at: number, hex: string): void {
  view.setUint32(at, Number.parseInt(hex.slice(0, 8), 16), true);
  view.setUint32(at + 4, Number.parseInt(hex.slice(8), 16), true);
}

export function getHex16(view: DataView, at: number): string {
  return hex16(view.getUint32(at, true), view.getUint32(at + 4, true));
}

/** A 32-bit number as 8 hex digits. */
export function hex8(word: number): string {
  return word.toString(16).padStart(8, "0");
}

/** Whether `bytes` from `from` up to `to` are all zero. */
export function isZero(bytes: Uint8Array, from = 0, to: number = bytes.length): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** A view over the same memory, for numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Checksums and 16-digit hex numbers in byte formats. Guards against accidents, not forgers. */
import { crc32 } from "../crc32.ts";

/** CRC-32 of `bytes`, continued from `seed`: a seed ties the bytes to the place they belong to. */
export function checksumOf(bytes: Uint8Array, seed = 0): number {
  return crc32(bytes, seed);
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
  return hex8(view.getUint32(at, true)) + hex8(view.getUint32(at + 4, true));
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

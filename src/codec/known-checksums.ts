/**
 * Checksums of large pieces that somebody has computed already: a batch that goes to two peers and
 * a client is not gone through three more times. What follows a known piece is continued by
 * arithmetic on polynomials over GF(2), as bits of a word, the highest for x⁰.
 */
import { crc32 } from "./crc32.ts";

/** Smaller pieces are gone through faster than they are looked up. */
const knownBytesMin = 16 * 1024;
/** What CRC-32 divides by, without its highest power. */
const divisor = 0xedb8_8320;
const one = 0x8000_0000;

const checksums = new WeakMap<Uint8Array, number>();

/** The CRC-32 of `bytes`, which nobody writes to any more, is told to {@link checksumOf}. */
export function rememberChecksum(bytes: Uint8Array, checksum: number): void {
  if (bytes.length >= knownBytesMin) checksums.set(bytes, checksum);
}

/** As `crc32`. */
export function checksumOf(bytes: Uint8Array, seed = 0): number {
  const known = bytes.length < knownBytesMin ? undefined : checksums.get(bytes);
  return known === undefined ? crc32(bytes, seed) : continued(seed, known, bytes.length);
}

/** The CRC-32 of two pieces by those of each, the second of `bytes` bytes. */
function continued(first: number, second: number, bytes: number): number {
  return (times(first, shiftBy(bytes)) ^ second) >>> 0;
}

/** The product of two polynomials, modulo the divisor. */
function times(left: number, right: number): number {
  let product = 0;
  let shifted = right;
  for (let power = one; power !== 0; power >>>= 1) {
    if ((left & power) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ divisor;
  }
  return product;
}

let shiftBytes = 0;
let shift = one;

/** x to the power of so many bits; of the last length it is known, since many are the same. */
function shiftBy(bytes: number): number {
  if (bytes === shiftBytes) return shift;
  let result = one;
  // x⁸, squared once for each binary digit of the length.
  let square = one >>> 8;
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = times(result, square);
    square = times(square, square);
  }
  shiftBytes = bytes;
  shift = result;
  return result;
}

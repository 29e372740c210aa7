/** Finds out whether bytes were ever written. */

/** What long stretches are compared with, by one call of the platform each. */
const zeroPage = Buffer.alloc(65_536);

/** Whether `bytes` from `from` up to `to` are all zero. A start asks of most of a segment. */
export function isZero(bytes: Uint8Array, from = 0, to: number = bytes.length): boolean {
  let at = from;
  for (const end = Math.min(to, from + 64); at < end; at += 1) if (bytes[at] !== 0) return false;
  for (; at < to; at += zeroPage.length) {
    const end = Math.min(to, at + zeroPage.length);
    if (zeroPage.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}

/**
 * Entries that say when they were published, for who is delivered them in another process of the
 * same computer. Their first byte tells them from those that say nothing.
 */

const plainMark = 0x2e;
const stampMark = 0x40;
const beginMark = 0x5e;
const endMark = 0x21;
const stampAt = 1;

/** Milliseconds, the same in all processes as far as the computer's clock is. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

export function plainEntry(size: number): Uint8Array {
  return new Uint8Array(size).fill(plainMark);
}

/** @param size At least 9 bytes. */
export function stampedEntry(size: number): Uint8Array {
  const entry = plainEntry(size);
  entry[0] = stampMark;
  new DataView(entry.buffer).setFloat64(stampAt, wallMs());
  return entry;
}

/** When it was published, or null where it does not say. */
export function stampOf(entry: Uint8Array): number | null {
  if (entry[0] !== stampMark) return null;
  return new DataView(entry.buffer, entry.byteOffset, entry.byteLength).getFloat64(stampAt);
}

/** After it comes what is measured. */
export function beginEntry(): Uint8Array {
  return new Uint8Array([beginMark]);
}

export function isBegin(entry: Uint8Array): boolean {
  return entry[0] === beginMark;
}

/** After it nothing comes. */
export function endEntry(): Uint8Array {
  return new Uint8Array([endMark]);
}

export function isEnd(entry: Uint8Array): boolean {
  return entry[0] === endMark;
}

/**
 * CRC-32 wherever the client runs: the platform's own in Node.js, a table in a browser. Never
 * imports a `node:` module, so that bundlers need no stand-in.
 */

type Checksum = (bytes: Uint8Array, seed?: number) => number;

/** CRC-32 (IEEE 802.3) of `bytes`, unsigned, continued from `seed` when one is given. */
export const crc32: Checksum = platformChecksum() ?? tableChecksum();

function platformChecksum(): Checksum | null {
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return null;
  const zlib = process.getBuiltinModule("node:zlib");
  return (bytes, seed = 0) => zlib.crc32(bytes, seed);
}

/** The same function in plain JavaScript, some ten times slower. */
export function tableChecksum(): Checksum {
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    let word = byte;
    for (let bit = 0; bit < 8; bit += 1) word = (word >>> 1) ^ (word & 1 ? 0xedb8_8320 : 0);
    return word;
  });
  return (bytes, seed = 0) => {
    let word = ~seed;
    for (const byte of bytes) word = (word >>> 8) ^ (table[(word ^ byte) & 0xff] ?? 0);
    return ~word >>> 0;
  };
}

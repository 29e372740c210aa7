/** Flips one bit of a file, where something was written. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { Prng } from "../../simulations/prng.ts";

/** Returns the offset of the byte. */
export function flipBit(path: string, chance: Prng): number {
  const bytes = readFileSync(path);
  const end = bytes.findLastIndex((byte) => byte !== 0);
  assert(end > 0, `${path} holds something`);
  const offset = chance.integer(0, end);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << chance.integer(0, 7)), offset);
  writeFileSync(path, bytes);
  return offset;
}

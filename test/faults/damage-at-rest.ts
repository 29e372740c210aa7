/** Damage at rest, where something was written: a bit that flips, a sector in another's place. */
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

const sectorBytes = 512;

/** Puts one written sector in the place of another that differs, as a misdirected write does. */
export function misplaceSector(path: string, chance: Prng): void {
  const bytes = readFileSync(path);
  const count = Math.floor((bytes.findLastIndex((byte) => byte !== 0) + 1) / sectorBytes);
  const sector = (at: number): Buffer => bytes.subarray(at * sectorBytes, (at + 1) * sectorBytes);
  const [from, to] = chance
    .shuffle(Array.from({ length: count }, (_, at) => at))
    .filter((at, _, order) => at === order[0] || !sector(at).equals(sector(order[0] ?? 0)));
  assert(from !== undefined && to !== undefined, `${path} holds two sectors that differ`);
  bytes.copyWithin(to * sectorBytes, from * sectorBytes, (from + 1) * sectorBytes);
  writeFileSync(path, bytes);
}

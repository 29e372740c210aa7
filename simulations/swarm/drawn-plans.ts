/** Draws what nodes have beside the log: state machines and snapshots. */
import type { Prng } from "../prng.ts";
import type { MachinePlan, Swarm } from "./swarm.ts";

/** @param seats Of a parliament that stays; 1 where none does. */
export function drawMachine(prng: Prng, seats: number): MachinePlan | null {
  if (prng.chance(0.3)) return null;
  return {
    operationChance: prng.pick([0.2, 0.8]),
    readsPerSecond: prng.pick([0, 2, 10]),
    wayward: drawWayward(prng, seats),
  };
}

/** Mostly one, which the others outvote; or all, where nobody may go on. */
function drawWayward(prng: Prng, seats: number): readonly number[] {
  if (seats < 3 || prng.chance(0.5)) return [];
  if (prng.chance(0.3)) return Array.from({ length: seats }, (_, at) => at);
  return [prng.integer(0, seats - 1)];
}

export const snapshotSlotsNever = 250_000;

/** Often and in small segments, so that a run sees the log begin anew several times; or never. */
export function drawSnapshots(prng: Prng): Swarm["snapshots"] {
  if (prng.chance(0.3)) return { bytes: 67_108_864, slots: snapshotSlotsNever, retainBytes: null };
  return {
    bytes: prng.pick([2_000, 20_000, 200_000]),
    slots: prng.pick([5, 20, 100]),
    retainBytes: prng.chance(0.3) ? null : prng.pick([0, 0, 20_000]),
  };
}

/** Draws what networks and disks do by themselves, each kind of fault off in many of the runs. */
import { calmDisk, type DiskFaults } from "../disk/disk.ts";
import { calmNetwork, type NetworkFaults } from "../network.ts";
import type { Prng } from "../prng.ts";

export function drawNetwork(prng: Prng): NetworkFaults {
  const slow = prng.chance(0.3);
  return {
    ...calmNetwork,
    delayMicros: prng.pick([
      { min: 50, max: 400 },
      { min: 500, max: 3000 },
      { min: 1000, max: 30_000 },
      { min: 20_000, max: 80_000 },
    ]),
    slowChance: slow ? prng.pick([0.001, 0.02]) : 0,
    slowMicros: { min: 50_000, max: 1_000_000 },
    lossChance: prng.chance(0.4) ? prng.pick([0.001, 0.02, 0.15]) : 0,
    duplicateChance: prng.chance(0.4) ? prng.pick([0.01, 0.3]) : 0,
    duplicateMicros: { min: 0, max: prng.pick([1000, 500_000, 20_000_000]) },
    reorder: prng.chance(0.3),
    capacity: prng.chance(0.1) ? prng.integer(2, 20) : null,
    partChance: prng.chance(0.3) ? prng.pick([0.005, 0.1]) : 0,
  };
}

export function drawDisk(prng: Prng): DiskFaults {
  return {
    ...calmDisk,
    syncMicros: prng.pick([
      { min: 50, max: 500 },
      { min: 100, max: 3000 },
      { min: 1000, max: 40_000 },
    ]),
    stallChance: prng.chance(0.25) ? 0.005 : 0,
    stallMicros: { min: 100_000, max: prng.pick([1_000_000, 5_000_000]) },
    readErrorChance: prng.chance(0.1) ? 0.0005 : 0,
    writeErrorChance: prng.chance(0.15) ? 0.0005 : 0,
    syncErrorChance: prng.chance(0.2) ? prng.pick([0.001, 0.005]) : 0,
    openErrorChance: prng.chance(0.1) ? 0.002 : 0,
  };
}

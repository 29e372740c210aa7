/**
 * What one run is about: every option drawn from its seed, each kind of fault off in a good part of
 * the runs, since a fault that is always on hides what only calm shows. Draws, and nothing else.
 */
import { calmDisk, type DiskFaults, type Range } from "./disk.ts";
import { calmNetwork, type NetworkFaults } from "./network.ts";
import type { Prng } from "./prng.ts";
import type { PowerLoss } from "./simulated-file.ts";

/** How often something is done to the cluster: the mean time between two, or null for never. */
export interface Rhythm {
  readonly meanMs: number;
}

export interface Swarm {
  readonly nodes: number;
  readonly parliamentSize: number;
  /** Whether the faults begin before the republic is whole. */
  readonly foundedUnderFaults: boolean;
  readonly timing: {
    readonly pingMs: number;
    readonly silenceMs: number;
    readonly stallMs: number;
  };
  readonly segmentBytes: number;
  readonly network: NetworkFaults;
  readonly disk: DiskFaults;
  /** K19: nodes whose syncs take so many times longer than the others'. */
  readonly slowDisks: { readonly nodes: readonly number[]; readonly factor: number };
  readonly cuts:
    (Rhythm & { readonly lengthMs: Range; readonly kinds: readonly CutShape[] }) | null;
  readonly crashes:
    | (Rhythm & {
        readonly downMs: Range;
        /** Null: processes are killed, the power stays on. */
        readonly power: PowerLoss | null;
        /** K20: the crash comes in the middle of a storage call. */
        readonly inStorage: boolean;
        /** The crash comes in the very step in which an entry is acknowledged. */
        readonly atAcknowledgement: boolean;
        /** X2: how many at once. */
        readonly together: "one" | "minority" | "all";
      })
    | null;
  readonly restarts: Rhythm | null;
  readonly pauses: (Rhythm & { readonly lengthMs: Range }) | null;
  readonly fullDisks: (Rhythm & { readonly lengthMs: Range }) | null;
  readonly clocks: { readonly wallSpreadMs: number; readonly drift: number };
  readonly workload: Workload;
}

/** `oneWay` and `hold` are silent; `split` parts the nodes in two; `isolate` cuts one off. */
export type CutShape = "oneWay" | "hold" | "sever" | "split" | "isolate";

export interface Workload {
  /** Calls of publish for each second, all nodes together. */
  readonly publishesPerSecond: number;
  /** Entries that are published in one turn. */
  readonly burstMax: number;
  readonly bytesMax: number;
  /** The part of publishes whose caller gives up early. */
  readonly abortChance: number;
  readonly barriersPerSecond: number;
  readonly readsPerSecond: number;
}

const cutShapes: readonly CutShape[] = ["oneWay", "hold", "sever", "split", "isolate"];

export function drawSwarm(prng: Prng): Swarm {
  const nodes = prng.pick([1, 3, 3, 3, 3, 5]);
  const pingMs = prng.pick([20, 50, 100]);
  return {
    nodes,
    parliamentSize: prng.pick([3, 5, 5]),
    foundedUnderFaults: prng.chance(0.25),
    timing: { pingMs, silenceMs: pingMs * prng.integer(4, 10), stallMs: pingMs * 40 },
    segmentBytes: prng.pick([16_384, 65_536, 262_144]),
    network: drawNetwork(prng.fork("network")),
    disk: drawDisk(prng.fork("disk")),
    slowDisks: {
      nodes: prng.chance(0.5) ? drawSome(prng, nodes) : [],
      factor: prng.pick([3, 10, 30]),
    },
    cuts: drawCuts(prng.fork("cuts")),
    crashes: drawCrashes(prng.fork("crashes")),
    restarts: prng.chance(0.3) ? { meanMs: prng.integer(1000, 8000) } : null,
    pauses: prng.chance(0.3)
      ? { meanMs: prng.integer(500, 5000), lengthMs: { min: 50, max: prng.integer(100, 5000) } }
      : null,
    fullDisks: prng.chance(0.15)
      ? { meanMs: prng.integer(2000, 8000), lengthMs: { min: 100, max: 3000 } }
      : null,
    clocks: prng.chance(0.5)
      ? { wallSpreadMs: prng.pick([0, 1000, 86_400_000]), drift: prng.pick([0, 0.01, 0.3]) }
      : { wallSpreadMs: 0, drift: 0 },
    workload: drawWorkload(prng.fork("workload")),
  };
}

/** Some of the positions 0 … count - 1, though not all when there are several. */
function drawSome(prng: Prng, count: number): readonly number[] {
  const positions = Array.from({ length: count }, (_, position) => position);
  const some = positions.filter(() => prng.chance(0.6));
  return some.length === count ? some.slice(1) : some;
}

function drawNetwork(prng: Prng): NetworkFaults {
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
  };
}

function drawDisk(prng: Prng): DiskFaults {
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
  };
}

function drawCuts(prng: Prng): Swarm["cuts"] {
  if (prng.chance(0.4)) return null;
  return {
    meanMs: prng.integer(500, 5000),
    lengthMs: { min: 20, max: prng.pick([500, 3000, 8000]) },
    kinds: cutShapes.filter(() => prng.chance(0.5)),
  };
}

function drawCrashes(prng: Prng): Swarm["crashes"] {
  if (prng.chance(0.35)) return null;
  // A sector is written whole or not at all; torn inside, it may be damage that stops its node.
  const power = { survival: prng.pick([0, 0.5, 0.9]), torn: false, garbage: false };
  return {
    meanMs: prng.integer(800, 6000),
    downMs: { min: 5, max: prng.pick([50, 1000, 5000]) },
    power: prng.chance(0.7) ? power : null,
    inStorage: prng.chance(0.4),
    atAcknowledgement: prng.chance(0.5),
    together: prng.pick(["one", "minority", "all", "all"]),
  };
}

function drawWorkload(prng: Prng): Workload {
  return {
    publishesPerSecond: prng.pick([5, 20, 60]),
    burstMax: prng.pick([1, 5, 50]),
    bytesMax: prng.pick([64, 64, 4000, 30_000]),
    abortChance: prng.chance(0.3) ? 0.1 : 0,
    barriersPerSecond: prng.pick([0, 2, 10]),
    readsPerSecond: prng.pick([0, 2]),
  };
}

/** A run in which nothing happens: what tests and stories begin with. Draws nothing. */
import { calmDisk } from "../disk/disk.ts";
import { calmNetwork } from "../network.ts";
import type { Swarm } from "./swarm.ts";

/** Three nodes that nothing happens to, and that nobody asks anything. */
export const calmSwarm: Swarm = {
  nodes: 3,
  newcomers: 0,
  parliamentSize: 5,
  replaceAfterMs: null,
  foundedUnderFaults: false,
  timing: { pingMs: 20, silenceMs: 120, stallMs: 800 },
  segmentBytes: 16_384,
  network: calmNetwork,
  disk: calmDisk,
  atlas: { victims: [], isSafetyOnly: false },
  victimDisk: {
    lateErrorChance: 0,
    staleReadChance: 0,
    misdirectedReadChance: 0,
    garbage: false,
  },
  damage: null,
  folders: null,
  operator: null,
  slowDisks: { nodes: [], factor: 1 },
  cuts: null,
  crashes: null,
  leftOverChance: 0,
  mixesVersions: false,
  restarts: null,
  pauses: null,
  fullDisks: null,
  readOnlyDisks: null,
  deafness: null,
  clocks: { wallSpreadMs: 1000, drift: 0, steps: null, freezes: null },
  liveness: { isWhole: true, outsiders: [], strike: null },
  snapshots: { bytes: 67_108_864, slots: 250_000, retainBytes: null },
  worstDay: null,
  workload: {
    publishesPerSecond: 0,
    remoteClients: 0,
    burstMax: 1,
    bytesMax: 600,
    giantChance: 0,
    abortChance: 0,
    barriersPerSecond: 0,
    readsPerSecond: 0,
  },
  machine: null,
};

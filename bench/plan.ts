/** What is measured, and for how long. */
import type { Load } from "./load/load.ts";
import type { Shape } from "./systems/kibitzer.ts";

export const parts = [
  "load",
  "recording",
  "tls",
  "replay",
  "failover",
  "cold-start",
  "fan-out",
  "restart",
  "scale",
  "republics",
] as const;
export type Part = (typeof parts)[number];

export interface Case {
  readonly size: number;
  readonly load: Exclude<Load, { readonly kind: "rate" }>;
}

export interface FanOutPlan {
  /** How many follow the log. */
  readonly subscribers: readonly number[];
  /** Published at a modest rate, for so long. */
  readonly entriesPerSecond: number;
  readonly seconds: number;
  /** Published in bulk. */
  readonly bulkEntries: number;
}

export interface ScalePlan {
  /** Lengths of the log, growing. */
  readonly entries: readonly number[];
  readonly publishers: readonly number[];
  readonly shapes: readonly Shape[];
  /** For each number of publishers, and each shape. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Without a load, for each shape. */
  readonly idleSeconds: number;
}

export interface RepublicsPlan {
  /** Members that each of the three processes hosts, each of another republic. */
  readonly counts: readonly number[];
  /** Published in each republic. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Without a load. */
  readonly idleSeconds: number;
}

export interface Plan {
  /** What is measured unless parts are named. */
  readonly parts: readonly Part[];
  readonly cases: readonly Case[];
  /** Each case is measured so often, in turn with the others. */
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /**
   * How long the first load is played on a new cluster before it is measured: what runs for days is
   * compiled by then, whatever it is written in.
   */
  readonly heatUpSeconds: number;
  readonly kills: number;
  readonly coldStarts: number;
  /** How long a replayed recording is made, under load and quiet. */
  readonly recordSeconds: number;
  readonly fanOut: FanOutPlan;
  /** By which the log grows before all nodes are started again, in each of two ways. */
  readonly restartEntries: number;
  readonly scale: ScalePlan;
  readonly republics: RepublicsPlan;
}

const bulkEntries = 1000;
const bulkOutstanding = 8;

function closed(size: number, outstanding: number): Case {
  return { size, load: { kind: "closed", outstanding } };
}

const bulk: Case = {
  size: 128,
  load: { kind: "bulk", outstanding: bulkOutstanding, entriesEach: bulkEntries },
};

/** At half of the rate of the load before it. */
const halfRate: Case = { size: 128, load: { kind: "half rate" } };

const shapes: readonly Shape[] = [
  { members: 3, seats: 3 },
  { members: 5, seats: 5 },
  { members: 7, seats: 7 },
  { members: 20, seats: 3 },
];

/** Under three minutes for its parts. The heavy loads come first, so that the code is warm. */
export const quickPlan: Plan = {
  parts: ["load", "recording", "replay", "failover", "cold-start"],
  cases: [closed(128, 1024), halfRate, closed(128, 64), closed(128, 1), closed(1024, 1024), bulk],
  rounds: 3,
  seconds: 1.5,
  warmUpSeconds: 0.5,
  heatUpSeconds: 3,
  kills: 5,
  coldStarts: 3,
  recordSeconds: 3,
  fanOut: { subscribers: [1, 20], entriesPerSecond: 200, seconds: 3, bulkEntries: 100_000 },
  restartEntries: 200_000,
  scale: {
    entries: [1000, 10_000, 100_000, 1_000_000],
    publishers: [1, 10, 100, 1000],
    shapes,
    seconds: 2,
    warmUpSeconds: 1,
    idleSeconds: 2,
  },
  republics: { counts: [1, 10, 50], perSecond: 20, seconds: 3, warmUpSeconds: 2, idleSeconds: 3 },
};

export const fullPlan: Plan = {
  parts,
  cases: [
    closed(128, 1024),
    halfRate,
    closed(128, 64),
    closed(128, 1),
    ...[1024, 65_536].flatMap((size) => [1024, 64, 1].map((many) => closed(size, many))),
    bulk,
  ],
  rounds: 5,
  seconds: 5,
  warmUpSeconds: 1,
  heatUpSeconds: 10,
  kills: 50,
  coldStarts: 9,
  recordSeconds: 20,
  fanOut: { subscribers: [1, 20, 200], entriesPerSecond: 200, seconds: 5, bulkEntries: 100_000 },
  restartEntries: 2_000_000,
  scale: {
    entries: [1000, 10_000, 100_000, 1_000_000, 10_000_000],
    publishers: [1, 10, 100, 1000],
    shapes,
    seconds: 5,
    warmUpSeconds: 2,
    idleSeconds: 4,
  },
  republics: { counts: [1, 10, 50], perSecond: 20, seconds: 10, warmUpSeconds: 5, idleSeconds: 10 },
};

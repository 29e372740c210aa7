/** What is measured, and for how long. */
import type { Load } from "./load/load.ts";

export const parts = ["load", "recording", "replay", "failover", "cold-start"] as const;
export type Part = (typeof parts)[number];

export interface Case {
  readonly size: number;
  readonly load: Load;
}

export interface Plan {
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

/** Under three minutes for all parts. The heavy loads come first, so that the code is warm. */
export const quickPlan: Plan = {
  cases: [closed(128, 1024), halfRate, closed(128, 64), closed(128, 1), closed(1024, 1024), bulk],
  rounds: 3,
  seconds: 1.5,
  warmUpSeconds: 0.5,
  heatUpSeconds: 3,
  kills: 5,
  coldStarts: 3,
  recordSeconds: 3,
};

export const fullPlan: Plan = {
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
};

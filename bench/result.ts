/** What `--out` writes: every figure is the median of its rounds. */
import type { Measured } from "./load/load.ts";
import type { SystemName } from "./systems/system.ts";

export interface Row extends Measured {
  readonly system: SystemName;
  /** Bytes of each entry. */
  readonly size: number;
  /** Calls that wait for their acknowledgement at any time. */
  readonly outstanding: number;
  /** Of the lowest and the highest round. */
  readonly rateMin: number;
  readonly rateMax: number;
}

/** At half the rate that the same system reached with 1024 outstanding. */
export interface HalfRateRow extends Measured {
  readonly system: SystemName;
  readonly size: number;
}

/** Milliseconds. */
export interface Times {
  readonly system: SystemName;
  readonly count: number;
  readonly medianMs: number;
  readonly worstMs: number;
}

export interface RecordingCost {
  /** Acknowledged entries a second. */
  readonly on: number;
  readonly off: number;
  /** What recording takes, in parts of `off`. */
  readonly cost: number;
}

export interface ReplayRow {
  readonly recording: "under load" | "quiet";
  readonly entries: number;
  readonly envelopes: number;
  /** How long the node that recorded it ran. */
  readonly recordedSeconds: number;
  readonly replaySeconds: number;
  readonly entriesPerSecond: number;
  readonly timesRealTime: number;
}

export interface BenchResult {
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
  readonly rounds: number;
  /** What each system has done before it acknowledges. */
  readonly durability: Readonly<Partial<Record<SystemName, string>>>;
  readonly rows: readonly Row[];
  readonly bulk: readonly Row[];
  readonly halfRate: readonly HalfRateRow[];
  readonly failover: readonly Times[];
  readonly coldStart: readonly Times[];
  readonly recording: RecordingCost | null;
  readonly replay: readonly ReplayRow[];
}

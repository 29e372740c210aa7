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

/** Entries per second, over TLS with certificates on both sides and without. */
export interface TlsCost {
  readonly on: number;
  readonly off: number;
  /** What is left, in parts of `off`. */
  readonly ratio: number;
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

/** Deliveries to all subscribers together. */
export interface FanOutRow {
  /** A modest rate, or as many as one client can publish. */
  readonly load: "steady" | "bulk";
  readonly subscribers: number;
  /** Acknowledged entries a second, and milliseconds to that. */
  readonly published: number;
  readonly acknowledgedP50: number;
  /** Entries a second, until everybody has all of them. */
  readonly delivered: number;
  /** Milliseconds from the call that published an entry to its delivery. */
  readonly p50: number;
  readonly p99: number;
  /** Of all servers, until everybody has all; the same load and time without subscribers. */
  readonly cpuSeconds: number;
  readonly cpuSecondsAlone: number;
  /** Seconds for 10,000 deliveries: of the servers beyond those alone, of the subscribers. */
  readonly cpuPer10k: number;
  readonly clientsCpuPer10k: number;
  /** Of the largest server, after the load. */
  readonly rssMiB: number;
}

/** Medians and worst of all nodes, in milliseconds from the start of the process. */
export interface RestartRow {
  /** In the log. */
  readonly entries: number;
  readonly way: "SIGTERM" | "SIGKILL";
  readonly count: number;
  readonly listeningMs: number;
  readonly listeningWorstMs: number;
  /** It serves as a member. */
  readonly readyMs: number;
  readonly readyWorstMs: number;
}

export interface ScaleRow extends Measured {
  readonly of: "entries" | "publishers" | "members";
  /** Of them; entries at the end of the stretch that was measured. */
  readonly count: number;
  /** Members that vote, where members are counted. */
  readonly seats?: number;
  /** Processors that all of them keep busy before the load. */
  readonly idleCores?: number;
  /** Of all servers together, after the load. */
  readonly rssMiBAll: number;
}

/** Three processes, each with a member of so many republics; of all three together. */
export interface RepublicsRow {
  readonly republics: number;
  /** Each connection counts at both of its ends. */
  readonly sockets: number;
  /** After the load. */
  readonly rssMiBAll: number;
  /** Processors kept busy, and syncs a second, without a load. */
  readonly idleCores: number;
  readonly idleSyncs: number;
  /** Acknowledged entries a second, and milliseconds to that from when one was due. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly cores: number;
  readonly syncs: number;
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
  readonly tls: TlsCost | null;
  readonly replay: readonly ReplayRow[];
  readonly fanOut: readonly FanOutRow[];
  readonly restart: readonly RestartRow[];
  readonly scale: readonly ScaleRow[];
  readonly republics: readonly RepublicsRow[];
}

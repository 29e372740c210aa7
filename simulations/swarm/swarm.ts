/** What one run is about: how many nodes, which faults how often, what clients do. Draws none. */
import type { DiskFaults, Range } from "../disk/disk.ts";
import type { DamageKind } from "../disk/disk-damage.ts";
import type { PowerLoss } from "../disk/simulated-file.ts";
import type { NetworkFaults } from "../network.ts";

/** How often something is done to the cluster: the mean time between two, or null for never. */
export interface Rhythm {
  readonly meanMs: number;
}

export interface Swarm {
  /** Those that the republic begins with. */
  readonly nodes: number;
  /** O6: further ones, that an operator lets join later. */
  readonly newcomers: number;
  readonly parliamentSize: number;
  /** After how long a silent member's seat is given to a constituent; null for never. */
  readonly replaceAfterMs: number | null;
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
  readonly atlas: {
    /**
     * Positions of the nodes whose copies may be damaged or lost: a minority of any parliament, so
     * that the others always have everything and can go on.
     */
    readonly victims: readonly number[];
    /** H5, K10, K11: in the end a majority is damaged: nothing may be expected but the truth. */
    readonly isSafetyOnly: boolean;
  };
  /** What may go wrong with the victims' disks only. */
  readonly victimDisk: Pick<
    DiskFaults,
    "lateErrorChance" | "staleReadChance" | "misdirectedReadChance"
  > & {
    /** K4: whether a loss of power may leave garbage in their unsynced sectors. */
    readonly garbage: boolean;
  };
  /** K5, K7, K8, K9, K16, at rest. */
  readonly damage: (Rhythm & { readonly kinds: readonly DamageKind[] }) | null;
  /** X5, X6, X8, X9. */
  readonly folders: (Rhythm & { readonly kinds: readonly FolderFault[] }) | null;
  /** O4, O5, O6, O12. */
  readonly operator: (Rhythm & { readonly kinds: readonly OperatorAction[] }) | null;
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
        readonly together: "one" | "minority" | "all" | "rolling";
        /** X10: how likely the next life ends in its recovery. */
        readonly loopChance: number;
      })
    | null;
  /** After how much log nodes make snapshots, and how many bytes of it they keep; null: all. */
  readonly snapshots: {
    readonly bytes: number;
    readonly slots: number;
    readonly retainBytes: number | null;
  };
  /** K22: how likely a start finds temporary files that somebody left over. */
  readonly leftOverChance: number;
  /** X11: whether nodes of two releases are mixed, which speak other versions of the protocol. */
  readonly mixesVersions: boolean;
  readonly restarts: Rhythm | null;
  readonly pauses: (Rhythm & { readonly lengthMs: Range }) | null;
  /** K15: of one node, or of several at once. */
  readonly fullDisks:
    (Rhythm & { readonly lengthMs: Range; readonly together: "one" | "majority" | "all" }) | null;
  /** K18: mounted read-only for a while. */
  readonly readOnlyDisks: (Rhythm & { readonly lengthMs: Range }) | null;
  /** N14: for a while all messages of a kind are lost. */
  readonly deafness:
    (Rhythm & { readonly lengthMs: Range; readonly kinds: readonly string[] }) | null;
  readonly clocks: {
    readonly wallSpreadMs: number;
    readonly drift: number;
    /** T3: how often, and how far at most, a wall clock is set. */
    readonly steps: (Rhythm & { readonly maxMs: number }) | null;
    /** T5: how often, and how long, clocks stand still. */
    readonly freezes: (Rhythm & { readonly lengthMs: Range }) | null;
  };
  /** 8.3: who takes part in the liveness phase, and what is wrong with the others, for good. */
  readonly liveness: {
    /** Whether all nodes come back, or a core that is a majority only. */
    readonly isWhole: boolean;
    readonly outsiders: readonly OutsiderFault[];
    /** What then becomes of the leader, under load; null for nothing. */
    readonly strike: Strike | null;
  };
  /**
   * O8, O9: how the run ends instead, with a republic that goes on from a backup, or from one of
   * the disks; null in most runs.
   */
  readonly worstDay: WorstDayKind | null;
  readonly workload: Workload;
  /** Whether nodes have state machines, and what is asked of them; null for none. */
  readonly machine: MachinePlan | null;
}

export interface MachinePlan {
  /** The part of entries that are operations on the map. */
  readonly operationChance: number;
  /** How often it is read, for each second, all nodes together. */
  readonly readsPerSecond: number;
  /** V10: positions of nodes whose first machines are not deterministic. */
  readonly wayward: readonly number[];
}

/** `oneWay` and `hold` are silent; `split` parts the nodes in two; `isolate` cuts one off. */
export type CutShape =
  "oneWay" | "hold" | "sever" | "split" | "isolate" | "flap" | "swizzle" | "client";

/**
 * No disk any more; an old one; a neighbour's; another republic's; the right one, but two processes
 * on it, or one more on a copy of it.
 */
export type FolderFault = "empty" | "backup" | "foreign" | "elsewhere" | "twin" | "clone";
export type OperatorAction = "exile" | "transfer" | "join" | "seat" | "move";
export type WorstDayKind = "recover" | "restore";
/** What stays broken: down, or cut off both ways, or in one direction only. */
export type OutsiderFault = "down" | "cut" | "deaf" | "mute";
/** The leader is killed, stopped, told to hand over, or cut off for two time-outs; or all stop. */
export type Strike =
  | "kill"
  | "stop"
  | "transfer"
  | "isolate"
  | "stopAll"
  /** Its disk is full, or hangs, or it is paused, for a while. */
  | "fill"
  | "stall"
  | "pause";

export interface Workload {
  /** Calls of publish for each second, all nodes together. */
  readonly publishesPerSecond: number;
  /** Entries that are published in one turn. */
  /** N15: clients in processes of their own, beside those that live with a node. */
  readonly remoteClients: number;
  readonly burstMax: number;
  readonly bytesMax: number;
  /** V2: the part of publishes at the limit of an entry's size, and one byte beyond it. */
  readonly giantChance: number;
  /** The part of publishes whose caller gives up early. */
  readonly abortChance: number;
  readonly barriersPerSecond: number;
  readonly readsPerSecond: number;
}

/**
 * Everything a legislator remembers between two steps, besides log and republic. Plain data and
 * maps, so that a checkpoint of it is complete (contract C1).
 */
import type { Citizen, RepublicIdentity, Value } from "./decree.ts";
import {
  ballotZero,
  type Ballot,
  type Hash,
  type NodeId,
  type Slot,
  type Tick,
} from "./identifiers.ts";
import type { DurableState } from "./durable-state.ts";
import { limits } from "./limits.ts";
import type { Heard, MachineMark, Promised, Report } from "./messages.ts";
import type { Halt } from "./outcome.ts";

/** What a write makes durable, as far as attestations need it. */
export interface Mark {
  readonly write: number;
  readonly promised: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
  readonly lostUpTo: Slot;
}

/** What is known of a node that this one exchanges pings with. */
export interface Peer {
  /** Its latest report, or null before the first. */
  report: Report | null;
  /**
   * The highest promise that a refusal of it named, durable or not; never mixed into its report.
   */
  refused: Ballot;
  /** Rounds of pings since it last answered one; counts only while running (contract C11). */
  missed: number;
  /** The same without a bound: how long its seat has been without anybody, as this node sees it. */
  silent: number;
  /** Its last pong, which the next ping answers; or null. */
  toAnswer: { readonly starts: number; readonly round: number } | null;
  /** The round in which this node last answered a ping of it. */
  answeredRound: number;
  /** Its latest state hash that this node has not reached yet, to be compared when it does. */
  toCompare: { readonly slot: Slot; readonly hash: Hash } | null;
  /** What comparing state hashes has said of it so far (contract C10). */
  agrees: boolean | null;
  /** The same two of the marks of its state machine. */
  machineToCompare: MachineMark | null;
  machineAgrees: boolean | null;
}

/** @param missed As if it had missed so many answers: it is not there until it is heard. */
export function unheardPeer(missed: number): Peer {
  return {
    report: null,
    refused: ballotZero,
    missed,
    silent: 0,
    toAnswer: null,
    answeredRound: -1,
    toCompare: null,
    agrees: null,
    machineToCompare: null,
    machineAgrees: null,
  };
}

export interface Follower {
  /** Whether it holds this leader's log up to `accepted` and is sent what follows. */
  synchronized: boolean;
  /** Up to where it attested this leader's log. */
  accepted: Slot;
  /** Up to where it was sent this leader's log. */
  sent: Slot;
  /** `accepted` at the last report: no progress between two means that something was lost. */
  acceptedAtReport: Slot;
  /** The decided slots it was sent last, and in which round. */
  slotsSent: { readonly slotFirst: Slot; readonly round: number } | null;
}

export interface Candidate {
  readonly kind: "candidate";
  readonly ballot: Ballot;
  readonly since: Tick;
  /** False until the candidate's own promise is durable (contract C3). */
  prepared: boolean;
  readonly promises: Map<NodeId, Promised>;
}

export interface BarrierRound {
  readonly round: number;
  readonly slot: Slot;
  readonly barriers: readonly number[];
  readonly confirmed: NodeId[];
}

type Incarnation = Pick<Citizen, "id" | "cookie">;

export interface Leading {
  readonly kind: "leading";
  readonly ballot: Ballot;
  /**
   * The ballot of the log that was adopted, and its length: what followers of that ballot share.
   */
  readonly adoptedBallot: Ballot;
  readonly adoptedLength: Slot;
  /** The slot of the opening decree; 0 when the adopted log ends in a stop-sign. */
  readonly opening: Slot;
  /** Log time and monotonic time when leading began (contract C11). */
  readonly timeBase: number;
  readonly since: Tick;
  readonly followers: Map<NodeId, Follower>;
  /** Values that wait for room, in order. */
  readonly queue: Value[];
  queueBytes: number;
  /** The last slots of what was proposed together, while they are undecided. */
  readonly bursts: Slot[];
  /** When something was proposed last. */
  burstAt: Tick;
  /** The next sequence of each publisher that has something queued or undecided. */
  readonly expected: Map<number, number>;
  /** When the first undecided slot became the first; null when nothing is undecided. */
  pendingSince: Tick | null;
  /** Up to where followers were told that the log is decided. */
  decidedTold: Slot;
  readonly barriersWaiting: number[];
  barrierRound: BarrierRound | null;
  barrierRounds: number;
  /** To whom leadership is being handed, and until when that is tried. */
  handingOver: { readonly to: NodeId; readonly until: Tick; told: boolean } | null;
  /**
   * Whom an operator exiled; seats are taken first. Incarnations, since an id may come back with
   * an empty disk as soon as its exile is decided.
   */
  exiling: readonly Incarnation[];
  /** Who is to be given whose seat, as an operator wants it. */
  swapping: { readonly next: Incarnation; readonly insteadOf: Incarnation } | null;
}

export type Role =
  /** No republic yet. */
  | { readonly kind: "stateless" }
  /** In a republic, or on the way into it, without a seat. */
  | { readonly kind: "constituent" }
  | { readonly kind: "follower" }
  | Candidate
  | Leading;

/** The barriers for which somebody waits here: at a leader only. */
export function barriersAt(role: Role): readonly number[] {
  if (role.kind !== "leading") return [];
  return [...(role.barrierRound?.barriers ?? []), ...role.barriersWaiting];
}

export interface LegislatorState {
  now: Tick;
  /** Why this node must stop, once it must; it takes no step any more. */
  halt: Halt | null;
  /** As written, durable or not. */
  promised: Ballot;
  /** The ballot of the log, as written. */
  accepted: Ballot;
  /** Up to where the log is known equal to that of the leader of `accepted`; volatile. */
  confirmed: Slot;
  /**
   * The log was attested up to here, and what follows its end in memory is damaged; 0 when nothing
   * is. Until it is covered again this node gives none of it out, and leads on nothing (A8, D4).
   */
  lostUpTo: Slot;
  durable: Mark;
  /** Writes under way, oldest first. */
  readonly writes: Mark[];
  /** Since when none of these has become durable; null when there are none. */
  persistingSince: Tick | null;
  writeLast: number;
  /**
   * The last write that begins the log anew; 0 for none. Before it is durable nothing is promised:
   * what was accepted stands on the disk, and is not known here any more.
   */
  installing: number;
  /** The bootstrap decree is written but not durable yet. */
  founding: boolean;
  joining: { readonly republic: RepublicIdentity; readonly contacts: readonly Citizen[] } | null;
  /** The application holds its state: a seat is welcome. */
  willing: boolean;
  /** Whether the disk has room for further entries. */
  hasRoom: boolean;
  role: Role;
  /** Values that wait for this node to lead the government it was named for. */
  readonly inherited: Value[];
  /** The candidate that is owed a promise once it is durable, and what it holds. */
  owed: { readonly ballot: Ballot; readonly accepted: Ballot; readonly length: Slot } | null;
  readonly peers: Map<NodeId, Peer>;
  /** Of the rounds of pings. */
  round: number;
  roundAt: Tick;
  /** The highest slot that any heard peer knew decided when the last round began. */
  decidedAtRound: Slot;
  /** Candidacies since a leader was last heard, and when the next one is allowed. */
  attempts: number;
  notBefore: Tick;
  /** Whom this node would have lead, how long that stands, and whether that one was told so. */
  choice: { readonly id: NodeId; readonly until: Tick; told: boolean } | null;
  /** Since when nothing but the others' choice keeps this node from taking over. */
  freeSince: Tick | null;
  /** The outstanding fetch, and the round in which it was sent. */
  fetching: { readonly from: NodeId; readonly slotFirst: Slot; readonly round: number } | null;
  fetches: number;
  /** The round in which a resynchronize was last sent; one a round is enough. */
  resynchronizedRound: number;
  /** Who waits for slots that are not decided yet. */
  readonly waiters: Map<NodeId, Slot>;
  /** State hashes of the latest slots, at `slot % limits.hashesKept`. */
  readonly hashes: Map<number, { readonly slot: Slot; readonly hash: Hash }>;
  /** The latest marks of this node's state machine, in the order of their slots. */
  readonly machineMarks: MachineMark[];
  readonly heard: Map<NodeId, Heard>;
  heardChanged: boolean;
  /** How long the log was on the disk when this life began. */
  readonly lengthAtStart: Slot;
  /** The most that peers can have heard of the log in this life (contract C5). */
  lengthReported: Slot;
  /** Members that, in this life, knew nothing later of this disk (contract C5). */
  readonly vouchers: NodeId[];
}

export function initialState(durable: DurableState): LegislatorState {
  const { promised, accepted, republic, decrees, lostUpTo, heard, writeLast } = durable;
  const { slot } = republic;
  const length = slot + decrees.length;
  const attested = Math.max(length, lostUpTo);
  return {
    now: 0,
    halt: null,
    promised,
    accepted,
    confirmed: 0,
    lostUpTo,
    durable: { write: writeLast, promised, accepted, length, lostUpTo },
    writes: [],
    writeLast,
    installing: 0,
    founding: false,
    joining: null,
    willing: false,
    hasRoom: true,
    persistingSince: null,
    role: { kind: "stateless" },
    inherited: [],
    owed: null,
    peers: new Map(),
    round: 0,
    roundAt: 0,
    decidedAtRound: 0,
    attempts: 0,
    notBefore: 0,
    choice: null,
    freeSince: null,
    fetching: null,
    fetches: 0,
    resynchronizedRound: -1,
    waiters: new Map(),
    // What a disk holds is compared, too, where nothing is decided any more.
    hashes: new Map([[slot % limits.hashesKept, { slot, hash: republic.stateHash }]]),
    machineMarks: [],
    heard: new Map(heard.map((each) => [each.id, each])),
    heardChanged: false,
    lengthAtStart: attested,
    lengthReported: attested,
    vouchers: [],
  };
}

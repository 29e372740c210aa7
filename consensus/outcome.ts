/**
 * The contract between the core and its shell: what goes in, what comes out, and in which order the
 * shell carries it out. Nothing here does anything.
 */
import type { Batch, Citizen, Decree, Registration, RepublicIdentity } from "./decree.ts";
import type { Heard, Message } from "./messages.ts";
import type {
  Ballot,
  Cookie,
  Hash,
  Index,
  NodeId,
  PublisherId,
  Slot,
  Tick,
} from "./identifiers.ts";

/** What every input carries. */
interface Stamp {
  /** Monotonic; never falls within one life. */
  readonly now: Tick;
  /** The wall clock, milliseconds since 1970; information only. */
  readonly when: number;
}

/** Founds a republic with this node as its whole parliament. Only on an empty log. */
export interface BootstrapInput extends Stamp {
  readonly kind: "bootstrap";
  readonly republic: RepublicIdentity;
  readonly founder: Citizen;
  readonly parliamentSize: number;
}

/** This node was admitted: it follows the log, from `contacts`, until it finds itself in it. */
export interface JoinInput extends Stamp {
  readonly kind: "join";
  readonly republic: RepublicIdentity;
  readonly contacts: readonly Citizen[];
}

/** Somebody asks to be admitted; answered in `Outcome.reply`. */
export interface ImmigrateInput extends Stamp {
  readonly kind: "immigrate";
  readonly citizen: Citizen;
}

/** The application says that this node holds its state: it may be given a seat once caught up. */
export interface NaturalizeInput extends Stamp {
  readonly kind: "naturalize";
}

/** An operator removes a node; answered in `Outcome.reply`. */
export interface ExileInput extends Stamp {
  readonly kind: "exile";
  readonly id: NodeId;
}

/**
 * An operator lets a member have a seat, again or in place of another's; answered in
 * `Outcome.reply`.
 */
export interface PromoteInput extends Stamp {
  readonly kind: "promote";
  readonly id: NodeId;
  /** Whose seat it is given at once; null: it waits until there is one. */
  readonly insteadOf: NodeId | null;
}

/** An operator takes a member's seat away, for as long as it is not promoted. */
export interface DemoteInput extends Stamp {
  readonly kind: "demote";
  readonly id: NodeId;
}

/** An operator, or a node that stops, hands leadership over; null lets the leader choose. */
export interface TransferInput extends Stamp {
  readonly kind: "transfer";
  readonly to: NodeId | null;
}

/** Time has passed; due at the latest at `Outcome.deadline`. */
export interface EventInput extends Stamp {
  readonly kind: "event";
  /** Drawn outside, 0 ≤ jitter < 1: keeps rivals apart. */
  readonly jitter: number;
}

/** A message of a peer whose connection proved that it holds (id, cookie). */
export interface ReceiveInput extends Stamp {
  readonly kind: "receive";
  readonly from: NodeId;
  readonly cookie: Cookie;
  readonly message: Message;
}

/** Somebody asks the leader to have a value decided; answered in `Outcome.reply`. */
export interface EnqueueInput extends Stamp {
  readonly kind: "enqueue";
  readonly value: Batch | Registration;
}

/** Every write up to `write` would survive a loss of power. */
export interface PersistedInput extends Stamp {
  readonly kind: "persisted";
  readonly write: number;
}

/**
 * What was sent to a peer is lost, with the connection: a hint, never a proof, that it is gone.
 */
export interface SentInput extends Stamp {
  readonly kind: "sent";
  readonly to: NodeId;
}

/** Whether this node's disk has room for further entries; it has as long as nothing is said. */
export interface RoomInput extends Stamp {
  readonly kind: "room";
  readonly hasRoom: boolean;
}

/** Asks for a slot after whose application a local read is linearizable. */
export interface BarrierInput extends Stamp {
  readonly kind: "barrier";
  /** Unique for each attempt within one life. */
  readonly barrier: number;
}

export type LegislatorInput =
  | BootstrapInput
  | JoinInput
  | ImmigrateInput
  | NaturalizeInput
  | ExileInput
  | PromoteInput
  | DemoteInput
  | TransferInput
  | EventInput
  | ReceiveInput
  | EnqueueInput
  | PersistedInput
  | SentInput
  | RoomInput
  | BarrierInput;

/** Control messages travel on a lane of their own, never behind bulk data. */
export type Lane = "control" | "bulk";

export interface Dispatch {
  readonly to: NodeId;
  readonly lane: Lane;
  readonly message: Message;
}

/**
 * What must become durable, all or nothing. Writes are durable in the order of their numbers; the
 * shell reports them by `persisted`. A number is never used again, in no later life.
 */
export interface Write {
  readonly number: number;
  /** A new promise, kept twice outside the journal; null when it did not change. */
  readonly promised: Ballot | null;
  /** The ballot of the log once this write is durable. */
  readonly accepted: Ballot;
  /**
   * Everything from here on is replaced by `decrees`; the length + 1 of the log when they append.
   */
  readonly slotFirst: Slot;
  readonly decrees: readonly Decree[];
  /** How far the log is known decided; may lag, never leads. */
  readonly decided: Slot;
  /** What was heard of peers since the last such note, or null. */
  readonly heard: readonly Heard[] | null;
  /**
   * The log was attested up to here, and what follows `decrees` was damaged on the disk: it stays
   * attested, and unknown. 0 when nothing is.
   */
  readonly lostUpTo: Slot;
}

/**
 * The shell reads decided slots `slotFirst … slotLast` from its journal and sends them as `learn`.
 * What this or a later outcome sends to the same receiver on the lane `bulk` waits behind them: it
 * may continue them. (All of it may be lost.)
 */
export interface SlotDispatch {
  readonly to: NodeId;
  readonly slotFirst: Slot;
  readonly slotLast: Slot;
  readonly decided: Slot;
}

/** What a decided decree did. */
export type Effect =
  | { readonly kind: "none" }
  | { readonly kind: "government" }
  | { readonly kind: "membership" }
  | { readonly kind: "registered"; readonly publisher: PublisherId; readonly nonce: string }
  | { readonly kind: "refusedRegistration"; readonly nonce: string }
  /**
   * The batch's entries took the indexes from `index` on; for a duplicate, those it has had before.
   */
  | { readonly kind: "applied" | "duplicate"; readonly index: Index }
  /** Had and will have no effect under this slot: a batch over a gap, which may be sent again. */
  | { readonly kind: "gap"; readonly expected: number }
  /** Other bytes or boundaries under numbers that are taken: never accepted. */
  | { readonly kind: "conflict" }
  /** The publisher is unknown or has expired: never accepted under these numbers. */
  | { readonly kind: "unknownPublisher" };

export interface Applied {
  readonly decree: Decree;
  readonly effect: Effect;
  /** The number of the government in force when it was decided. */
  readonly government: number;
  /** The hash of the replicated state after it. */
  readonly stateHash: Hash;
}

/** The answer to `immigrate`, `enqueue` and what operators ask for, in the same step. */
export type Reply =
  /**
   * Taken: watch the log (for `enqueue`: the effect of the batch). A change of leader may lose it.
   */
  | { readonly kind: "enqueued" }
  /** `immigrate`: already in, by this slot, in this republic. */
  | { readonly kind: "admitted"; readonly slot: Slot }
  /** `enqueue`: decided before; the outcome stands in the publisher table. */
  | { readonly kind: "settled"; readonly effect: Effect }
  | {
      readonly kind: "refused";
      readonly reason: RefusalReason;
      /** Who leads, as far as this node knows. */
      readonly leader: NodeId | null;
    };

export type RefusalReason =
  /** This node does not lead; try `leader`. */
  | "notLeading"
  /** At a limit; try later. */
  | "busy"
  /** The disks of a majority have no room for more; try again when somebody has made some. */
  | "full"
  /** A batch came before its predecessors; send from the expected one on. */
  | "gap"
  /** The id is held by another incarnation. */
  | "idTaken"
  /** This incarnation was exiled: it comes back only under a new directory. */
  | "departed"
  /** There is no such member. */
  | "notFound"
  /** It would cost the quorum. */
  | "quorum"
  /** Who is to be given a seat at once is out of reach, or has not caught up. */
  | "notReady"
  /** `invite`: nobody answers at the endpoint. */
  | "unreachable"
  /** `invite`: whoever answers there waits for no invitation. */
  | "notWaiting"
  /** The node has no republic yet. */
  | "noRepublic";

/** Why a node must stop. Named, loud, final. */
export type Halt =
  /** A majority of the parliament contradicts this node's state, or nobody has a majority (C10). */
  | { readonly kind: "diverged"; readonly slot: Slot; readonly peers: readonly NodeId[] }
  /**
   * A peer knows of a later attestation of this (id, cookie): an old backup, or a clone (C5).
   */
  | { readonly kind: "staleDisk"; readonly peer: NodeId }
  /** This (id, cookie) was removed from the republic. */
  | { readonly kind: "exiled"; readonly slot: Slot };

/**
 * What a step asks of the shell. An attestation (`promised`, `accepted`, a pong's report) is never
 * in the outcome of the step that wrote what it attests: it comes out of a later `persisted` step,
 * built from what is durable *then*. So it cannot leave too early, and a higher promise that came
 * in between cancels it (contracts C2 and C3).
 */
export interface Outcome {
  /** May leave at once, in this order for each receiver and lane. */
  readonly send: readonly Dispatch[];
  /** To be appended to the journal; null when nothing changed. */
  readonly persist: Write | null;
  readonly sendSlots: readonly SlotDispatch[];
  /** Decided and applied, in slot order without a hole: may be told to anybody. */
  readonly applied: readonly Applied[];
  /** Barriers that are answered: a slot to wait for, or null when this node cannot (any more). */
  readonly barriers: readonly { readonly barrier: number; readonly slot: Slot | null }[];
  readonly reply: Reply | null;
  readonly halt: Halt | null;
  /** When the next `event` is due, or null when nothing is waited for. */
  readonly deadline: Tick | null;
}

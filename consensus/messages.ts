/**
 * Every message between legislators, one interface each. They travel as the body of `receive`
 * requests; any of them may be lost, delayed, doubled or overtaken without harm.
 */
import type { Decree } from "./decree.ts";
import type { Ballot, Hash, NodeId, Cookie, Slot } from "./identifiers.ts";

/** What a node tells of itself with each ping and pong. What it attests here is durable. */
export interface Report {
  /** The number of the government in force at the sender. */
  readonly government: number;
  /** The highest ballot durably promised. */
  readonly promised: Ballot;
  /** The ballot of the durable log. */
  readonly accepted: Ballot;
  /** The length of the durable log. */
  readonly length: Slot;
  /** Up to where the sender knows the log decided, and has applied it. */
  readonly decided: Slot;
  /** The hash of the replicated state after `decided` (contract C10). */
  readonly stateHash: Hash;
  /** The ballot the sender prepares or leads in, or null. */
  readonly leading: Ballot | null;
  /** Whether the sender lately heard a majority of its parliament, itself included. */
  readonly quorumConnected: boolean;
  /** Whether what the sender leads is decided in time; of a follower, whether it could lead. */
  readonly timely: boolean;
  /** Whether the sender's disk has room for further entries. */
  readonly hasRoom: boolean;
  /** The ballot of the fit leader that the sender hears, itself included; or null. */
  readonly hearsFit: Ballot | null;
  /** Whom the sender would have lead its government, while it hears no fit leader; or null. */
  readonly chooses: NodeId | null;
  /** How often the sender's storage was opened; a later life has a higher number. */
  readonly starts: number;
}

/** The latest attestation heard of a peer, kept durably against old backups and clones (C5). */
export interface Heard {
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly starts: number;
  readonly promised: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
}

/** That the sender heard the receiver: the link works both ways. */
export interface Answer {
  /** The receiver's life that sent the ping or pong which this answers, and its round then. */
  readonly starts: number;
  readonly round: number;
  /** What the sender remembers, durably or not, of the receiver's own latest attestation. */
  readonly heard: Heard | null;
}

/** Asks a peer how it is, and says how the sender is. */
export interface Ping {
  readonly kind: "ping";
  /** The sender's. */
  readonly round: number;
  readonly report: Report;
  /** To the peer's last pong, or null where none is to be answered. */
  readonly answer: Answer | null;
}

/** Answers a ping at once; it is answered itself by the next ping. */
export interface Pong {
  readonly kind: "pong";
  /** The sender's. */
  readonly round: number;
  readonly report: Report;
  readonly answer: Answer;
}

/**
 * Phase 1a: asks to promise `ballot`, and says what the candidate holds, so that little is sent.
 */
export interface Prepare {
  readonly kind: "prepare";
  readonly ballot: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
  readonly decided: Slot;
}

/** Phase 1b: refuses every ballot below `ballot`, and tells what was accepted so far. */
export interface Promised {
  readonly kind: "promised";
  readonly ballot: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
  /** Up to here the sender still has its log: what follows up to `length` is damaged. */
  readonly intact: Slot;
  readonly decided: Slot;
  /**
   * The undecided slots `decided + 1 … length` of the sender, when its (accepted, length) is above
   * the candidate's and nothing of it is damaged; otherwise empty.
   */
  readonly decrees: readonly Decree[];
}

/** A hint that a ballot is too low. Binds the sender to nothing. */
export interface Refused {
  readonly kind: "refused";
  /** The ballot that was refused. */
  readonly ballot: Ballot;
  readonly promised: Ballot;
}

/**
 * Makes a follower's log equal to the leader's: replaces everything from `slotFirst` on, at once.
 */
export interface Synchronize {
  readonly kind: "synchronize";
  readonly ballot: Ballot;
  readonly slotFirst: Slot;
  /** The log hash at `slotFirst - 1`. */
  readonly hashBefore: Hash;
  readonly decrees: readonly Decree[];
  readonly decided: Slot;
}

/** Phase 2a, in order after a synchronize of the same ballot. At least one decree. */
export interface Accept {
  readonly kind: "accept";
  readonly ballot: Ballot;
  readonly decrees: readonly Decree[];
  readonly decided: Slot;
}

/** Phase 2b: the sender durably holds the leader's log of `ballot` up to `length`. */
export interface Accepted {
  readonly kind: "accepted";
  readonly ballot: Ballot;
  readonly length: Slot;
}

/** A follower noticed that it missed something of `ballot`: asks to be synchronised again. */
export interface Resynchronize {
  readonly kind: "resynchronize";
  readonly ballot: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
  readonly decided: Slot;
}

/** Tells followers in `ballot` how far the log is decided, when no accept carries it. */
export interface Decide {
  readonly kind: "decide";
  readonly ballot: Ballot;
  readonly decided: Slot;
}

/** Asks whether the receiver still promises exactly `ballot`; for linearizable reads. */
export interface Confirm {
  readonly kind: "confirm";
  readonly ballot: Ballot;
  readonly round: number;
}

export interface Confirmed {
  readonly kind: "confirmed";
  readonly ballot: Ballot;
  readonly round: number;
}

/**
 * Asks for decided slots from `slotFirst` on. With `follow` the answer may wait until there are
 * some, which is how constituents follow the log of any member.
 */
export interface Fetch {
  readonly kind: "fetch";
  readonly slotFirst: Slot;
  readonly follow: boolean;
}

/** Decided slots, in answer to a fetch; the shell reads them from the journal. */
export interface Learn {
  readonly kind: "learn";
  readonly decrees: readonly Decree[];
  /** How far the sender knows the log decided. */
  readonly decided: Slot;
}

/** "You are behind": the answer to a message of a government that has ended. */
export interface Ahead {
  readonly kind: "ahead";
  readonly government: number;
  readonly decided: Slot;
}

/** A constituent says that it holds log and state and may be given a seat. */
export interface Naturalize {
  readonly kind: "naturalize";
}

/** The leader hands over: the receiver may raise its ballot at once. */
export interface TakeOver {
  readonly kind: "takeOver";
  readonly ballot: Ballot;
}

export type Message =
  | Ping
  | Pong
  | Prepare
  | Promised
  | Refused
  | Synchronize
  | Accept
  | Accepted
  | Resynchronize
  | Decide
  | Confirm
  | Confirmed
  | Fetch
  | Learn
  | Ahead
  | Naturalize
  | TakeOver;

/**
 * The replicated state as plain data: the same function of the decided log on every node. It is
 * what recovery folds, checkpoints carry and state hashes compare.
 */
import type { Batch, Citizen, RepublicIdentity } from "./decree.ts";
import type { Cookie, Hash, Index, NodeId, PublisherId, Slot } from "./identifiers.ts";

/** Who may vote, from the slot that decided it on. */
export interface Government {
  /** From 1. */
  readonly number: number;
  /** Sorted by id. */
  readonly parliament: readonly NodeId[];
  /** Who prepares first; leads until somebody else wins a ballot. */
  readonly leader: NodeId;
  /** Members without a seat that are to be exiled. */
  readonly leaving: readonly NodeId[];
  /** The slot that decided it. */
  readonly slot: Slot;
}

export interface Member extends Citizen {
  /** The slot of its admission. */
  readonly admitted: Slot;
  readonly naturalized: boolean;
  /** False once an operator took its seat away, until one lets it have a seat again. */
  readonly eligible: boolean;
}

/** An incarnation that was exiled and never comes back (contract C5). */
export interface Departed {
  readonly id: NodeId;
  readonly cookie: Cookie;
  /** Where it was: it is told when it comes back, and stops. */
  readonly url: string;
  /** The slot of its exile. */
  readonly slot: Slot;
}

/** That the republic went on under another identity, by an operator's hand. */
export interface Refounded {
  readonly cause: "recovered" | "restored";
  /** The slot that says so: the last of the republic before, the first of the next. */
  readonly slot: Slot;
  /** The wall clock of that moment; information only. */
  readonly when: number;
  /** What it was before. */
  readonly before: RepublicIdentity;
}

export interface PublisherResult {
  readonly batch: Batch;
  /** The index of its first entry. */
  readonly index: Index;
}

export interface PublisherState {
  readonly publisher: PublisherId;
  /** The sequence number that must come next, from 1. */
  readonly sequenceNext: number;
  /** The latest results, oldest first, at most `limits.publisherResultsMax`. */
  readonly results: readonly PublisherResult[];
  /** Log time of its last decided batch or of its registration. */
  readonly time: number;
}

export interface RepublicState {
  /** Null before the bootstrap is decided. */
  readonly republic: RepublicIdentity | null;
  readonly parliamentSize: number;
  /** The last decided slot that was applied. */
  readonly slot: Slot;
  /** The log hash at `slot`. */
  readonly hash: Hash;
  /** The running hash over decrees and their effects at `slot` (contract C10). */
  readonly stateHash: Hash;
  /** Log time at `slot`. */
  readonly time: number;
  /** The index of the last user's entry. */
  readonly index: Index;
  readonly government: Government | null;
  /** In the order of their admission. */
  readonly members: readonly Member[];
  /** The latest exiled, oldest first, at most `limits.departedKept`. */
  readonly departed: readonly Departed[];
  /** The latest refoundings, oldest first, at most `limits.refoundedKept`. */
  readonly refounded: readonly Refounded[];
  /** In the order of their registration. */
  readonly publishers: readonly PublisherState[];
}

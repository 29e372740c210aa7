/** The public shapes that node and client share; their behaviour is documented at their methods. */
import type { Ballot, NodeId, Refounded } from "../consensus/index.ts";
import type { KibitzerError } from "./kibitzer-error.ts";

/** One user's entry, as read from the log. */
export interface Entry {
  /** Dense, from 1, the same on every node. */
  readonly index: number;
  /** The slot of the batch it came in. */
  readonly slot: number;
  /** The number of the government in which it was decided. */
  readonly government: number;
  /** Milliseconds since 1970 by the leader's wall clock; information only. */
  readonly when: number;
  readonly publisher: string;
  /** Its number in the publisher's order, from 1. */
  readonly sequence: number;
  /** A view that stays valid; must not be written to. */
  readonly bytes: Uint8Array;
  /** The bytes as UTF-8; malformed sequences become U+FFFD. */
  text(): string;
}

/** What became of an entry. */
export interface Published {
  readonly index: number;
  /** What the state machine of the node that answered made of it; absent for nothing. */
  readonly result?: Uint8Array;
  /** There was a result, and it is not kept: it was too large, or the retry came too late. */
  readonly isResultDropped?: true;
  /** The state machine threw at this entry, and goes on without it, on every node. */
  readonly isSkipped?: true;
}

/** What became of entries that were published as neighbours. */
export interface PublishedMany {
  /** Of the first; the others follow it. */
  readonly index: number;
  /** What became of each, in order, where a state machine made something of any of them. */
  readonly each?: readonly Published[];
}

/** How a state machine is asked. */
export interface QueryOptions {
  /** Answer from what the node has, without a barrier; default false. */
  readonly stale?: boolean;
  /** Wait until this entry is applied, at most `waitMs`. */
  readonly index?: number;
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** What a state machine says. */
export interface Answer {
  /** The last entry that it had applied. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface PublishOptions {
  /** Ends the waiting; the rejection's `outcome` tells whether the entry may yet be decided. */
  readonly signal?: AbortSignal;
  /** False: at the bounds reject with `KBZ_BUSY` at once instead of waiting. Default true. */
  readonly wait?: boolean;
}

export interface EntriesOptions {
  /** The first index wanted; default 1. */
  readonly from?: number;
  /** The last index wanted; the iteration ends after it. */
  readonly to?: number;
  /** False: end at the last entry there is. Default true: follow for ever. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  readonly signal?: AbortSignal;
}

/** Of the calls of a client, in place of the `timeoutMs` that it was connected with. */
export interface TimeLimit {
  readonly timeoutMs?: number;
}

/** What `status` tells; the same as `kibitz status --json`. */
export interface Status {
  readonly republic: { readonly name: string; readonly identity: string };
  readonly government: {
    readonly number: number;
    readonly leader: NodeId | null;
    readonly parliament: readonly NodeId[];
    readonly constituents: readonly NodeId[];
    /** How many seats there may be. */
    readonly parliamentSize: number;
  };
  readonly ballot: Ballot;
  readonly decided: { readonly slot: number; readonly index: number };
  /**
   * When the republic went on under another identity, by an operator's hand, the latest last;
   * absent where it never did.
   */
  readonly refounded?: readonly Refounded[];
  readonly members: readonly MemberStatus[];
}

export interface MemberStatus {
  readonly id: NodeId;
  readonly url: string;
  readonly role: "leader" | "member" | "constituent";
  readonly reachable: boolean;
  /** Whether it said that it had caught up, once: it may be given a seat then. */
  readonly naturalized: boolean;
  /** False once it was demoted, until it is promoted: it is given no seat. */
  readonly eligible: boolean;
  readonly decided: { readonly slot: number; readonly index: number };
  readonly applied: { readonly slot: number; readonly index: number };
  /** The hash of the replicated state at a slot. */
  readonly hash: { readonly slot: number; readonly value: string };
  readonly cookie: string;
  readonly version: string;
}

/** A change of members or of the leader, as an operator wants it. */
export type MembershipChange =
  | { readonly kind: "add"; readonly url: string }
  | { readonly kind: "exile"; readonly id: NodeId }
  | { readonly kind: "promote"; readonly id: NodeId; readonly insteadOf?: NodeId }
  | { readonly kind: "demote"; readonly id: NodeId }
  | { readonly kind: "transfer"; readonly to?: NodeId };

/** How many failures a parliament survives, by whom of it can be reached. */
export interface QuorumArithmetic {
  readonly parliament: readonly string[];
  readonly majority: number;
  readonly reachable: number;
  /** How many more may fail; null where too few answer already. */
  readonly survives: number | null;
}

export interface MembershipPreview {
  readonly change: MembershipChange;
  readonly before: QuorumArithmetic;
  readonly after: QuorumArithmetic;
  /** Why it would be refused, or null. */
  readonly refused: KibitzerError | null;
  /** What a user would want to know besides. */
  readonly note: string | null;
}

/** What became of a node that was to have a seat. */
export interface Seated {
  readonly seated: boolean;
  /**
   * What it waits for, if it has none: for a seat, since all are taken; for another constituent,
   * since with it alone their number would be even; or to be there and to have caught up.
   */
  readonly waitsFor: "seat" | "another" | "catchUp" | null;
}

export interface PromoteOptions extends WaitOptions {
  /** Whose seat it is given, in one change of government. */
  readonly insteadOf?: NodeId;
}

/** What an operator changes; asked at any node, and of the leader by that one. */
export interface Membership {
  /**
   * Invites the node that runs at `url` and waits for that, and resolves once it is a member that
   * has caught up, and has a seat if there is one for it.
   * @throws {KibitzerError} `KBZ_UNREACHABLE`, `KBZ_REPUBLIC` when it is in a republic already,
   *   `KBZ_ID_TAKEN`, `KBZ_EXILED`, `KBZ_NO_QUORUM`.
   */
  add(url: string, options?: WaitOptions): Promise<Seated & { readonly id: NodeId }>;
  /**
   * Lets a member have a seat, again or in place of another's. Resolves once it has it, or once it
   * is known what it waits for.
   * @throws {KibitzerError} as `exile` does.
   */
  promote(id: NodeId, options?: PromoteOptions): Promise<Seated>;
  /**
   * Takes a member's seat; it follows on, and is given none again until it is promoted. Resolves
   * once the next government has decided something.
   * @throws {KibitzerError} as `exile` does.
   */
  demote(id: NodeId, options?: WaitOptions): Promise<void>;
  /** What a change would do to the quorum; changes nothing. */
  preview(change: MembershipChange, options?: WaitOptions): Promise<MembershipPreview>;
  /**
   * Removes a member for good, and resolves once the log shows it. Its id is free again then: a
   * node with an empty directory may join under it.
   * @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_NOT_FOUND`, `KBZ_NO_QUORUM` when it would cost the
   *   quorum; with outcome `unknown` when the wait ended after it was submitted.
   */
  exile(id: NodeId, options?: WaitOptions): Promise<void>;
  /**
   * Hands leadership over to `to`, or to whom the leader chooses, and resolves with who leads then.
   * @throws {KibitzerError} as `exile` does.
   */
  transfer(to?: NodeId | null, options?: WaitOptions): Promise<{ readonly leader: NodeId }>;
}

/** What a node and a client have in common. */
export interface Log extends AsyncDisposable {
  /**
   * Resolves with the entry's index once a majority of the parliament has it on disk; where a state
   * machine is attached, once that has applied it, with its result.
   * @throws {KibitzerError} with a truthful `outcome`.
   */
  publish(entry: string | Uint8Array, options?: PublishOptions): Promise<Published>;
  /**
   * The entries in order, from the node (asked) itself; call `barrier` first for a linearizable
   * read. One that follows for ever ends when this is closed; one with an end that it has not
   * reached then fails with `KBZ_CLOSED`.
   */
  entries(options?: EntriesOptions): AsyncIterable<Entry>;
  /**
   * Local reads after this are linearizable: resolves with the last index decided before the call.
   */
  barrier(options?: WaitOptions): Promise<{ readonly index: number; readonly slot: number }>;
  /**
   * Asks the state machine of the node (asked) by its `query`: linearizable, unless it may be
   * stale.
   * @throws {KibitzerError} `KBZ_MACHINE` when none is attached that answers, or it throws.
   */
  query(question: Uint8Array, options?: QueryOptions): Promise<Answer>;
  status(options?: WaitOptions): Promise<Status>;
  close(): Promise<void>;
}

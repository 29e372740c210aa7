/**
 * What a slot decides. The core sees a batch as a *descriptor* only: its bytes are framed once by
 * the publisher and travel through the shell unread (contract C1). Never mutated once made.
 */
import type { Cookie, Hash, NodeId, PublisherId, Slot } from "./identifiers.ts";

/** The identity of one cluster: the name people use, and a random number drawn at bootstrap. */
export interface RepublicIdentity {
  readonly name: string;
  /** 16 hex digits. */
  readonly identity: string;
}

/** Who a node is and where it is reached. */
export interface Citizen {
  readonly id: NodeId;
  readonly cookie: Cookie;
  /** The advertised endpoint, as `ws://127.0.0.1:7700`. */
  readonly url: string;
  /** The user's own words about the node, as `{ zone: "eu-1" }`. */
  readonly properties: Readonly<Record<string, string>>;
}

/** The first decree of a republic: its identity, and its founder as the whole parliament. */
export interface Bootstrap {
  readonly kind: "bootstrap";
  readonly republic: RepublicIdentity;
  readonly founder: Citizen;
  /** How many seats a parliament may have: odd. */
  readonly parliamentSize: number;
}

/** The first decree that a new leader proposes in its ballot; has no effect but being decided. */
export interface Opening {
  readonly kind: "opening";
}

/** Makes a node a constituent. */
export interface Admission {
  readonly kind: "admission";
  readonly citizen: Citizen;
}

/** A constituent holds the log and the state: it may be given a seat. */
export interface Naturalization {
  readonly kind: "naturalization";
  readonly id: NodeId;
  readonly cookie: Cookie;
}

/** An operator's word on whether a member may have a seat; one that it has is taken next. */
export interface Eligibility {
  readonly kind: "eligibility";
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly eligible: boolean;
}

/** A member is called at another endpoint from now on. */
export interface Relocation {
  readonly kind: "relocation";
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly url: string;
}

/** Removes a constituent from the republic, for good. */
export interface Exile {
  readonly kind: "exile";
  readonly id: NodeId;
  readonly cookie: Cookie;
}

/** A stop-sign: the last decree of its government; where it is decided the next one begins. */
export interface Succession {
  readonly kind: "succession";
  /** The number of the government that begins: one more than that of the one that ends. */
  readonly government: number;
  /** Who may vote in it, sorted by id. */
  readonly parliament: readonly NodeId[];
  /** Who prepares first in it; a member of its parliament. */
  readonly leader: NodeId;
  /** Who lost a seat because an operator exiled it: the next leaders see the exile through. */
  readonly leaving: readonly NodeId[];
}

/**
 * The last word of one republic and the first of the next, which goes on with its log: no index is
 * lost or used twice, and publishers are known. Written by an operator to the log of one node that
 * is stopped, when a majority is lost for good or a backup is restored; nobody ever proposes it.
 */
export interface Refounding {
  readonly kind: "refounding";
  readonly cause: "recovered" | "restored";
  /** The republic from here on: under a new identity, so that nobody of the old one is heard. */
  readonly republic: RepublicIdentity;
  /** Its only member, and its whole parliament: an incarnation that the old republic never knew. */
  readonly founder: Citizen;
  /** The number of the government that begins: higher than any before. */
  readonly government: number;
}

/** Assigns a publisher id: the slot that decides this. */
export interface Registration {
  readonly kind: "registration";
  /** 16 hex digits, drawn by who asks; lets it know its own registration again. */
  readonly nonce: string;
}

/** The descriptor of a batch of users' entries. Its identity is all of its fields. */
export interface Batch {
  readonly kind: "batch";
  readonly publisher: PublisherId;
  /** The number of its first entry in the publisher's order, from 1. */
  readonly sequence: number;
  /** How many entries it has, at least 1. */
  readonly count: number;
  /** The length of its framed body in bytes. */
  readonly size: number;
  /** CRC-32 of its framed body, as the publisher made it. */
  readonly checksum: number;
}

export type Value =
  | Bootstrap
  | Opening
  | Admission
  | Naturalization
  | Eligibility
  | Relocation
  | Exile
  | Succession
  | Registration
  | Batch
  | Refounding;

/** A value at its place in the log. */
export interface Decree {
  readonly slot: Slot;
  /**
   * Log time in milliseconds: never falls from slot to slot, follows no wall clock (contract C11).
   */
  readonly time: number;
  /** Milliseconds since 1970 by the proposing leader's wall clock; information for people only. */
  readonly when: number;
  readonly value: Value;
  /**
   * The hash of the log up to and with this slot: over slot, predecessor's hash, times and value,
   * without the ballot, so that accepting a decree again does not change it (contract C10).
   */
  readonly hash: Hash;
}

/** Whether two batch descriptors name the same bytes under the same numbers. */
export function sameBatch(left: Batch, right: Batch): boolean {
  return (
    left.publisher === right.publisher &&
    left.sequence === right.sequence &&
    left.count === right.count &&
    left.size === right.size &&
    left.checksum === right.checksum
  );
}

/**
 * What travels between nodes, and between clients and nodes: the requests of a Caller and their
 * answers. Bodies of batches are opaque bytes here and everywhere.
 */
import type { FramedDecree } from "./codec/decree-codec.ts";
import type {
  Batch,
  Citizen,
  Cookie,
  Effect,
  Hash,
  Message,
  NodeId,
  RefusalReason,
  RepublicIdentity,
  Slot,
} from "../consensus/index.ts";
import type { BatchResults } from "./machine/results.ts";

/**
 * One message between legislators, told one way; `bodies` are those of its decrees, in their order.
 */
export interface ReceiveRequest {
  readonly method: "receive";
  readonly message: Message;
  readonly bodies: readonly (Uint8Array | null)[];
}

/** Asks to be admitted; forwarded at most one hop to the leader. */
export interface ImmigrateRequest {
  readonly method: "immigrate";
  /** The republic that the newcomer insists on, or null to learn it. */
  readonly republic: string | null;
  readonly citizen: Citizen;
  readonly hops: number;
}

/**
 * Asks the leader to have a batch decided; forwarded at most one hop; answered when it is settled.
 */
export interface EnqueueRequest {
  readonly method: "enqueue";
  readonly batch: Batch;
  readonly body: Uint8Array;
  readonly hops: number;
}

/** Asks for a publisher id; forwarded at most one hop; answered when it is decided. */
export interface RegisterRequest {
  readonly method: "register";
  readonly nonce: string;
  readonly hops: number;
}

/** Asks for a slot after which a local read is linearizable; forwarded at most one hop. */
export interface BarrierRequest {
  readonly method: "barrier";
  readonly hops: number;
}

/**
 * Asks the leader to remove a member; forwarded at most one hop; `enqueued` says no more than that
 * it was taken. Names the incarnation, so that a late repetition cannot hit who came after it.
 */
export interface ExileRequest {
  readonly method: "exile";
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly hops: number;
}

/** Asks the leader for a seat: that of `insteadOf` at once, or the next one that is free. */
export interface PromoteRequest {
  readonly method: "promote";
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly insteadOf: NodeId | null;
  readonly hops: number;
}

/** Asks the leader to take a member's seat, and to give it none again. */
export interface DemoteRequest {
  readonly method: "demote";
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly hops: number;
}

/**
 * Of a member: to invite the node at `url`, which waits for that. Of a node that waits: to join
 * `republic`, which it is invited to by the member at `url`. Both answer who the guest is.
 */
export interface InviteRequest {
  readonly method: "invite";
  readonly republic: RepublicIdentity | null;
  readonly url: string;
}

/** Asks the leader to hand over, to whom it chooses unless named; forwarded at most one hop. */
export interface TransferRequest {
  readonly method: "transfer";
  readonly to: NodeId | null;
  readonly hops: number;
}

/** Reads entries at the node asked, from `index` on; with `waitMs` it may wait for the first. */
export interface EntriesRequest {
  readonly method: "entries";
  readonly index: number;
  readonly bytesMax: number;
  readonly waitMs: number;
}

/**
 * In place of a slot: the newest snapshot whose following slots can be had, too. It is the highest
 * number that a request can carry, and no slot ever is: a release that does not know it answers
 * that there is none.
 */
export const newestSnapshot: Slot = 2 ** 52;

/** Asks for bytes of the file of a snapshot that was offered, or of the newest, for a backup. */
export interface SnapshotRequest {
  readonly method: "snapshot";
  readonly slot: number;
  readonly offset: number;
  readonly bytesMax: number;
}

/** Reads decided decrees at the node asked, all kinds of them, for a backup. */
export interface DecreesRequest {
  readonly method: "decrees";
  readonly slotFirst: number;
  readonly slotLast: number;
  readonly bytesMax: number;
}

/** The cluster as the node asked sees it, peers asked in turn. */
export interface StatusRequest {
  readonly method: "status";
}

/**
 * Asks the state machine of the node asked, once it has applied `index`, or when `waitMs` are over.
 * Linearizable, at the price of a barrier, unless it may be stale.
 */
export interface QueryRequest {
  readonly method: "query";
  readonly question: Uint8Array;
  readonly isStale: boolean;
  readonly index: number;
  readonly waitMs: number;
}

/** How the node asked is, itself alone. */
export interface ReportRequest {
  readonly method: "report";
}

/**
 * Asks a member for the whole records of its journal from `slotFirst` on, decided or not: the asker
 * has lost its own, and knows them by their hashes. Answered at any time, even while repairing.
 */
export interface RepairRequest {
  readonly method: "repair";
  readonly slotFirst: Slot;
  readonly slotLast: Slot;
}

export type Request =
  | ReceiveRequest
  | ImmigrateRequest
  | EnqueueRequest
  | RegisterRequest
  | BarrierRequest
  | ExileRequest
  | TransferRequest
  | PromoteRequest
  | DemoteRequest
  | InviteRequest
  | EntriesRequest
  | SnapshotRequest
  | DecreesRequest
  | StatusRequest
  | ReportRequest
  | RepairRequest
  | QueryRequest;

/** A whole batch, as it was framed; the first of an answer may begin before the index asked. */
export interface EntriesBatch {
  readonly index: number;
  readonly slot: number;
  readonly government: number;
  readonly when: number;
  readonly publisher: number;
  readonly sequence: number;
  readonly count: number;
  readonly body: Uint8Array;
}

export interface NodeReport {
  readonly id: NodeId;
  readonly decided: { readonly slot: number; readonly index: number };
  readonly applied: { readonly slot: number; readonly index: number };
  readonly hash: { readonly slot: number; readonly value: Hash };
  readonly leader: NodeId | null;
  readonly cookie: string;
  readonly version: string;
}

/** Who was invited, or asks to be. */
export interface Guest extends Citizen {
  /** The republic that it is in, or null. */
  readonly republic: RepublicIdentity | null;
}

export type Response =
  /** `immigrate`: admitted by the decided slot. */
  | {
      readonly kind: "admitted";
      readonly republic: RepublicIdentity;
      readonly slot: number;
      readonly contacts: readonly Citizen[];
    }
  /** `immigrate` and what operators ask for: taken; ask again until it is seen to be done. */
  | { readonly kind: "enqueued" }
  /**
   * `enqueue`, `register`: decided, with this effect; and what the state machine of the node asked
   * made of the batch, if it has one.
   */
  | { readonly kind: "effect"; readonly effect: Effect; readonly results: BatchResults }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly leader: NodeId | null }
  /** `barrier`: everything up to here was decided when it was asked. */
  | { readonly kind: "barrier"; readonly slot: number; readonly index: number }
  /** `entries`: batches in order; `indexLast` is the last index that the node has. */
  | {
      readonly kind: "entries";
      readonly batches: readonly EntriesBatch[];
      readonly indexLast: number;
    }
  /** `query`: what the state machine said after it had applied `index`. */
  | { readonly kind: "answer"; readonly index: number; readonly answer: Uint8Array }
  /** `snapshot`: bytes of a file of `size` bytes, from `offset` on. */
  | {
      readonly kind: "chunk";
      readonly offset: number;
      readonly size: number;
      readonly bytes: Uint8Array;
    }
  /** `repair`: what is whole; of several records of a slot the hashes tell the right one. */
  | {
      readonly kind: "records";
      /** How far the journal is known decided, and where it ends. */
      readonly decided: Slot;
      readonly length: Slot;
      /** Up to here it was looked; what lies beyond is asked for again. */
      readonly slotLast: Slot;
      /** The slot of the newest snapshot that can be had here; 0 for none. */
      readonly snapshot: Slot;
      readonly damaged: readonly Slot[];
      readonly decrees: readonly FramedDecree[];
    }
  /** `decrees`: in order, from the slot asked on; none when the node does not have it decided. */
  | { readonly kind: "decrees"; readonly decrees: readonly FramedDecree[] }
  /** `status`, `report` and `invite`: a `Status`, `NodeReport` or `Guest` as JSON. */
  | { readonly kind: "document"; readonly document: unknown };

/** Whether an answer is of the kind that was wanted. */
export function isOfKind<Kind extends Response["kind"]>(
  response: Response,
  kind: Kind,
): response is Response & { readonly kind: Kind } {
  return response.kind === kind;
}

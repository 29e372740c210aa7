/**
 * The contract between an Islander and its shell. The shell frames entries into bodies, keeps the
 * bodies of unsettled batches, carries submissions to the leader and the answers back.
 */
import type { Batch } from "./decree.ts";
import type { Index, PublisherId, Tick } from "./identifiers.ts";
import type { Effect, RefusalReason } from "./outcome.ts";

interface Stamp {
  readonly now: Tick;
  readonly when: number;
}

/**
 * Begins: with a nonce to register under, or with the publisher and the sequence to go on with
 * from an earlier life (whose own unsettled batches the caller publishes again first).
 */
export interface OpenInput extends Stamp {
  readonly kind: "open";
  readonly nonce: string;
  readonly resume: { readonly publisher: PublisherId; readonly sequenceNext: number } | null;
}

/**
 * A closed, framed batch; only while `room` is above 0. It is numbered at once, once and for all.
 */
export interface PublishInput extends Stamp {
  readonly kind: "publish";
  readonly count: number;
  readonly size: number;
  readonly checksum: number;
}

/** How one submission of a batch, or of the registration, ended. */
export type SubmissionResult =
  | Effect
  | { readonly kind: "refused"; readonly reason: RefusalReason }
  /** Whoever submits may not: neither this nor what follows is taken from it now. */
  | { readonly kind: "forbidden" }
  /** No answer: it may or may not be decided. */
  | { readonly kind: "lost" };

export interface PublishedInput extends Stamp {
  readonly kind: "published";
  /** The batch's first sequence number; 0 for the registration. */
  readonly sequence: number;
  /**
   * Which submission of it this answers; answers to older ones than the latest tell only effects.
   */
  readonly attempt: number;
  readonly result: SubmissionResult;
  /** Drawn outside, 0 ≤ jitter < 1. */
  readonly jitter: number;
}

export interface IslanderEventInput extends Stamp {
  readonly kind: "event";
}

export type IslanderInput = OpenInput | PublishInput | PublishedInput | IslanderEventInput;

export interface Submission {
  readonly batch: Batch;
  /** From 1, counted for each batch. */
  readonly attempt: number;
}

export interface IslanderOutcome {
  /** The registration to submit now, or null. */
  readonly register: { readonly nonce: string; readonly attempt: number } | null;
  /** To be enqueued at the leader now, in this order. */
  readonly submit: readonly Submission[];
  /** Decided: each batch once, in the order of the sequence. */
  readonly settled: readonly { readonly batch: Batch; readonly index: Index }[];
  /**
   * There is no room for these: none was taken, and their numbers go to what is published next.
   * They are the last ones that were published.
   */
  readonly refused: readonly Batch[];
  /**
   * The session is over: these batches will never be accepted (those already settled were told).
   */
  readonly failed: {
    readonly reason: "conflict" | "unknownPublisher" | "refusedRegistration" | "full" | "forbidden";
    readonly batches: readonly Batch[];
  } | null;
  /** How many further batches may be published before one settles. */
  readonly room: number;
  readonly deadline: Tick | null;
}

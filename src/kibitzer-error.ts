/** Errors of the public interface: one class, a closed set of codes, a truthful outcome. */

export type KibitzerErrorCode =
  /** A bound is reached; nothing was accepted. */
  | "KBZ_BUSY"
  /** No majority answered in time. */
  | "KBZ_NO_QUORUM"
  /** The wait was given up by its signal or its time limit. */
  | "KBZ_ABORTED"
  /** The node or client is closed. */
  | "KBZ_CLOSED"
  /** No endpoint answered. */
  | "KBZ_UNREACHABLE"
  /** Who asks may not: a token, a role or a certificate is missing or wrong. */
  | "KBZ_FORBIDDEN"
  /** An endpoint cannot be parsed, or its scheme is unknown. */
  | "KBZ_ENDPOINT"
  /** The address is in use or unavailable. */
  | "KBZ_ADDRESS"
  /** An entry is larger than the limit. */
  | "KBZ_TOO_LARGE"
  /** An argument or option is wrong. */
  | "KBZ_ARGUMENT"
  /** The data directory is held by another process. */
  | "KBZ_IN_USE"
  /** There is a republic in this directory already. */
  | "KBZ_BOOTSTRAPPED"
  /** The other side, or the directory, belongs to another republic. */
  | "KBZ_REPUBLIC"
  /** The id is known under another cookie: an empty or foreign disk under a known id. */
  | "KBZ_ID_TAKEN"
  /** The node was removed from the republic. */
  | "KBZ_EXILED"
  /** A peer knows a later state of this disk: an old backup or a clone. */
  | "KBZ_STALE_DISK"
  /** A sync or write of the journal failed; the node has stopped. */
  | "KBZ_JOURNAL_FAILED"
  /** The disks of a majority have no room for further entries. */
  | "KBZ_DISK_FULL"
  /** A file is damaged. */
  | "KBZ_DAMAGED"
  /** The node contradicts a majority of its parliament; it has stopped. */
  | "KBZ_DIVERGED"
  /** The node's state machine threw, and the node has stopped; or for one question, or is none. */
  | "KBZ_MACHINE"
  /** Its state machine made something else of the same log than a majority; it has stopped. */
  | "KBZ_MACHINE_DIVERGED"
  /** A condition of a write does not hold: another revision is there, or the lock is lost. */
  | "KBZ_CONFLICT"
  /** The publisher is unknown or has expired. */
  | "KBZ_PUBLISHER"
  /** The index is gone from the log. */
  | "KBZ_TRUNCATED"
  /** There is no such thing: file, directory, member, republic. */
  | "KBZ_NOT_FOUND"
  /** A version of a file or a peer that this one cannot read. */
  | "KBZ_VERSION"
  /** A bug of ours: an invariant is broken; the node has stopped. */
  | "KBZ_INVARIANT";

const codes: Readonly<Record<KibitzerErrorCode, true>> = {
  KBZ_BUSY: true,
  KBZ_NO_QUORUM: true,
  KBZ_ABORTED: true,
  KBZ_CLOSED: true,
  KBZ_UNREACHABLE: true,
  KBZ_FORBIDDEN: true,
  KBZ_ENDPOINT: true,
  KBZ_ADDRESS: true,
  KBZ_TOO_LARGE: true,
  KBZ_ARGUMENT: true,
  KBZ_IN_USE: true,
  KBZ_BOOTSTRAPPED: true,
  KBZ_REPUBLIC: true,
  KBZ_ID_TAKEN: true,
  KBZ_EXILED: true,
  KBZ_STALE_DISK: true,
  KBZ_JOURNAL_FAILED: true,
  KBZ_DISK_FULL: true,
  KBZ_DAMAGED: true,
  KBZ_DIVERGED: true,
  KBZ_MACHINE: true,
  KBZ_MACHINE_DIVERGED: true,
  KBZ_CONFLICT: true,
  KBZ_PUBLISHER: true,
  KBZ_TRUNCATED: true,
  KBZ_NOT_FOUND: true,
  KBZ_VERSION: true,
  KBZ_INVARIANT: true,
};

export function isKibitzerErrorCode(code: string): code is KibitzerErrorCode {
  return Object.hasOwn(codes, code);
}

/** What is known about the effect of the failed call. */
export type ErrorOutcome = "none" | "applied" | "unknown";

/** What is known of an effect that nobody waits for any more; it cannot be known to be applied. */
export type Doubt = Exclude<ErrorOutcome, "applied">;

interface Details {
  /** Whether the same call may succeed later, without a change. */
  readonly retryable: boolean;
  /** `none`: not accepted, and never will be. `unknown`: it may or may not be. */
  readonly outcome: ErrorOutcome;
  readonly cause?: unknown;
  readonly firstIndex?: number | undefined;
}

/** The one error class: its message says what was wanted, what was found and what to do. */
export class KibitzerError extends Error {
  override readonly name = "KibitzerError";
  readonly code: KibitzerErrorCode;
  readonly retryable: boolean;
  readonly outcome: ErrorOutcome;
  /** Of `KBZ_TRUNCATED`: the first index that is there, where the endpoint asked has said so. */
  declare readonly firstIndex?: number;

  constructor(code: KibitzerErrorCode, message: string, details: Details) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable;
    this.outcome = details.outcome;
    if (details.firstIndex !== undefined) this.firstIndex = details.firstIndex;
  }
}

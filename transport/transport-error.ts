/** Errors of transport/: one class, a closed set of codes, and the truth about the effect. */

export type TransportErrorCode =
  /** No answer, no greeting or no connection in time. */
  | "KBZ_TIMEOUT"
  /** The signal of the call aborted. */
  | "KBZ_ABORTED"
  /** There is no connection, or it was lost. */
  | "KBZ_DISCONNECTED"
  /** A bound is reached: calls, bytes or connections. */
  | "KBZ_BUSY"
  /** The other side sent what no speaker of this protocol sends. */
  | "KBZ_MALFORMED"
  /** The two sides belong to different republics. */
  | "KBZ_REPUBLIC"
  /** The two sides speak different versions of the protocol. */
  | "KBZ_VERSION"
  /** One side is not let in by the other: a token or a certificate is missing or wrong. */
  | "KBZ_FORBIDDEN"
  /** The callee failed; `remote` tells what it said. */
  | "KBZ_REMOTE"
  /** The address is in use or unavailable. */
  | "KBZ_ADDRESS"
  /** The endpoint cannot be parsed, or its scheme is not supported. */
  | "KBZ_ENDPOINT"
  /** This side is closed. */
  | "KBZ_CLOSED"
  /** More bytes than one frame may have. */
  | "KBZ_TOO_LARGE";

const codes: ReadonlySet<string> = new Set<TransportErrorCode>([
  "KBZ_TIMEOUT",
  "KBZ_ABORTED",
  "KBZ_DISCONNECTED",
  "KBZ_BUSY",
  "KBZ_MALFORMED",
  "KBZ_REPUBLIC",
  "KBZ_VERSION",
  "KBZ_FORBIDDEN",
  "KBZ_REMOTE",
  "KBZ_ADDRESS",
  "KBZ_ENDPOINT",
  "KBZ_CLOSED",
  "KBZ_TOO_LARGE",
]);

export function isTransportErrorCode(code: string): code is TransportErrorCode {
  return codes.has(code);
}

/** What a callee said of its failure: enough to rebuild the callee's own error. */
export interface RemoteFailure {
  /** Begins with `KBZ_`; `KBZ_REMOTE` when the callee's error had no such code. */
  readonly code: string;
  readonly message: string;
  readonly outcome: "none" | "applied" | "unknown";
  readonly retryable: boolean;
  /** Where what was asked for begins now, if the failure is that it is gone. */
  readonly firstIndex?: number;
}

interface Details {
  /** `none`: certainly not carried out. `unknown`: it may have been. */
  readonly outcome: "none" | "unknown";
  readonly cause?: unknown;
  readonly remote?: RemoteFailure | null;
}

const retryableCodes: ReadonlySet<TransportErrorCode> = new Set<TransportErrorCode>([
  "KBZ_TIMEOUT",
  "KBZ_DISCONNECTED",
  "KBZ_BUSY",
]);

/** The one error class of transport/: its message says what was wanted, found, and what to do. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code: TransportErrorCode;
  readonly outcome: "none" | "unknown";
  /** Whether the same may succeed later without a change; says nothing of its effect so far. */
  readonly retryable: boolean;
  /** Not null when the failure was told by the other side, and not noticed on this one. */
  readonly remote: RemoteFailure | null;

  constructor(code: TransportErrorCode, message: string, details: Details) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.outcome = details.outcome;
    this.remote = details.remote ?? null;
    this.retryable = this.remote?.retryable ?? retryableCodes.has(code);
  }
}

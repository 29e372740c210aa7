/** Errors of the parts below as the public kind: what they mean to a user. */
import { InvariantViolation } from "../consensus/index.ts";
import { TransportError } from "../transport/portable.ts";
import { brokenNode } from "./node/halt-error.ts";
import { isOutOfSpace, noSpace } from "./storage/space.ts";
import { isKibitzerErrorCode, KibitzerError, type KibitzerErrorCode } from "./kibitzer-error.ts";

const transportCodes: Readonly<Record<string, KibitzerErrorCode>> = {
  KBZ_TIMEOUT: "KBZ_UNREACHABLE",
  KBZ_ABORTED: "KBZ_ABORTED",
  KBZ_DISCONNECTED: "KBZ_UNREACHABLE",
  KBZ_BUSY: "KBZ_BUSY",
  KBZ_REPUBLIC: "KBZ_REPUBLIC",
  KBZ_VERSION: "KBZ_VERSION",
  KBZ_ADDRESS: "KBZ_ADDRESS",
  KBZ_FORBIDDEN: "KBZ_FORBIDDEN",
  KBZ_ENDPOINT: "KBZ_ENDPOINT",
  KBZ_CLOSED: "KBZ_CLOSED",
  KBZ_TOO_LARGE: "KBZ_TOO_LARGE",
};

/** Any error as one of the public kind; the original stays its cause, unless it says no more. */
export function asKibitzerError(error: unknown): KibitzerError {
  if (error instanceof KibitzerError) return error;
  if (error instanceof TransportError) return ofTransport(error);
  if (error instanceof InvariantViolation) return brokenNode(error);
  if (isOutOfSpace(error)) return noSpace(error);
  const message = error instanceof Error ? error.message : String(error);
  return new KibitzerError(
    "KBZ_JOURNAL_FAILED",
    `The operating system refused: ${message}. Check the disk's space and permissions, and start ` +
      "the node again.",
    { retryable: false, outcome: "unknown", cause: error },
  );
}

function ofTransport(error: TransportError): KibitzerError {
  const { remote, cause } = error;
  if (remote !== null && isKibitzerErrorCode(remote.code)) {
    const { code, message, outcome, retryable, firstIndex } = remote;
    // Closed is the other node, or its way to another one: not whoever asked it.
    return code === "KBZ_CLOSED"
      ? new KibitzerError("KBZ_UNREACHABLE", message, { retryable: true, outcome, cause })
      : new KibitzerError(code, message, { retryable, outcome, cause, firstIndex });
  }
  const code = transportCodes[error.code] ?? "KBZ_UNREACHABLE";
  const retryable = code === "KBZ_UNREACHABLE" || code === "KBZ_BUSY";
  return new KibitzerError(code, error.message, {
    retryable,
    outcome: error.outcome,
    cause,
  });
}

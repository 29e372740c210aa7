/**
 * The bytes of a failure, and of a goodbye: JSON. Codes, outcomes and messages travel, stacks do
 * not.
 */
import { parseFields } from "./hello.ts";
import { isTransportErrorCode, TransportError } from "./transport-error.ts";
import type { RemoteFailure } from "./transport-error.ts";

const messageLengthMax = 2048;
const codePattern = /^KBZ_[A-Z_]{1,48}$/;

/** `transport` tells an error of this layer from one of the callee, whose codes may be the same. */
interface Failure extends RemoteFailure {
  readonly transport: boolean;
}

export function encodeFailure(error: unknown): Uint8Array {
  const failure = describe(error);
  const message = failure.message.slice(0, messageLengthMax);
  return new TextEncoder().encode(JSON.stringify({ ...failure, message }));
}

/**
 * The error to reject with, on the side that was told of the failure.
 *
 * @throws {TransportError} `KBZ_MALFORMED` when `bytes` are not a failure.
 */
export function decodeFailure(bytes: Uint8Array): TransportError {
  const { transport, code, message, outcome, retryable, firstIndex } = parseFields(bytes);
  if (
    typeof code !== "string" ||
    !codePattern.test(code) ||
    typeof message !== "string" ||
    (outcome !== "none" && outcome !== "applied" && outcome !== "unknown")
  ) {
    throw new TransportError(
      "KBZ_MALFORMED",
      "Wanted code, message and outcome of a failure, got something else. Check the other side.",
      { outcome: "unknown" },
    );
  }
  const remote: RemoteFailure = {
    code,
    message: message.slice(0, messageLengthMax),
    outcome,
    retryable: retryable === true,
    ...firstIndexOf(firstIndex),
  };
  return new TransportError(
    transport === true && isTransportErrorCode(code) ? code : "KBZ_REMOTE",
    `The other side: ${remote.message}`,
    { outcome: outcome === "none" ? "none" : "unknown", remote },
  );
}

function describe(error: unknown): Failure {
  // What a third party told is passed on as it was told.
  if (error instanceof TransportError && error.code === "KBZ_REMOTE" && error.remote !== null) {
    return { transport: false, ...error.remote };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TransportError) {
    const { code, outcome, retryable } = error;
    return { transport: true, code, outcome, retryable, message };
  }
  return (
    describeCoded(error, message) ?? {
      transport: true,
      code: "KBZ_REMOTE",
      outcome: "unknown",
      retryable: false,
      message,
    }
  );
}

/** An error of the callee's own that has a code of ours, or null. */
function describeCoded(error: unknown, message: string): Failure | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string")
    return null;
  if (!codePattern.test(error.code)) return null;
  const claimed = "outcome" in error ? error.outcome : "unknown";
  const outcome = claimed === "none" || claimed === "applied" ? claimed : "unknown";
  const retryable = "retryable" in error && error.retryable === true;
  const { code } = error;
  return {
    transport: false,
    code,
    outcome,
    retryable,
    message,
    ...firstIndexOf("firstIndex" in error ? error.firstIndex : null),
  };
}

function firstIndexOf(firstIndex: unknown): { readonly firstIndex?: number } {
  const isOne = typeof firstIndex === "number" && Number.isSafeInteger(firstIndex);
  return isOne && firstIndex >= 1 ? { firstIndex } : {};
}

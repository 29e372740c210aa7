/** What the core's reasons to stop, and errors of the parts below, mean to a user. */
import type { Halt } from "../consensus/index.ts";
import { TransportError } from "../transport/index.ts";
import { isKibitzerErrorCode, KibitzerError, type KibitzerErrorCode } from "./kibitzer-error.ts";

/** Why the core halted, and what to do about it. */
export function haltError(halt: Halt, directory: string): KibitzerError {
  const details = { retryable: false, outcome: "unknown" } as const;
  switch (halt.kind) {
    case "diverged":
      return new KibitzerError(
        "KBZ_DIVERGED",
        `The replicated state of this node differs from that of ${halt.peers.join(", ")} at slot ` +
          `${halt.slot}: it has stopped. Replace it: exile it, remove ${directory}, and join anew.`,
        details,
      );
    case "staleDisk":
      return new KibitzerError(
        "KBZ_STALE_DISK",
        `${halt.peer} knows a later state of this node than ${directory} holds: it is an old ` +
          "backup or a copy in use elsewhere, and must not vote. Exile the node, remove the " +
          "directory, join anew.",
        details,
      );
    case "exiled":
      return new KibitzerError(
        "KBZ_EXILED",
        `This node was removed from its republic by slot ${halt.slot}. To come back, it joins ` +
          `with an empty directory in place of ${directory}.`,
        details,
      );
  }
}

const transportCodes: Readonly<Record<string, KibitzerErrorCode>> = {
  KBZ_TIMEOUT: "KBZ_UNREACHABLE",
  KBZ_ABORTED: "KBZ_ABORTED",
  KBZ_DISCONNECTED: "KBZ_UNREACHABLE",
  KBZ_BUSY: "KBZ_BUSY",
  KBZ_REPUBLIC: "KBZ_REPUBLIC",
  KBZ_VERSION: "KBZ_VERSION",
  KBZ_ADDRESS: "KBZ_ADDRESS",
  KBZ_ENDPOINT: "KBZ_ENDPOINT",
  KBZ_CLOSED: "KBZ_CLOSED",
  KBZ_TOO_LARGE: "KBZ_TOO_LARGE",
};

/** Any error as one of the public kind; the original stays its cause. */
export function asKibitzerError(error: unknown): KibitzerError {
  if (error instanceof KibitzerError) return error;
  if (error instanceof TransportError) return ofTransport(error);
  const message = error instanceof Error ? error.message : String(error);
  return new KibitzerError("KBZ_JOURNAL_FAILED", `The operating system refused: ${message}.`, {
    retryable: false,
    outcome: "unknown",
    cause: error,
  });
}

function ofTransport(error: TransportError): KibitzerError {
  const { remote } = error;
  if (remote !== null && isKibitzerErrorCode(remote.code)) {
    const { code, message, outcome } = remote;
    return new KibitzerError(code, message, { retryable: remote.retryable, outcome, cause: error });
  }
  const code = transportCodes[error.code] ?? "KBZ_UNREACHABLE";
  const retryable = code === "KBZ_UNREACHABLE" || code === "KBZ_BUSY";
  return new KibitzerError(code, error.message, {
    retryable,
    outcome: error.outcome,
    cause: error,
  });
}

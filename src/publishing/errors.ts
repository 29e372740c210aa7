/** The errors of publishing, each with the truth about what became of the entry. */
import { KibitzerError } from "../kibitzer-error.ts";
import type { Doubt } from "../kibitzer-error.ts";

/** Who publishes: a request does so over HTTP. */
export type Owner = "client" | "node" | "request";

const again: Readonly<Record<Owner, string>> = {
  client: "connect anew",
  node: "open it again, or publish at another",
  request: "publish it again",
};

export function entryTooLarge(bytes: number, bytesMax: number): KibitzerError {
  return definite(
    "KBZ_TOO_LARGE",
    `an entry has at most ${bytesMax} bytes, this one ${bytes}; split it`,
  );
}

export function groupTooLarge(count: number): KibitzerError {
  return definite(
    "KBZ_TOO_LARGE",
    `${count} entries do not fit into one batch; publish fewer together`,
  );
}

export function notAnEntry(found: string): KibitzerError {
  return definite("KBZ_ARGUMENT", `an entry is a string or a Uint8Array, not ${found}`);
}

export function notEntries(found: string): KibitzerError {
  return definite("KBZ_ARGUMENT", `wanted an array of entries, as ["a", "b"], found ${found}`);
}

export function notAPublisher(found: string): KibitzerError {
  return definite(
    "KBZ_ARGUMENT",
    `a publisher to go on with has an id and a next sequence from 1, not ${found}`,
  );
}

export function tooManyWait(entriesMax: number, bytesMax: number): KibitzerError {
  return new KibitzerError(
    "KBZ_BUSY",
    `${entriesMax} entries or ${bytesMax} bytes wait to be published already; publish it later`,
    { retryable: true, outcome: "none" },
  );
}

export function publishersFull(): KibitzerError {
  return new KibitzerError(
    "KBZ_BUSY",
    "the republic's table of publishers is full; publish it later, when others have expired",
    { retryable: true, outcome: "none" },
  );
}

export function diskFull(): KibitzerError {
  return new KibitzerError(
    "KBZ_DISK_FULL",
    "The disks of a majority of the parliament are full: the entry was not taken. Free some " +
      "space there, and publish it again.",
    { retryable: true, outcome: "none" },
  );
}

export function abandoned(outcome: Doubt, reason: unknown): KibitzerError {
  const message =
    outcome === "none"
      ? "the entry was withdrawn before it was submitted"
      : "the wait was given up after the entry was submitted; look for it in the log";
  return new KibitzerError("KBZ_ABORTED", message, {
    retryable: outcome === "none",
    outcome,
    cause: reason,
  });
}

/** @param whose What was closed, and with it its publishing. */
export function closedError(whose: Owner, outcome: Doubt, cause: unknown): KibitzerError {
  const message =
    outcome === "none"
      ? `the ${whose} is closed, and the entry was not accepted; ${again[whose]}`
      : `the ${whose} was closed after the entry was submitted; look for it in the log`;
  return new KibitzerError("KBZ_CLOSED", message, { retryable: false, outcome, cause });
}

export function republicGone(outcome: Doubt, cause: KibitzerError): KibitzerError {
  const then =
    outcome === "none"
      ? "the entry was not taken; connect anew"
      : "whether the entry was taken only the old republic's log would tell; connect anew";
  return new KibitzerError("KBZ_REPUBLIC", `${cause.message}; ${then}`, {
    retryable: false,
    outcome,
    cause: cause.cause,
  });
}

/** Of one that cannot go on as the publisher that its user named. */
export function publisherUnfit(outcome: Doubt, cause: KibitzerError): KibitzerError {
  return new KibitzerError("KBZ_PUBLISHER", cause.message, {
    retryable: false,
    outcome: cause.outcome === "none" ? "none" : outcome,
  });
}

/** Of a client that may not publish now; what it presents may be exchanged while it runs. */
export function notAllowed(outcome: Doubt, cause: KibitzerError): KibitzerError {
  const then = outcome === "none" ? "" : "; it is not known whether the entry was taken before";
  return new KibitzerError("KBZ_FORBIDDEN", `${cause.message}${then}`, {
    retryable: false,
    outcome,
    cause: cause.cause,
  });
}

export function brokenError(outcome: Doubt, cause: unknown): KibitzerError {
  return new KibitzerError("KBZ_INVARIANT", "publishing stopped: an invariant is broken", {
    retryable: false,
    outcome,
    cause,
  });
}

export function sessionOver(
  reason: "conflict" | "unknownPublisher",
  publisher: string | null,
  outcome: Doubt,
): KibitzerError {
  const what =
    reason === "conflict"
      ? `publisher ${publisher ?? "?"} has used these numbers for other entries`
      : `publisher ${publisher ?? "?"} is unknown to the republic, or has expired`;
  const then = outcome === "none" ? "publish the entry again" : "look for the entry in the log";
  return new KibitzerError("KBZ_PUBLISHER", `${what}; ${then}`, {
    retryable: outcome === "none",
    outcome,
  });
}

function definite(code: "KBZ_TOO_LARGE" | "KBZ_ARGUMENT", message: string): KibitzerError {
  return new KibitzerError(code, message, { retryable: false, outcome: "none" });
}

/** The errors of a client that reads and asks: none leaves a doubt, since nothing changes. */
import { TransportError } from "../../transport/portable.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { KibitzerErrorCode } from "../kibitzer-error.ts";

/** What each endpoint did instead of answering. */
export type EndpointFailures = ReadonlyMap<string, Error>;

const final = [
  "KBZ_TRUNCATED",
  "KBZ_ARGUMENT",
  "KBZ_TOO_LARGE",
  "KBZ_NOT_FOUND",
  "KBZ_FORBIDDEN",
  // Of a question that the state machine cannot answer: all nodes have the same one.
  "KBZ_MACHINE",
] as const;

/** What neither another endpoint nor a later attempt does better: no reason to try again. */
const finalCodes: ReadonlyMap<string, KibitzerErrorCode> = new Map(
  final.map((code) => [code, code]),
);

/** What an endpoint fails with until somebody changes something. */
const lastingCodes: ReadonlyMap<string, KibitzerErrorCode> = new Map(
  (["KBZ_REPUBLIC", "KBZ_VERSION", "KBZ_ENDPOINT", "KBZ_FORBIDDEN"] as const).map((code) => [
    code,
    code,
  ]),
);

export function noEndpoints(found: unknown): KibitzerError {
  const shown = Array.isArray(found) ? "an empty one" : String(found);
  const message = `wanted an array of endpoints, as ["ws://127.0.0.1:7700"], found ${shown}`;
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

export function clientClosed(): KibitzerError {
  return new KibitzerError("KBZ_CLOSED", "the client is closed; connect anew", {
    retryable: false,
    outcome: "none",
  });
}

/** Of a node that answers, and is in none; `known` is the one that this client is of. */
export function inNoRepublic(known: string | null): Error {
  if (known !== null) return new Error(`it is in no republic, and not in ${known}`);
  const message = "it is in no republic yet";
  return new KibitzerError("KBZ_NOT_FOUND", message, { retryable: true, outcome: "none" });
}

/** When the time is over; where all endpoints answer, and are in no republic, that is told. */
export function unreachable(
  urls: readonly string[],
  found: {
    readonly ms: number | null;
    readonly failures: EndpointFailures;
    readonly cause?: unknown;
  },
): KibitzerError {
  const { ms, failures, cause = [...failures.values()].at(-1) } = found;
  const within = ms === null ? "in time" : `within ${ms} ms`;
  const each = describe(urls, failures);
  const details = { retryable: true, outcome: "none", cause } as const;
  if (urls.every((url) => isInNoRepublic(failures.get(url)))) {
    const message =
      `no endpoint is in a republic ${within}: ${each}; ` +
      "bootstrap or join one there, or name other endpoints";
    return new KibitzerError("KBZ_NOT_FOUND", message, details);
  }
  const message =
    `none of the endpoints answered ${within}: ${each}; ` +
    "see whether the nodes are up and can be reached";
  return new KibitzerError("KBZ_UNREACHABLE", message, details);
}

function isInNoRepublic(error: Error | undefined): boolean {
  return error instanceof KibitzerError && error.code === "KBZ_NOT_FOUND";
}

export function noQuorum(wanted: string, url: string, cause: unknown): KibitzerError {
  const message =
    `wanted a ${wanted} of ${url}, which answers but could not get it decided; ` +
    "see whether a majority of the parliament is up, and try again";
  return new KibitzerError("KBZ_NO_QUORUM", message, { retryable: true, outcome: "none", cause });
}

/** What a refusal says that may pass: why nothing came of an attempt. */
export function declined(url: string, reason: string): Error {
  return new Error(`${url} refused: ${reason}`);
}

/** What an answer of the wrong kind, or one that contradicts itself, is worth. */
export function senseless(url: string, found: string): KibitzerError {
  return new KibitzerError("KBZ_DAMAGED", `${url} answered with ${found}`, {
    retryable: true,
    outcome: "none",
  });
}

export function notInBrowsers(): KibitzerError {
  const message =
    "wanted a token as text, found a file or tls: a browser has certificates of its own, no files";
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

export function credentialsAndWorld(): KibitzerError {
  const message = "wanted tls and token, or a world with a network of its own, found both";
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

/** What the node that was asked says where this client may not ask; null for all else. */
export function prohibitionIn(error: unknown): KibitzerError | null {
  if (!(error instanceof TransportError) || error.remote?.code !== "KBZ_FORBIDDEN") return null;
  return finalErrorOf(error);
}

/** The error to give up with at once, or null when it is worth to try again. */
export function finalErrorOf(error: unknown): KibitzerError | null {
  if (!(error instanceof TransportError)) return null;
  const code = finalCodes.get(error.remote?.code ?? error.code);
  if (code === undefined) return null;
  const message = error.remote?.message ?? error.message;
  const firstIndex = error.remote?.firstIndex;
  const { cause } = error;
  const details = { retryable: false, outcome: "none", cause, firstIndex } as const;
  return new KibitzerError(code, message, details);
}

/** The error to tell when every endpoint has one that lasts; null while there is hope. */
export function verdictOn(
  urls: readonly string[],
  failures: EndpointFailures,
): KibitzerError | null {
  const codes = urls.map((url) => lastingCodeOf(failures.get(url)));
  const code = codes[0];
  if (code === undefined || code === null || codes.includes(null)) return null;
  const message = `no endpoint can be used: ${describe(urls, failures)}`;
  const cause = failures.get(urls[0] ?? "");
  return new KibitzerError(code, message, { retryable: false, outcome: "none", cause });
}

function lastingCodeOf(error: Error | undefined): KibitzerErrorCode | null {
  if (!(error instanceof TransportError)) return null;
  return lastingCodes.get(error.code) ?? null;
}

/** Each endpoint, and what it did instead of answering. */
export function describe(urls: readonly string[], failures: EndpointFailures): string {
  return urls.map((url) => `${url} (${reasonOf(failures.get(url))})`).join(", ");
}

/** In the words of what failed first: all that was built on it only repeats whom it wanted. */
function reasonOf(failure: Error | undefined): string {
  if (failure === undefined) return "no answer yet";
  let first = failure;
  while (first.cause instanceof Error) first = first.cause;
  // A host of several addresses fails once for each, with no words for all.
  const all: readonly unknown[] = first instanceof AggregateError ? first.errors : [first];
  return all.map((error) => (error instanceof Error ? error.message : String(error))).join(", ");
}

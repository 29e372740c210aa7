/** What a request says, checked: its parameters, and how long it is worked on. */
import { wholeMax } from "../codec/byte-reader.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";
import type { RunningNode } from "../node/running-node.ts";
import { closedError, noRepublicYet } from "../node/errors.ts";
import { httpLimits } from "./http-limits.ts";
import { badRequest, HttpProblem } from "./problem.ts";
import type { HttpContext } from "./route.ts";

/** One for all, since each answer ends with it, and making one is dear. */
const isGone = new Error("whoever asked is gone");

/** Aborts when whoever asked is gone, and when the node stops. */
export function signalOf({ env }: HttpContext, over: AbortController): AbortSignal {
  const { outgoing } = env;
  const gone = new AbortController();
  if (outgoing.destroyed) gone.abort(isGone);
  else outgoing.once("close", () => gone.abort(isGone));
  return AbortSignal.any([gone.signal, over.signal]);
}

/** What an error comes from, once the time is over or the node stops. */
export type ReasonOf = (error: unknown) => unknown;

export interface WithinOptions {
  /** Default: that of an answer. */
  readonly ms?: number;
  /** Why nothing came in time. Default: no majority answered. */
  readonly late?: () => unknown;
}

/**
 * Has `act` done in time.
 * @throws {KibitzerError} `KBZ_NO_QUORUM` with what is known of the outcome when the time is over,
 *   unless `late` says something else; `KBZ_CLOSED` likewise when the node stops.
 */
export async function within<Result>(
  { configuration }: Pick<RunningNode, "configuration">,
  signal: AbortSignal,
  act: (signal: AbortSignal, reasonOf: ReasonOf) => Promise<Result>,
  { ms = httpLimits.answerMs, late }: WithinOptions = {},
): Promise<Result> {
  using deadline = new Deadline(configuration.world.clock, ms, signal);
  const reasonOf = (error: unknown): unknown => {
    // It may not be asked for any more.
    if (signal.reason instanceof KibitzerError) return signal.reason;
    if (isVerdict(error)) return error;
    // Nobody is there to be told, or the node stops.
    if (signal.aborted) return givenUp(error, "KBZ_CLOSED", "The node stopped.");
    return deadline.isOver ? (late?.() ?? noMajority(error, ms)) : error;
  };
  try {
    return await act(deadline.signal, reasonOf);
  } catch (error) {
    throw reasonOf(error);
  }
}

/** Whether it says what became of the request, not only that it was given up. */
function isVerdict(error: unknown): boolean {
  if (error instanceof KibitzerError) return error.code !== "KBZ_ABORTED";
  return error instanceof HttpProblem;
}

function noMajority(error: unknown, ms: number): KibitzerError {
  const message = `No majority of the parliament answered this node within ${ms} ms.`;
  return givenUp(error, "KBZ_NO_QUORUM", message);
}

/** With what is known of the outcome. */
function givenUp(cause: unknown, code: KibitzerErrorCode, message: string): KibitzerError {
  const { outcome = "none", retryable = true } = cause instanceof KibitzerError ? cause : {};
  return new KibitzerError(code, message, { retryable, outcome, cause });
}

/** @throws {KibitzerError} when this node is about to stop: what is under way is to end. */
export function checkStaying({ isDraining }: Pick<RunningNode, "isDraining">): void {
  if (isDraining) throw closedError();
}

/** @throws {HttpProblem} 503 when this node has no log to write to or to read. */
export function checkRepublic({ republic }: Pick<RunningNode, "republic">): void {
  if (republic !== null) return;
  throw new HttpProblem(noRepublicYet(), { status: 503 });
}

/** @throws {HttpProblem} 400 naming a parameter that there is not, or that is given twice. */
export function checkParameters({ req }: HttpContext, known: readonly string[]): void {
  for (const [key, values] of Object.entries(req.queries())) {
    if (values.length > 1) throw badRequest(`${key}: wanted one value, got ${values.length}.`);
    if (known.includes(key)) continue;
    const wanted = known.length === 0 ? "no parameters" : `only ${known.join(", ")}`;
    throw badRequest(`${req.path} takes ${wanted}, not ${JSON.stringify(key)}.`);
  }
}

/** @throws {HttpProblem} 400 unless `text` is a whole number from `least` that nodes can tell. */
export function wholeNumber(name: string, text: string | undefined, least: number): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= wholeMax) return value;
  const wanted = `a whole number from ${least} to ${wholeMax}`;
  throw badRequest(`${name}: wanted ${wanted}, got ${JSON.stringify(text)}.`);
}

/** @throws {HttpProblem} 400 unless `text` is `true` or `false`. */
export function flag(name: string, text: string | undefined): boolean | null {
  if (text === undefined) return null;
  if (text === "true" || text === "false") return text === "true";
  throw badRequest(`${name}: wanted true or false, got ${JSON.stringify(text)}.`);
}

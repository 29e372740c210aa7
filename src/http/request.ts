/** What a request says, checked: its parameters, and how long it is worked on. */
import { wholeMax } from "../codec/byte-reader.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Engine } from "../node/engine.ts";
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

/**
 * Has `act` done within `ms`.
 * @throws {KibitzerError} `KBZ_NO_QUORUM` with what is known of the outcome when the time is over.
 */
export async function within<Result>(
  { configuration }: Pick<Engine, "configuration">,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<Result>,
  ms: number = httpLimits.answerMs,
): Promise<Result> {
  using deadline = new Deadline(configuration.world.clock, ms, signal);
  try {
    return await act(deadline.signal);
  } catch (error) {
    // It may not be asked for any more.
    if (signal.reason instanceof KibitzerError) throw signal.reason;
    // Nobody is there to be told, or the node is closed.
    if (signal.aborted && error === signal.reason) throw closedError();
    throw deadline.isOver ? tooLate(error, ms) : error;
  }
}

/** What was given up because the time is over; another error is as it is. */
function tooLate(error: unknown, ms: number): unknown {
  const known = error instanceof KibitzerError ? error : null;
  if (known !== null && known.code !== "KBZ_ABORTED") return error;
  const { outcome = "none", retryable = true } = known ?? {};
  const message = `No majority of the parliament answered this node within ${ms} ms.`;
  return new KibitzerError("KBZ_NO_QUORUM", message, { retryable, outcome, cause: error });
}

/** @throws {HttpProblem} 503 when this node has no log to write to or to read. */
export function checkRepublic({ republic }: Pick<Engine, "republic">): void {
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

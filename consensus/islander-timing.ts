/**
 * How long an Islander waits for what: bounded, growing pauses that keep rivals apart. Pure
 * numbers; chance and time come in with the input.
 */
import { assert } from "./assert.ts";
import type { Tick } from "./identifiers.ts";
import type { SubmissionResult } from "./islander-outcome.ts";

/** All in ticks, whole, at least 1. */
export interface IslanderTiming {
  /** The shortest pause before something is submitted again. */
  readonly retryTicksMin: Tick;
  /** The longest pause. */
  readonly retryTicksMax: Tick;
  /** How long silence may last before everything outstanding counts as lost. */
  readonly submissionTimeoutTicks: Tick;
  /**
   * How long a batch whose successor is decided may stay unanswered before it is asked for again.
   */
  readonly overtakenTicks: Tick;
}

const timingDefault: IslanderTiming = {
  retryTicksMin: 5,
  retryTicksMax: 1000,
  submissionTimeoutTicks: 5000,
  overtakenTicks: 50,
};

/** The first pause after a setback, in units of `retryTicksMin`. */
const patience = { gap: 1, lost: 2, notLeading: 4, busy: 8 } as const;

export type Setback = keyof typeof patience;

export function timingFrom(options: Partial<IslanderTiming>): IslanderTiming {
  const timing = { ...timingDefault, ...options };
  for (const ticks of Object.values(timing)) {
    assert(Number.isSafeInteger(ticks) && ticks >= 1, "a pause is a whole number of ticks");
  }
  assert(timing.retryTicksMin <= timing.retryTicksMax, "the shortest pause is not the longest");
  return timing;
}

/** What an answer without outcome means; an answer that makes no sense was none. */
export function setbackOf(result: SubmissionResult): Setback {
  if (result.kind === "gap") return "gap";
  if (result.kind !== "refused") return "lost";
  if (result.reason === "gap" || result.reason === "notLeading") return result.reason;
  return "busy";
}

/** Half of the pause is drawn, so that rivals that were refused together do not return together. */
export function pauseTicks(
  timing: IslanderTiming,
  setback: Setback,
  failures: number,
  jitter: number,
): Tick {
  const grown = timing.retryTicksMin * patience[setback] * 2 ** Math.min(failures, 16);
  const pause = Math.ceil((Math.min(grown, timing.retryTicksMax) * (1 + jitter)) / 2);
  return Math.max(pause, timing.retryTicksMin);
}

/** Grows when nothing comes back, so that a link that is only slow is not flooded. */
export function timeoutTicks(timing: IslanderTiming, failures: number): Tick {
  return timing.submissionTimeoutTicks * 2 ** Math.min(failures, 3);
}

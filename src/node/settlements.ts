/** Who waits for the effect of a batch or registration, and is told once it is decided. */
import type { Applied, Batch, Decree, Effect } from "../../consensus/index.ts";
import { replicate, type Traced } from "../diagnostics/channels.ts";
import { now } from "../metrics/meter.ts";
import { Histogram } from "../metrics/histogram.ts";
import type { Response } from "../requests.ts";

export type Settled = (response: Response) => void;

/** Taken, and nothing more is known: it may or may not be decided. */
export const undecided: Response = { kind: "enqueued" };

/** Decided, with this effect. */
export function decided(effect: Effect): Response {
  return { kind: "effect", effect, results: null };
}

interface Waiting {
  readonly since: number;
  /** What is told of it to whoever watches; null where nobody does. */
  readonly traced: Traced | null;
  readonly settled: Settled[];
}

export class Settlements {
  readonly #waiting = new Map<string, Waiting>();
  /** How long it took until what is waited for was decided. */
  readonly #commits: Histogram;

  constructor(commits: Histogram = new Histogram()) {
    this.#commits = commits;
  }

  /** Calls `settled` once: with the effect, or `undecided` when `signal` aborts before. */
  await(key: string, settled: Settled, signal: AbortSignal): void {
    const onAbort = (): void => this.#giveUp(key, told);
    const told = (response: Response): void => {
      signal.removeEventListener("abort", onAbort);
      settled(response);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      this.#waiting.set(key, { since: now(), traced: begun(key), settled: [told] });
    } else waiting.settled.push(told);
  }

  take(applied: readonly Applied[]): void {
    if (this.#waiting.size === 0) return;
    for (const { decree, effect } of applied) {
      const key = keyOfDecree(decree);
      const waiting = key === null ? undefined : this.#waiting.get(key);
      if (key === null || waiting === undefined) continue;
      this.#commits.observe(now() - waiting.since);
      this.#settle(key, decided(effect));
    }
  }

  /** Nobody waits any more. */
  release(): void {
    for (const key of this.#waiting.keys()) this.#settle(key, undecided);
  }

  #settle(key: string, response: Response): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    ended(waiting, response.kind === "effect" ? "decided" : "unknown");
    for (const settled of waiting.settled) settled(response);
  }

  #giveUp(key: string, settled: Settled): void {
    const waiting = this.#waiting.get(key);
    const others = waiting?.settled.filter((other) => other !== settled) ?? [];
    if (waiting !== undefined && others.length > 0) {
      this.#waiting.set(key, { ...waiting, settled: others });
    } else {
      this.#waiting.delete(key);
      if (waiting !== undefined) ended(waiting, "unknown");
    }
    settled(undecided);
  }
}

/** A leader begins to have a batch, or a registration, decided. */
function begun(key: string): Traced | null {
  if (!replicate.hasSubscribers) return null;
  const traced = { key };
  replicate.start.publish(traced);
  return traced;
}

function ended({ traced }: Waiting, outcome: "decided" | "unknown"): void {
  if (traced !== null) replicate.asyncEnd.publish(Object.assign(traced, { outcome }));
}

export function keyOf({ publisher, sequence }: Batch): string {
  return `${publisher}/${sequence}`;
}

function keyOfDecree({ value }: Decree): string | null {
  if (value.kind === "batch") return keyOf(value);
  return value.kind === "registration" ? value.nonce : null;
}

/** Who waits for the effect of a batch or registration, and is told once it is decided. */
import type { Applied, Batch, Decree, Effect } from "../../consensus/index.ts";
import type { Response } from "../requests.ts";

export type Settled = (response: Response) => void;

/** Taken, and nothing more is known: it may or may not be decided. */
export const undecided: Response = { kind: "enqueued" };

/** Decided, with this effect. */
export function decided(effect: Effect): Response {
  return { kind: "effect", effect, results: null };
}

export class Settlements {
  readonly #waiting = new Map<string, Settled[]>();

  /** Calls `settled` once: with the effect, or `undecided` when `signal` aborts before. */
  await(key: string, settled: Settled, signal: AbortSignal): void {
    const onAbort = (): void => this.#giveUp(key, told);
    const told = (response: Response): void => {
      signal.removeEventListener("abort", onAbort);
      settled(response);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [told]);
    else waiting.push(told);
  }

  take(applied: readonly Applied[]): void {
    if (this.#waiting.size === 0) return;
    for (const { decree, effect } of applied) {
      const key = keyOfDecree(decree);
      if (key !== null) this.#settle(key, decided(effect));
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
    for (const settled of waiting) settled(response);
  }

  #giveUp(key: string, settled: Settled): void {
    const waiting = this.#waiting.get(key)?.filter((other) => other !== settled) ?? [];
    if (waiting.length === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, waiting);
    settled(undecided);
  }
}

export function keyOf({ publisher, sequence }: Batch): string {
  return `${publisher}/${sequence}`;
}

function keyOfDecree({ value }: Decree): string | null {
  if (value.kind === "batch") return keyOf(value);
  return value.kind === "registration" ? value.nonce : null;
}

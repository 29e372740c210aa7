/**
 * Which endpoints had no room lately, and when each may be asked again: a client that finds a place
 * for one lane only must not come back at once, search by search. Connects nothing.
 */
import { backOffMs } from "../../transport/portable.ts";
import type { Clock } from "../world.ts";

interface Full {
  readonly times: number;
  readonly until: number;
  readonly error: Error;
}

/** How long one without room is left alone: it doubles up to the second, half of it is jitter. */
const roomMs = { min: 500, max: 4000 } as const;

export class Rooms {
  readonly #clock: Pick<Clock, "now">;
  readonly #fraction: () => number;
  readonly #full = new Map<string, Full>();

  constructor(clock: Pick<Clock, "now">, fraction: () => number) {
    this.#clock = clock;
    this.#fraction = fraction;
  }

  /** It said that it has none; returns how long to wait. */
  refused(url: string, error: Error): number {
    const times = (this.#full.get(url)?.times ?? 0) + 1;
    const ms = backOffMs(times, this.#fraction(), roomMs);
    this.#full.set(url, { times, until: this.#clock.now() + ms, error });
    return ms;
  }

  /** How long it is to be left alone yet, and why; null when it may be asked. */
  wait(url: string): { readonly ms: number; readonly error: Error } | null {
    const full = this.#full.get(url);
    if (full === undefined) return null;
    const ms = full.until - this.#clock.now();
    return ms > 0 ? { ms, error: full.error } : null;
  }

  /** It had room for all. */
  had(url: string): void {
    this.#full.delete(url);
  }
}

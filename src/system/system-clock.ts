/** The clock of the machine, in a browser too: how a node or client reads the time. */
import { soon } from "../../transport/portable.ts";
import type { Clock, Timer } from "../world.ts";

/** A longer delay would overflow the timer, which then fires at once. */
const delayMsMax = 2 ** 31 - 1;

export function systemClock(): Clock {
  const start = performance.now();
  return {
    now: () => Math.floor(performance.now() - start),
    wall: () => Date.now(),
    after: (ms, callback) => new SystemTimer(performance.now() + ms, callback),
    soon,
  };
}

/** Never early: the platform's timers are, by a fraction of a millisecond or for long delays. */
class SystemTimer implements Timer {
  readonly #at: number;
  readonly #callback: () => void;
  #handle: ReturnType<typeof setTimeout>;

  constructor(at: number, callback: () => void) {
    this.#at = at;
    this.#callback = callback;
    this.#handle = this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #arm(): ReturnType<typeof setTimeout> {
    const ms = Math.max(0, Math.ceil(this.#at - performance.now()));
    return setTimeout(() => this.#onTime(), Math.min(ms, delayMsMax));
  }

  #onTime(): void {
    if (performance.now() < this.#at) this.#handle = this.#arm();
    else this.#callback();
  }
}

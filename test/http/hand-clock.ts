/** A clock that is moved by hand. */
import type { Clock } from "../../src/world.ts";

/** Time passes when it is told to. */
export class HandClock implements Clock {
  readonly #timers = new Map<() => void, number>();
  #now = 0;

  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): { cancel(): void } {
    this.#timers.set(callback, this.#now + ms);
    return { cancel: () => this.#timers.delete(callback) };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  advanceTo(now: number): void {
    this.#now = now;
    const due = [...this.#timers].filter(([, at]) => at <= now);
    for (const [callback] of due) {
      this.#timers.delete(callback);
      callback();
    }
  }
}

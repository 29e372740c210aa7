/** A time limit by the clock, joined with the signals of others. Decides nothing itself. */
import type { Clock, Timer } from "./world.ts";

/** One for all: nobody shows it to anyone, and most waits end by time. */
const timeIsOver = new Error("the time is over");

export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: Timer | null;
  readonly #signals: readonly AbortSignal[];
  readonly #follow: () => void;
  #isOver = false;

  /** @param ms Null: no limit, only the signals. */
  constructor(clock: Clock, ms: number | null, ...signals: readonly (AbortSignal | undefined)[]) {
    this.#signals = signals.filter((signal) => signal !== undefined);
    this.#follow = () => {
      const aborted = this.#signals.find((signal) => signal.aborted);
      if (aborted !== undefined) this.#controller.abort(aborted.reason);
    };
    for (const signal of this.#signals) signal.addEventListener("abort", this.#follow);
    this.#timer = ms === null ? null : clock.after(ms, () => this.#onTime());
    this.#follow();
  }

  /** Aborts when the time is over, and when one of the signals does, with its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time that ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#follow);
  }

  #onTime(): void {
    if (this.#controller.signal.aborted) return;
    this.#isOver = true;
    this.#controller.abort(timeIsOver);
  }
}

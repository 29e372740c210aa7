/** A change of endpoint that nothing forces: it waits for a good moment, or is off. */
import type { Clock, Timer } from "../world.ts";
import type { Attachment } from "./endpoint-search.ts";

/** What is under way is settled sooner, or the way to the leader is not what is slow. */
const patienceMs = 1000;

export class Handover {
  readonly to: Attachment;
  /** Resolves when it is done, or off. */
  readonly over: Promise<void>;
  readonly #settle: (isTaken: boolean) => void;
  readonly #timer: Timer;
  #isOver = false;

  /** @param settled Called once, before `over` resolves. */
  constructor(clock: Clock, to: Attachment, settled: (isTaken: boolean) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.to = to;
    this.over = promise;
    this.#settle = (isTaken) => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#timer.cancel();
      settled(isTaken);
      resolve();
    };
    this.#timer = clock.after(patienceMs, () => this.abandon());
  }

  complete(): void {
    this.#settle(true);
  }

  abandon(): void {
    this.#settle(false);
  }
}

/**
 * Who reads the log for somebody else takes turns: one piece of one reader in each turn of the
 * event loop. However many read, and however fast they take it, the node's own work goes on.
 */
import type { Clock } from "../world.ts";

export class ReadingTurns {
  readonly #clock: Pick<Clock, "soon">;
  /** Who waits longest comes first. */
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  constructor(clock: Pick<Clock, "soon">) {
    this.#clock = clock;
  }

  /** Reads when it is its turn, which lasts as long as `read`: that waits for the disk only. */
  async take<Value>(read: () => Promise<Value>): Promise<Value> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    try {
      return await read();
    } finally {
      this.#clock.soon(() => this.#pass());
    }
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}

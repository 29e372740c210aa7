/** How many calls of a lane are under way at once: the rest wait for their turn, in order. */

export interface Turns {
  /** How many wait for their turn. */
  readonly size: number;
  /**
   * Calls `begin` when it has its turn, at once if one is free; what it returns ends the turn.
   */
  add(begin: () => Promise<unknown> | undefined): void;
}

/** A plain queue, of no platform and no package. Its user looks at `size`, and bounds it. */
export class TurnQueue implements Turns {
  /** In order; a set, since taking the first out of a long array moves all others. */
  readonly #waiting = new Set<() => Promise<unknown> | undefined>();
  #free: number;

  constructor(concurrency: number) {
    this.#free = concurrency;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(begin: () => Promise<unknown> | undefined): void {
    if (this.#free > 0) this.#begin(begin);
    else this.#waiting.add(begin);
  }

  #begin(begin: () => Promise<unknown> | undefined): void {
    this.#free -= 1;
    const end = (): void => this.#end();
    const turn = begin();
    if (turn === undefined) end();
    else turn.then(end, end);
  }

  #end(): void {
    this.#free += 1;
    for (const next of this.#waiting) {
      if (this.#free === 0) return;
      this.#waiting.delete(next);
      this.#begin(next);
    }
  }
}

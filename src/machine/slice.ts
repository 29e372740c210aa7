/** How much of a turn of the event loop was used: who has used a slice lets others go first. */
import type { Clock } from "../world.ts";
import { machineLimits } from "./machine-limits.ts";

export class Slice {
  readonly #clock: Clock;
  #entries = 0;
  #end = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.begin();
  }

  get isOver(): boolean {
    return this.#entries >= machineLimits.sliceEntriesMax || this.#clock.now() > this.#end;
  }

  /** One more entry, or piece, was handled. */
  count(): void {
    this.#entries += 1;
  }

  /** A turn has just begun. */
  begin(): void {
    this.#entries = 0;
    this.#end = this.#clock.now() + machineLimits.sliceMsMax;
  }

  /** Resolves in another turn. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.soon(resolve));
    this.begin();
  }
}

/**
 * Chooses the slots whose hashes are compared with those of peers: each that is a multiple of the
 * same number, and the last one when nothing comes any more. So all nodes choose alike.
 */
import type { Hash, Slot } from "../../consensus/index.ts";
import type { Clock, Timer } from "../world.ts";
import { machineLimits } from "./machine-limits.ts";

export interface MarkKeeperOptions {
  readonly clock: Clock;
  readonly over: AbortSignal;
  state(): { readonly slot: Slot; readonly hash: Hash };
  marked(slot: Slot, hash: Hash): void;
}

export class MarkKeeper {
  readonly #options: MarkKeeperOptions;
  #marked: Slot = 0;
  #timer: Timer | null = null;
  #slotAtTimer: Slot = 0;

  constructor(options: MarkKeeperOptions) {
    this.#options = options;
    options.over.addEventListener("abort", () => this.#timer?.cancel(), { once: true });
  }

  /** The state is that of `slot`, and was so since the last slot that held entries. */
  reach(slot: Slot): void {
    const whole = slot - (slot % machineLimits.markSlots);
    if (whole > this.#marked) this.#mark(whole);
    if (this.#timer === null) this.#wait(slot);
  }

  /** The state is that of `slot` from now on; what it was before is not known. */
  begin(slot: Slot): void {
    this.#marked = Math.max(this.#marked, slot);
  }

  #mark(slot: Slot): void {
    this.#marked = slot;
    this.#options.marked(slot, this.#options.state().hash);
  }

  #wait(slot: Slot): void {
    this.#slotAtTimer = slot;
    this.#timer = this.#options.clock.after(machineLimits.markQuietMs, () => {
      this.#timer = null;
      if (this.#options.over.aborted) return;
      const { slot: reached } = this.#options.state();
      if (reached !== this.#slotAtTimer) this.#wait(reached);
      else if (reached > this.#marked) this.#mark(reached);
    });
  }
}

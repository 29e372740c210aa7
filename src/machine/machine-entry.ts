/** A decided entry as a state machine sees it, and log time as far as entries have told of it. */
import type { Entry } from "../api.ts";
import type { Clock } from "../world.ts";
import type { MachineEntry } from "./state-machine.ts";

export class MachineEntryView implements MachineEntry {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly publisher: string;
  readonly time: number;
  readonly #entry: Entry;

  constructor(entry: Entry, time: number) {
    this.index = entry.index;
    this.bytes = entry.bytes;
    this.publisher = entry.publisher;
    this.time = time;
    this.#entry = entry;
  }

  text(): string {
    return this.#entry.text();
  }
}

/**
 * Log time by this node's clock: that of the last entry, and what has passed since it was applied.
 * Not later than that of whoever led all the while, whose time goes on since the proposal.
 */
export class LogClock {
  readonly #clock: Clock;
  #last = 0;
  #setAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#setAt = clock.now();
  }

  /** Of the last entry. */
  get last(): number {
    return this.#last;
  }

  get now(): number {
    return this.#last + (this.#clock.now() - this.#setAt);
  }

  set(time: number): void {
    this.#last = time;
    this.#setAt = this.#clock.now();
  }
}

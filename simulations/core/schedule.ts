/** Virtual time for one run: does what is due, in order. Never waits for anything. */
import { EventQueue } from "../event-queue.ts";

export class Schedule {
  readonly #queue = new EventQueue();
  #now = 0;

  /** Virtual milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  after(delay: number, action: () => void): { cancel(): void } {
    return this.#queue.push(this.#now + Math.max(0, delay), action);
  }

  /** Does the next thing that is due not later than `until`; false when there is none. */
  next(until: number): boolean {
    const due = this.#queue.pop(until);
    if (due === null) {
      this.#now = Math.max(this.#now, until);
      return false;
    }
    this.#now = due.time;
    due.happen();
    return true;
  }
}

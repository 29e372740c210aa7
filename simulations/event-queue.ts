/** What is to happen when: a binary heap by time, ties by the order of insertion. Runs nothing. */
import { assert } from "../consensus/assert.ts";

/** One event. Cancelled, it stays in the heap and is skipped: cheaper than looking for it. */
class Slot {
  readonly time: number;
  readonly number: number;
  #callback: (() => void) | null;

  constructor(time: number, number: number, callback: () => void) {
    this.time = time;
    this.number = number;
    this.#callback = callback;
  }

  get isCancelled(): boolean {
    return this.#callback === null;
  }

  cancel(): void {
    this.#callback = null;
  }

  happen(): void {
    this.#callback?.();
  }
}

export class EventQueue {
  readonly #heap: Slot[] = [];
  #inserted = 0;

  push(time: number, callback: () => void): { cancel(): void } {
    const slot = new Slot(time, this.#inserted, callback);
    this.#inserted += 1;
    this.#heap.push(slot);
    this.#rise(this.#heap.length - 1);
    return slot;
  }

  /** Takes out the first event at or before `until`, or null. */
  pop(until: number): Pick<Slot, "time" | "happen"> | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.time > until) return null;
      this.#removeFirst();
      if (!first.isCancelled) return first;
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    assert(last !== undefined, "the heap is not empty");
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapWhenBefore(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const child = right < this.#heap.length && this.#before(right, left) ? right : left;
      if (!this.#swapWhenBefore(child, at)) return;
      at = child;
    }
  }

  #before(left: number, right: number): boolean {
    const [first, second] = [this.#heap[left], this.#heap[right]];
    assert(first !== undefined && second !== undefined, "inside the heap");
    if (first.time !== second.time) return first.time < second.time;
    return first.number < second.number;
  }

  /** Swaps the two when `lower` comes before `upper`; whether it did. */
  #swapWhenBefore(lower: number, upper: number): boolean {
    if (!this.#before(lower, upper)) return false;
    const [first, second] = [this.#heap[lower], this.#heap[upper]];
    assert(first !== undefined && second !== undefined, "inside the heap");
    this.#heap[lower] = second;
    this.#heap[upper] = first;
    return true;
  }
}

/**
 * Which states are still wanted, and which can still be made, where operations say so: those of a
 * register do. Shows a search early that it cannot succeed; never decides what comes next.
 */
import { at, impossible, type Machine } from "./machine.ts";

export class Supply {
  readonly #finds: Int32Array;
  readonly #leaves: Int32Array;
  readonly #isAnswered: readonly boolean[];
  /** By state: the operations still to come that were answered and must find it. */
  readonly #wanted: Int32Array;
  /** By state: the operations still to come that leave it behind. */
  readonly #makers: Int32Array;

  /** @param machine Null for a search that is not to be told anything. */
  constructor(machine: Machine | null, isAnswered: readonly boolean[]) {
    const count = isAnswered.length;
    this.#isAnswered = isAnswered;
    this.#finds = Int32Array.from(isAnswered, (_, number) => machine?.finds(number) ?? impossible);
    this.#leaves = Int32Array.from(
      isAnswered,
      (_, number) => machine?.leaves(number) ?? impossible,
    );
    const states = 1 + Math.max(this.#finds.reduce(larger, 0), this.#leaves.reduce(larger, 0));
    this.#wanted = new Int32Array(states);
    this.#makers = new Int32Array(states);
    for (let number = 0; number < count; number += 1) this.#count(number, 1);
  }

  place(operation: number): void {
    this.#count(operation, -1);
  }

  takeBack(operation: number): void {
    this.#count(operation, 1);
  }

  /** Somebody must still find `state`, and nobody is left to make it: it must not be given up. */
  isLast(state: number): boolean {
    return (this.#wanted[state] ?? 0) > 0 && (this.#makers[state] ?? 0) === 0;
  }

  /** What `operation` must find, or {@link impossible} when it may find anything. */
  finds(operation: number): number {
    return at(this.#finds, operation);
  }

  leaves(operation: number): number {
    return at(this.#leaves, operation);
  }

  #count(operation: number, change: number): void {
    const found = at(this.#finds, operation);
    if (found !== impossible && this.#isAnswered[operation] === true) {
      this.#wanted[found] = at(this.#wanted, found) + change;
    }
    const left = at(this.#leaves, operation);
    if (left !== impossible) this.#makers[left] = at(this.#makers, left) + change;
  }
}

function larger(left: number, right: number): number {
  return Math.max(left, right);
}

/**
 * A queue, first in, first out: `enqueue` a value, `dequeue` the oldest, or null from an empty one.
 * Never looks at time: that is the search's part.
 */
import {
  at,
  impossible,
  Interner,
  listAtFirst,
  unknownFunction,
  type Machine,
  type Model,
} from "./machine.ts";
import { brief, HistoryFormatError, type Operation } from "./operation.ts";

export const queue: Model = {
  name: "queue",
  machine: (operations, initial) => new Queue(operations, initial),
};

/** Of a value in a state: itself, and its part of the state's name. */
const bytesPerValue = 16;

/** In place of a value: nothing was there, or nobody heard what was. */
const nothing = -2;
const anything = -3;

class Queue implements Machine {
  readonly initial: number;
  readonly #values = new Interner();
  readonly #isEnqueue: boolean[] = [];
  readonly #operands: Int32Array;
  readonly #isUnknown: boolean[];
  readonly #seen = new Set<number>();
  readonly #states: (readonly number[])[] = [];
  readonly #numbers = new Map<string, number>();
  #bytes = 0;

  constructor(operations: readonly Operation[], initial: unknown) {
    const values = listAtFirst("queue", initial);
    this.initial = this.#numberOf(values.map((value) => this.#values.numberOf(value)));
    this.#operands = new Int32Array(operations.length);
    this.#isUnknown = operations.map(({ outcome }) => outcome === "unknown");
    for (const [number, operation] of operations.entries()) {
      const { f, input, output, outcome, line } = operation;
      if (f === "enqueue") {
        if (input === null) throw new HistoryFormatError(line, "enqueue takes a value, not null");
        this.#operands[number] = this.#values.numberOf(input);
      } else if (f === "dequeue") {
        if (outcome === "unknown") this.#operands[number] = anything;
        else this.#operands[number] = output === null ? nothing : this.#values.numberOf(output);
        this.#seen.add(at(this.#operands, number));
      } else {
        unknownFunction(operation, "queue", "enqueue, dequeue");
      }
      this.#isEnqueue.push(f === "enqueue");
    }
  }

  step(state: number, operation: number): number {
    const held = this.#states[state] ?? [];
    const operand = at(this.#operands, operation);
    if (this.#isEnqueue[operation]) return this.#numberOf([...held, operand]);
    if (operand === nothing) return held.length === 0 ? state : impossible;
    if (held.length === 0) return impossible;
    if (operand !== anything && operand !== held[0]) return impossible;
    return this.#numberOf(held.slice(1));
  }

  /** What it finds and leaves depends on all that came before. */
  finds(): number {
    return impossible;
  }

  leaves(): number {
    return impossible;
  }

  isReadOnly(operation: number): boolean {
    return !this.#isEnqueue[operation] && at(this.#operands, operation) === nothing;
  }

  /** What nobody took out may stand behind everything else for ever. */
  canLeaveOut(operation: number): boolean {
    if (!this.#isUnknown[operation] || !this.#isEnqueue[operation]) return false;
    return !this.#seen.has(at(this.#operands, operation));
  }

  bytes(): number {
    return this.#bytes;
  }

  describe(state: number): string {
    const held = this.#states[state] ?? [];
    return `it holds ${brief(held.map((number) => this.#values.valueOf(number)))}`;
  }

  #numberOf(held: readonly number[]): number {
    const name = held.join(" ");
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#states.length;
    this.#states.push(held);
    this.#bytes += bytesPerValue * held.length;
    this.#numbers.set(name, number);
    return number;
  }
}

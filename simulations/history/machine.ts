/**
 * What an object may do, one operation after the other: the sequential specification that histories
 * are held against. States and operations are small numbers, so that a search is quick.
 */
import { brief, HistoryFormatError, type Operation } from "./operation.ts";

/** No state: the operation cannot have given its answer there. */
export const impossible = -1;

/** A model made ready for the operations of one history, which it knows by their place in it. */
export interface Machine {
  readonly initial: number;
  /** The state after `operation`, or {@link impossible}. Equal states are equal numbers. */
  step(state: number, operation: number): number;
  /** Whether `operation` leaves every state in which it is possible as it is. */
  isReadOnly(operation: number): boolean;
  /** The one state in which `operation` is possible; {@link impossible} when there are others. */
  finds(operation: number): number;
  /**
   * The one state that `operation` leaves behind, wherever it takes effect. {@link impossible} when
   * it leaves all as it is, or for every operation of a model in which there are more ways.
   */
  leaves(operation: number): number;
  /**
   * Whether the verdict is the same without `operation`, whose outcome is unknown: nobody can have
   * seen whether it took effect.
   */
  canLeaveOut(operation: number): boolean;
  describe(state: number): string;
  /** About how much the states hold that were met so far. */
  bytes(): number;
}

export interface Model {
  readonly name: string;
  /**
   * @param operations None of them failed; in the order of their invocation.
   * @param initial What the object holds at first; undefined for the model's own.
   * @throws {HistoryFormatError} for an operation that the model does not have.
   */
  machine(operations: readonly Operation[], initial: unknown): Machine;
}

/** Gives equal JSON values equal numbers, from 0. */
export class Interner {
  /** Strings and numbers are their own names; all else is found by its text. */
  readonly #plain = new Map<unknown, number>();
  readonly #others = new Map<string, number>();
  readonly #values: unknown[] = [];

  numberOf(value: unknown): number {
    const isPlain = typeof value === "string" || typeof value === "number";
    const name = isPlain ? "" : canonical(value);
    const known = isPlain ? this.#plain.get(value) : this.#others.get(name);
    if (known !== undefined) return known;
    const number = this.#values.length;
    if (isPlain) this.#plain.set(value, number);
    else this.#others.set(name, number);
    this.#values.push(value);
    return number;
  }

  valueOf(number: number): unknown {
    return this.#values[number];
  }
}

/** One text for equal values: JSON with the members of objects in order. */
function canonical(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, of]) => `${JSON.stringify(name)}:${canonical(of)}`).join(",")}}`;
}

/** The number at a place that is known to be there. */
export function at(numbers: Int32Array, place: number): number {
  return numbers[place] ?? impossible;
}

export function unknownFunction({ f, line }: Operation, model: string, known: string): never {
  throw new HistoryFormatError(line, `the ${model} model has no ${f}: it has ${known}`);
}

/**
 * What a list holds at first; nothing, where nobody says.
 * @throws {HistoryFormatError} for anything but a list, with the line of the header.
 */
export function listAtFirst(model: string, initial: unknown): readonly unknown[] {
  if (initial === undefined || initial === null) return [];
  if (Array.isArray(initial)) return initial;
  throw new HistoryFormatError(1, `a ${model} holds a list at first, got ${brief(initial)}`);
}

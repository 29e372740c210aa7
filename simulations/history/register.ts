/**
 * A register: reads give what was written last; with compare-and-set, and with append as key–value
 * stores have it. Never looks at time: that is the search's part.
 */
import { at, impossible, Interner, unknownFunction, type Machine, type Model } from "./machine.ts";
import { brief, HistoryFormatError, type Operation } from "./operation.ts";

type Kind = "read" | "write" | "cas" | "append";

const kinds: ReadonlyMap<string, Kind> = new Map([
  ["read", "read"],
  ["get", "read"],
  ["write", "write"],
  ["put", "write"],
  ["cas", "cas"],
  ["append", "append"],
]);

export const register: Model = {
  name: "register",
  machine: (operations, initial) => new Register("register", operations, initial),
};

export const casRegister: Model = {
  name: "cas-register",
  machine: (operations, initial) => new Register("cas-register", operations, initial),
};

/** Many registers, one for each key; a history of it is judged key by key. */
export const keyValue: Model = {
  name: "kv",
  machine: (operations, initial) => {
    for (const { key, f, line } of operations) {
      if (key === null) throw new HistoryFormatError(line, `a ${f} of the kv model names its key`);
    }
    return new Register("kv", operations, initial);
  },
};

const functions: ReadonlyMap<string, string> = new Map([
  ["register", "read, write"],
  ["cas-register", "read, write, cas"],
  ["kv", "read (get), write (put), append, cas"],
]);

/** An answer that any state gives: nobody heard it. */
const any = -2;

class Register implements Machine {
  readonly initial: number;
  readonly #values = new Interner();
  readonly #kinds: Kind[] = [];
  /** What an operation must find, or `any`. */
  readonly #found: Int32Array;
  /** What it leaves behind, or what it appends. */
  readonly #left: Int32Array;
  readonly #isUnknown: boolean[];
  /** What some answer tells of. */
  readonly #seen = new Set<number>();
  readonly #appended = new Map<string, number>();
  #appends = false;
  #appendedBytes = 0;

  constructor(model: string, operations: readonly Operation[], initial: unknown) {
    this.initial = this.#values.numberOf(initial ?? null);
    this.#found = new Int32Array(operations.length).fill(any);
    this.#left = new Int32Array(operations.length).fill(any);
    this.#isUnknown = operations.map(({ outcome }) => outcome === "unknown");
    for (const [number, operation] of operations.entries()) {
      const kind = kinds.get(operation.f);
      const known = functions.get(model) ?? "";
      if (kind === undefined) unknownFunction(operation, model, known);
      const isKnown = known.split(/[ ,()]+/).includes(operation.f);
      if (!isKnown) unknownFunction(operation, model, known);
      this.#kinds.push(kind);
      this.#compile(number, kind, operation);
    }
  }

  step(state: number, operation: number): number {
    const found = at(this.#found, operation);
    if (found !== any && found !== state) return impossible;
    const left = at(this.#left, operation);
    if (this.#kinds[operation] === "append") return this.#append(state, left);
    return left === any ? state : left;
  }

  isReadOnly(operation: number): boolean {
    if (this.#kinds[operation] === "read") return true;
    const isCas = this.#kinds[operation] === "cas";
    return isCas && at(this.#found, operation) === at(this.#left, operation);
  }

  finds(operation: number): number {
    const found = at(this.#found, operation);
    return this.#appends || found === any ? impossible : found;
  }

  leaves(operation: number): number {
    const left = at(this.#left, operation);
    return this.#appends || left === any ? impossible : left;
  }

  canLeaveOut(operation: number): boolean {
    if (!this.#isUnknown[operation]) return false;
    if (this.#kinds[operation] === "read") return true;
    // What it wrote was never seen, so it may as well have been overwritten, or never written.
    return !this.#appends && !this.#seen.has(at(this.#left, operation));
  }

  bytes(): number {
    return this.#appendedBytes;
  }

  describe(state: number): string {
    return `it holds ${brief(this.#values.valueOf(state))}`;
  }

  #compile(number: number, kind: Kind, { input, output, outcome, line }: Operation): void {
    const values = this.#values;
    if (kind === "read") {
      if (outcome !== "ok") return;
      this.#found[number] = values.numberOf(output);
      this.#seen.add(at(this.#found, number));
    } else if (kind === "cas") {
      if (!Array.isArray(input) || input.length !== 2) {
        throw new HistoryFormatError(line, `cas takes [old, new], got ${brief(input)}`);
      }
      this.#found[number] = values.numberOf(input[0]);
      this.#left[number] = values.numberOf(input[1]);
      this.#seen.add(at(this.#found, number));
    } else {
      if (kind === "append") this.#appends = true;
      if (kind === "append" && typeof input !== "string") {
        throw new HistoryFormatError(line, `append takes a string, got ${brief(input)}`);
      }
      this.#left[number] = values.numberOf(input);
    }
  }

  #append(state: number, appended: number): number {
    const name = `${state} ${appended}`;
    const known = this.#appended.get(name);
    if (known !== undefined) return known;
    const before = this.#values.valueOf(state) ?? "";
    const after = this.#values.valueOf(appended);
    if (typeof before !== "string" || typeof after !== "string") return impossible;
    const number = this.#values.numberOf(before + after);
    this.#appended.set(name, number);
    this.#appendedBytes += before.length + after.length;
    return number;
  }
}

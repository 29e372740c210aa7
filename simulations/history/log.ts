/**
 * The replicated log as its clients see it: `publish` adds a value and tells its index, `barrier`
 * tells how long the log is, `read` shows a part of it. What each answer demands of the log at the
 * moment of the operation is said here, once for the search and for the quick check.
 */
import { assert } from "../../consensus/assert.ts";
import {
  impossible,
  Interner,
  listAtFirst,
  unknownFunction,
  type Machine,
  type Model,
} from "./machine.ts";
import { brief, HistoryFormatError, type Operation } from "./operation.ts";

export const log: Model = {
  name: "log",
  machine: (operations, initial) => logMachine(readLog(operations, initial)),
};

/** The operations of one log, understood. */
export interface LogHistory {
  /** By their places in the history. */
  readonly demands: readonly LogDemand[];
  /** What it held at first. */
  readonly held: readonly number[];
  readonly values: Interner;
}

/** @throws {HistoryFormatError} for what is no operation of a log. */
export function readLog(operations: readonly Operation[], initial: unknown): LogHistory {
  const values = new Interner();
  const held = listAtFirst("log", initial).map((value) => values.numberOf(value));
  return { values, held, demands: operations.map((operation) => demandOf(operation, values)) };
}

export function logMachine(history: LogHistory): Machine {
  return new Log(history);
}

/** What an operation asks for: at its moment the log has `lengthMin` to `lengthMax` entries. */
export type LogDemand =
  | {
      readonly kind: "publish";
      readonly value: number;
      /** Where it must stand; null when nobody heard. */
      readonly index: number | null;
    }
  | {
      readonly kind: "observe";
      readonly lengthMin: number;
      readonly lengthMax: number;
      /** Where `values` begin, from 1. */
      readonly from: number;
      readonly values: readonly number[];
    };

function demandOf(operation: Operation, values: Interner): LogDemand {
  const { f, input, output, outcome, line } = operation;
  assert(outcome !== "failed", "what failed demands nothing");
  const isOk = outcome === "ok";
  switch (f) {
    case "publish": {
      const index = isOk ? wholeFrom(1, output, line, "publish gives an index from 1") : null;
      return { kind: "publish", value: values.numberOf(input), index };
    }
    case "barrier": {
      if (!isOk) return anything;
      const length = wholeFrom(0, output, line, "barrier gives an index from 0");
      return { kind: "observe", lengthMin: length, lengthMax: length, from: 1, values: [] };
    }
    case "read":
      return isOk ? readDemand(operation, values) : anything;
    default:
      return unknownFunction(operation, "log", "publish, read, barrier");
  }
}

const anything: LogDemand = {
  kind: "observe",
  lengthMin: 0,
  lengthMax: Infinity,
  from: 1,
  values: [],
};

interface Part {
  readonly from: number;
  readonly to: number | null;
  readonly stale: boolean;
}

/**
 * A read that ends before what it was asked for saw the end of the log, unless it was allowed to
 * be stale.
 */
function readDemand({ input, output, line }: Operation, values: Interner): LogDemand {
  const { from, to, stale } = partOf(input, line);
  if (!Array.isArray(output)) {
    throw new HistoryFormatError(line, `read gives a list of values, got ${brief(output)}`);
  }
  const last = from - 1 + output.length;
  if (to !== null && last > to) {
    const found = `${output.length} values from ${from}`;
    throw new HistoryFormatError(line, `read asked for no more than index ${to}, got ${found}`);
  }
  const shown = output.map((value) => values.numberOf(value));
  const lengthMin = output.length === 0 ? 0 : last;
  const sawEnd = !stale && (to === null || last < to);
  return { kind: "observe", lengthMin, lengthMax: sawEnd ? last : Infinity, from, values: shown };
}

function partOf(input: unknown, line: number): Part {
  if (input === null) return { from: 1, to: null, stale: false };
  if (typeof input === "number") {
    return { from: wholeFrom(1, input, line, "read begins at"), to: null, stale: false };
  }
  if (typeof input !== "object" || Array.isArray(input)) {
    throw new HistoryFormatError(line, `read takes an index or {from, to, stale}`);
  }
  const from = wholeFrom(1, "from" in input ? input.from : 1, line, "read begins at");
  const to = "to" in input ? (input.to ?? null) : null;
  return {
    from,
    to: to === null ? null : wholeFrom(from - 1, to, line, "read ends at"),
    stale: "stale" in input && input.stale === true,
  };
}

function wholeFrom(least: number, value: unknown, line: number, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new HistoryFormatError(line, `${what}: wanted an index from ${least}, got ${brief(value)}`);
}

/** With its name among the children of its parent. */
const bytesPerNode = 100;

/** Each log that ever was is a node of one tree: what it holds is the way to its root. */
class Log implements Machine {
  readonly initial: number;
  readonly #demands: readonly LogDemand[];
  readonly #values: Interner;
  readonly #parents: number[] = [0];
  /** An earlier log far enough back that any is reached in few jumps (Myers 1983). */
  readonly #jumps: number[] = [0];
  readonly #last: number[] = [impossible];
  readonly #lengths: number[] = [0];
  readonly #children = new Map<string, number>();

  constructor({ demands, held, values }: LogHistory) {
    this.#demands = demands;
    this.#values = values;
    this.initial = held.reduce((state, value) => this.#append(state, value), 0);
  }

  step(state: number, operation: number): number {
    const demand = this.#demands[operation];
    assert(demand !== undefined, "the operation is one of the machine's");
    const length = this.#lengths[state] ?? 0;
    if (demand.kind === "publish") {
      if (demand.index !== null && demand.index !== length + 1) return impossible;
      return this.#append(state, demand.value);
    }
    if (length < demand.lengthMin || length > demand.lengthMax) return impossible;
    return this.#shows(state, demand.from, demand.values) ? state : impossible;
  }

  /** What it finds and leaves depends on all that came before. */
  finds(): number {
    return impossible;
  }

  leaves(): number {
    return impossible;
  }

  isReadOnly(operation: number): boolean {
    return this.#demands[operation]?.kind === "observe";
  }

  /** An entry that nobody saw may still fill a place before one that somebody did. */
  canLeaveOut(operation: number): boolean {
    const demand = this.#demands[operation];
    return demand?.kind === "observe" && demand.lengthMax === Infinity && demand.lengthMin === 0;
  }

  bytes(): number {
    return bytesPerNode * this.#parents.length;
  }

  describe(state: number): string {
    const length = this.#lengths[state] ?? 0;
    if (length === 0) return "it is empty";
    const last = brief(this.#values.valueOf(this.#last[state] ?? impossible));
    return `it ends with ${last} at index ${length}`;
  }

  #shows(state: number, from: number, values: readonly number[]): boolean {
    let node = this.#prefix(state, from - 1 + values.length);
    for (let place = values.length - 1; place >= 0; place -= 1) {
      if (values[place] !== this.#last[node]) return false;
      node = this.#parents[node] ?? 0;
    }
    return true;
  }

  /** The log when it had no more than `length` entries. */
  #prefix(state: number, length: number): number {
    let node = state;
    while ((this.#lengths[node] ?? 0) > length) {
      const jump = this.#jumps[node] ?? 0;
      node = (this.#lengths[jump] ?? 0) >= length ? jump : (this.#parents[node] ?? 0);
    }
    return node;
  }

  #jumpFrom(parent: number): number {
    const lengthOf = (node: number): number => this.#lengths[node] ?? 0;
    const near = this.#jumps[parent] ?? 0;
    const far = this.#jumps[near] ?? 0;
    const isEven = lengthOf(parent) - lengthOf(near) === lengthOf(near) - lengthOf(far);
    return isEven ? far : parent;
  }

  #append(state: number, value: number): number {
    const name = `${state} ${value}`;
    const known = this.#children.get(name);
    if (known !== undefined) return known;
    const node = this.#parents.length;
    this.#parents.push(state);
    this.#jumps.push(this.#jumpFrom(state));
    this.#last.push(value);
    this.#lengths.push((this.#lengths[state] ?? 0) + 1);
    this.#children.set(name, node);
    return node;
  }
}

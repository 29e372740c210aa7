/**
 * Judges a history: each object by itself, since it is linearizable exactly when it is so for each
 * object (Herlihy and Wing 1990, theorem 1). An order that was found is gone through once more, so
 * that a mistake of a search cannot pass as a verdict.
 */
import { assert } from "../../consensus/assert.ts";
import { log, logMachine, readLog } from "./log.ts";
import { orderLog } from "./log-order.ts";
import { impossible, type Machine, type Model } from "./machine.ts";
import { describeOperation, type Operation } from "./operation.ts";
import { queue } from "./queue.ts";
import { casRegister, keyValue, register } from "./register.ts";
import { search, type SearchBounds, type SearchResult } from "./search.ts";

export const models: ReadonlyMap<string, Model> = new Map(
  [log, register, casRegister, keyValue, queue].map((model) => [model.name, model]),
);

export type Verdict = "linearizable" | "not linearizable" | "unknown";

/** Why a history is bad, or where the search for an order stopped. */
export interface Problem {
  readonly key: string | null;
  /** The longest order that was found. */
  readonly order: readonly Operation[];
  /** What cannot be placed behind it; the first is the one that the page shows. */
  readonly unplaceable: readonly Operation[];
  readonly reason: string;
}

export interface HistoryReport {
  readonly verdict: Verdict;
  readonly model: string;
  /** All that were invoked, failed ones included. */
  readonly operations: number;
  readonly failed: number;
  readonly unknown: number;
  readonly processes: number;
  /** Objects that were judged by themselves. */
  readonly partitions: number;
  /** Configurations that the general search looked at. */
  readonly configurations: number;
  /** Null for a linearizable history. */
  readonly problem: Problem | null;
}

export interface CheckOptions {
  readonly model: Model;
  readonly initial?: unknown;
  /**
   * Where each operation took effect, as the system itself has it: an order that is tried before
   * any is searched for. Null for one that never did.
   */
  readonly place?: (operation: Operation) => number | null;
  /** The general search also where there is a quicker check. */
  readonly generalOnly?: boolean;
  readonly bounds?: Partial<SearchBounds>;
}

const boundsDefault: SearchBounds = {
  configurationsMax: 20_000_000,
  bytesMax: 1024 * 1024 * 1024,
  isOver: () => false,
};

interface Partition {
  readonly key: string | null;
  readonly operations: readonly Operation[];
}

interface Judgement {
  readonly verdict: Verdict;
  readonly configurations: number;
  readonly problem: Problem | null;
}

/** @throws {HistoryFormatError} for an operation that the model does not have. */
export function checkHistory(
  operations: readonly Operation[],
  options: CheckOptions,
): HistoryReport {
  const partitions = partition(operations);
  let verdict: Verdict = "linearizable";
  let problem: Problem | null = null;
  let configurations = 0;
  for (const each of partitions) {
    const judged = judge(each, options);
    configurations += judged.configurations;
    if (judged.verdict === "linearizable") continue;
    // One bad object decides; one that is not settled leaves the others to be judged.
    if (problem === null || judged.verdict === "not linearizable") problem = judged.problem;
    verdict = judged.verdict;
    if (verdict === "not linearizable") break;
  }
  return {
    verdict,
    model: options.model.name,
    operations: operations.length,
    failed: operations.filter(({ outcome }) => outcome === "failed").length,
    unknown: operations.filter(({ outcome }) => outcome === "unknown").length,
    processes: new Set(operations.map(({ process }) => process)).size,
    partitions: partitions.length,
    configurations,
    problem,
  };
}

/** What failed never took effect, so it needs no place. */
function partition(operations: readonly Operation[]): readonly Partition[] {
  const parts = new Map<string | null, Operation[]>();
  for (const operation of operations) {
    const part = parts.get(operation.key) ?? [];
    if (part.length === 0) parts.set(operation.key, part);
    if (operation.outcome !== "failed") part.push(operation);
  }
  return [...parts].map(([key, operations]) => ({ key, operations }));
}

function judge(part: Partition, options: CheckOptions): Judgement {
  const { model, initial, generalOnly = false } = options;
  if (model === log && !generalOnly) {
    const judged = judgeLog(part, initial);
    if (judged !== null) return judged;
  }
  const all = model.machine(part.operations, initial);
  const kept = part.operations.filter((_, number) => !all.canLeaveOut(number));
  const machine = kept.length === part.operations.length ? all : model.machine(kept, initial);
  const { place } = options;
  if (place !== undefined && flawOf(kept, placed(kept, place), machine) === null) {
    return { verdict: "linearizable", configurations: 0, problem: null };
  }
  const bounds = { ...boundsDefault, ...options.bounds };
  const result = search(kept, machine, bounds);
  const { configurations } = result;
  if (result.kind === "found") {
    certify(kept, result.order, machine);
    return { verdict: "linearizable", configurations, problem: null };
  }
  const isBad = result.kind === "impossible";
  const problem = explain({ key: part.key, operations: kept }, machine, result, bounds);
  return { verdict: isBad ? "not linearizable" : "unknown", configurations, problem };
}

type Failure = Exclude<SearchResult, { readonly kind: "found" }>;

/** How many configurations a better explanation may cost; the verdict stands already. */
const explainingMax = 200_000;

function searchLongest(
  operations: readonly Operation[],
  machine: Machine,
  bounds: SearchBounds,
): Failure {
  const configurationsMax = Math.min(explainingMax, bounds.configurationsMax);
  const result = search(operations, machine, { ...bounds, configurationsMax }, false);
  assert(result.kind !== "found", "what has no order has none in a second search either");
  return result;
}

/** Looks once more for a long order: the longer it is, the nearer its end is to what is wrong. */
function explain(
  { key, operations: kept }: Partition,
  machine: Machine,
  failure: Failure,
  bounds: SearchBounds,
): Problem {
  const lookedAhead = kept.some((_, number) => machine.finds(number) !== impossible);
  const isFinal = failure.kind === "gave up" || !lookedAhead;
  const again = isFinal ? failure : searchLongest(kept, machine, bounds);
  const result = again.order.length > failure.order.length ? again : failure;
  const order = select(kept, result.order);
  const placed = new Set(order);
  const [blocked] = select(kept, [result.blocked]);
  assert(blocked !== undefined, "a search that fails was blocked by an operation");
  // All that were open at that moment: each of them was tried, and none fitted.
  const open = kept.filter((operation) => {
    const { invoked, outcome } = operation;
    return invoked < blocked.returned && outcome === "ok" && !placed.has(operation);
  });
  const others = open.filter((operation) => operation !== blocked);
  const where = `after ${order.length} operations ${machine.describe(result.state)}`;
  const { kind, configurations, bound } = failure;
  const reason =
    kind === "impossible"
      ? `${where}; ${describeOperation(blocked)} (line ${blocked.line}) fits nowhere`
      : `gave up after ${configurations} configurations, at the bound of ${bound}; ${where}`;
  return { key, order, unplaceable: [blocked, ...others], reason };
}

function judgeLog({ key, operations }: Partition, initial: unknown): Judgement | null {
  const history = readLog(operations, initial);
  const result = orderLog(operations, history);
  if (result === null) return null;
  if (result.kind === "found") {
    certify(operations, result.order, logMachine(history));
    return { verdict: "linearizable", configurations: 0, problem: null };
  }
  const problem: Problem = {
    key,
    order: select(operations, result.order),
    unplaceable: select(operations, result.culprits),
    reason: result.reason,
  };
  return { verdict: "not linearizable", configurations: 0, problem };
}

function select(operations: readonly Operation[], numbers: readonly number[]): Operation[] {
  return numbers.map((number) => {
    const operation = operations[number];
    assert(operation !== undefined, "an order is of the operations that were given");
    return operation;
  });
}

/** The numbers of those that took effect, by where they did. */
function placed(
  operations: readonly Operation[],
  place: (operation: Operation) => number | null,
): readonly number[] {
  const places = operations.map(place);
  const numbers = [...operations.keys()].filter((number) => places[number] !== null);
  return numbers.toSorted((left, right) => (places[left] ?? 0) - (places[right] ?? 0));
}

function certify(
  operations: readonly Operation[],
  order: readonly number[],
  machine: Machine,
): void {
  const flaw = flawOf(operations, order, machine);
  assert(flaw === null, flaw ?? "");
}

/** Why an order is none that holds all that were answered, once, respecting model and real time. */
function flawOf(
  operations: readonly Operation[],
  order: readonly number[],
  machine: Machine,
): string | null {
  const answered = operations.filter(({ outcome }) => outcome === "ok").length;
  if (new Set(order).size < order.length) return "an operation takes effect once";
  let state = machine.initial;
  let invoked = -1;
  let count = 0;
  for (const number of order) {
    const operation = operations[number];
    assert(operation !== undefined, "an order is of the operations that were given");
    if (operation.returned <= invoked) return "an order respects real time";
    invoked = Math.max(invoked, operation.invoked);
    state = machine.step(state, number);
    if (state === impossible) return "an order respects the model";
    if (operation.outcome === "ok") count += 1;
  }
  return count === answered ? null : "an order holds every operation that was answered";
}

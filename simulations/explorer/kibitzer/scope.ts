/**
 * How far an exploration goes, and what is left of that in one state, packed into one word. All is
 * counted from the start: a republic at rest, led by `a`.
 */
export interface Scope {
  /** How often each node may stand up, besides the ballot that `a` leads at the start. */
  readonly ballots: number;
  /** How many values are published. */
  readonly values: number;
  /** How often a value may be submitted once more, at whoever leads. */
  readonly retries: number;
  /** Losses of power, at any node; it starts again at once. */
  readonly crashes: number;
  /** Messages that are delivered and stay in the network besides. */
  readonly duplicates: number;
  /** Rounds of pings besides those of an election; each crash allows one more. */
  readonly rounds: number;
  /**
   * Whether whatever is written is durable, and the node told, in the same step. What lies between
   * is then not explored, but elections take half as many actions, so that more of them are.
   */
  readonly isAtomic: boolean;
  /**
   * How often the order of things may differ from the plain one, in which writes become durable and
   * messages arrive as soon as they can, none of them lost, and elections, losses of power and the
   * like come when nothing else is left to do; null for any order at all. Few deviations reach far
   * (Emmi, Qadeer, Rakamarić, "Delay-Bounded Scheduling", 2011).
   */
  readonly deviations: number | null;
}

export const scopeDefault: Scope = {
  ballots: 2,
  values: 2,
  retries: 0,
  crashes: 2,
  duplicates: 1,
  rounds: 1,
  isAtomic: false,
  deviations: null,
};

/** What is counted, each in three bits; `a` to `c` for the elections of each node. */
export type Count =
  "crashes" | "duplicates" | "rounds" | "retries" | "a" | "b" | "c" | "deviations";

/** What each node has left of elections. */
export const electionsOf: readonly Count[] = ["a", "b", "c"];

const shifts: Readonly<Record<Count, number>> = {
  crashes: 0,
  duplicates: 3,
  rounds: 6,
  retries: 9,
  a: 12,
  b: 15,
  c: 18,
  deviations: 21,
};
/** One bit for each value that was submitted, after all counts. */
const submittedShift = 24;
export const countMax = 7;
/** So that the rounds of a run, an extra one for each crash included, stay in their bits. */
export const roundsMax = 3;
export const valuesMax = 4;

export function fullBudget(scope: Scope): number {
  const { crashes, duplicates, rounds, retries, ballots } = scope;
  const elections = { a: ballots, b: ballots, c: ballots };
  const deviations = scope.deviations ?? 0;
  const counts = { crashes, duplicates, rounds, retries, ...elections, deviations };
  let budget = 0;
  for (const name of countNames) budget |= counts[name] << shifts[name];
  return budget;
}

const countNames: readonly Count[] = [
  "crashes",
  "duplicates",
  "rounds",
  "retries",
  "a",
  "b",
  "c",
  "deviations",
];

export function left(budget: number, count: Count): number {
  return (budget >> shifts[count]) & countMax;
}

/** @param change How many more, or with a minus how many fewer, are left. */
export function changed(budget: number, count: Count, change: number): number {
  return budget + change * (1 << shifts[count]);
}

export function isSubmitted(budget: number, value: number): boolean {
  return ((budget >> (submittedShift + value)) & 1) === 1;
}

export function submitted(budget: number, value: number): number {
  return budget | (1 << (submittedShift + value));
}

/**
 * Judges what clients were told: by whether their history has an order that respects real time, and
 * by the logs that the nodes hold afterwards. Every value is published once, so that an entry names
 * the operation it came from.
 */
import { checkHistory, type HistoryReport } from "../../simulations/history/check.ts";
import { log as logModel } from "../../simulations/history/log.ts";
import type { Operation } from "../../simulations/history/operation.ts";

/** One entry of a node's log. */
export interface Logged {
  readonly index: number;
  readonly publisher: string;
  readonly sequence: number;
  readonly text: string;
}

export interface Verdict {
  readonly operations: number;
  /** Published entries. */
  readonly acknowledged: number;
  /** Barriers and reads that were answered. */
  readonly reads: number;
  readonly unknown: number;
  readonly failed: number;
  readonly lost: number;
  readonly doubled: number;
  /** The longest time between two acknowledgements. */
  readonly gapMs: number;
  /** Whether the history of all clients has an order that respects real time. */
  readonly linearizability: HistoryReport["verdict"];
  /** What was broken, one sentence each; empty when all is well. */
  readonly violations: readonly string[];
}

/** So many examples of one kind of violation are told. */
const examplesMax = 5;
/** A log is judged within a second or so; one that takes longer has no verdict, and is bad. */
const checkMsMax = 60_000;

/**
 * @param logs By node, whole; empty where none could be read, which is for others to complain of.
 * @param history What {@link judgeHistory} says of the operations.
 */
export function judge(
  operations: readonly Operation[],
  logs: ReadonlyMap<string, readonly Logged[]>,
  history: HistoryReport,
): Verdict {
  const log = [...logs.values()].toSorted((left, right) => right.length - left.length)[0] ?? [];
  const lost = logs.size === 0 ? [] : lostOf(operations, log);
  const doubled = doubledOf(log);
  return {
    ...countsOf(operations),
    lost: lost.length,
    doubled: doubled.length,
    gapMs: gapMsOf(operations),
    linearizability: history.verdict,
    violations: [
      ...some(lost),
      ...some(doubled),
      ...some(unlikeOf(logs, log)),
      ...some(unaskedOf(operations, log)),
      ...some(disorderOf(log)),
      ...problemOf(history),
    ],
  };
}

/** Searches for an order of all that clients asked and were told. */
export function judgeHistory(operations: readonly Operation[]): HistoryReport {
  const begun = performance.now();
  const isOver = (): boolean => performance.now() - begun > checkMsMax;
  return checkHistory(operations, { model: logModel, bounds: { isOver } });
}

function problemOf({ verdict, problem }: HistoryReport): readonly string[] {
  if (verdict === "linearizable") return [];
  return [`the history is ${verdict}: ${problem?.reason ?? "no reason was given"}`];
}

function publishesOf(operations: readonly Operation[]): readonly Operation[] {
  return operations.filter(({ f }) => f === "publish");
}

function countsOf(
  operations: readonly Operation[],
): Pick<Verdict, "operations" | "acknowledged" | "reads" | "unknown" | "failed"> {
  const publishes = publishesOf(operations);
  const count = (wanted: Operation["outcome"]): number =>
    publishes.filter(({ outcome }) => outcome === wanted).length;
  const answered = operations.filter(({ outcome }) => outcome === "ok").length;
  const acknowledged = count("ok");
  return {
    operations: operations.length,
    acknowledged,
    reads: answered - acknowledged,
    unknown: count("unknown"),
    failed: count("failed"),
  };
}

function gapMsOf(operations: readonly Operation[]): number {
  const times = publishesOf(operations)
    .flatMap(({ outcome, returnedTime }) => (outcome === "ok" ? [returnedTime ?? 0] : []))
    .toSorted((left, right) => left - right);
  const gaps = times.slice(1).map((time, position) => time - (times[position] ?? time));
  return gaps.reduce((longest, gap) => Math.max(longest, gap), 0) / 1e6;
}

/** Acknowledged, and not where it was said to be. */
function lostOf(operations: readonly Operation[], log: readonly Logged[]): readonly string[] {
  const indexOf = new Map<unknown, number>(log.map(({ text, index }) => [text, index]));
  return publishesOf(operations).flatMap(({ outcome, input, output }) => {
    const found = indexOf.get(input);
    if (outcome !== "ok" || found === output) return [];
    const where = found === undefined ? "nowhere" : `at ${found}`;
    return [`${String(input)} was acknowledged at ${String(output)}, and is ${where}`];
  });
}

function doubledOf(log: readonly Logged[]): readonly string[] {
  const seen = new Map<string, number>();
  return log.flatMap(({ text, index }) => {
    const before = seen.get(text);
    seen.set(text, index);
    return before === undefined ? [] : [`${text} is twice in the log, at ${before} and ${index}`];
  });
}

/** Each log has the indexes from 1 on, and the same entries as the longest. */
function unlikeOf(
  logs: ReadonlyMap<string, readonly Logged[]>,
  log: readonly Logged[],
): readonly string[] {
  return [...logs].flatMap(([id, entries]) => {
    const wrong = entries.findIndex((entry, position) => {
      const other = log[position];
      return entry.index !== position + 1 || other === undefined || !isSame(entry, other);
    });
    if (wrong !== -1) return [`the log of ${id} differs at position ${wrong + 1}`];
    if (entries.length === log.length) return [];
    return [`the log of ${id} ends at ${entries.length}, another at ${log.length}`];
  });
}

function isSame(left: Logged, right: Logged): boolean {
  return (
    left.text === right.text &&
    left.publisher === right.publisher &&
    left.sequence === right.sequence
  );
}

/** In the log, though nobody published it, or though it was refused for good. */
function unaskedOf(operations: readonly Operation[], log: readonly Logged[]): readonly string[] {
  const asked = new Map<unknown, Operation["outcome"]>();
  for (const { input, outcome } of publishesOf(operations)) asked.set(input, outcome);
  return log.flatMap(({ text, index }) => {
    if (!asked.has(text)) return [`${text} at ${index} was never published`];
    return asked.get(text) === "failed" ? [`${text} at ${index} was refused for good`] : [];
  });
}

/** A publisher's entries stand in its order, each number once. */
function disorderOf(log: readonly Logged[]): readonly string[] {
  const last = new Map<string, number>();
  return log.flatMap(({ publisher, sequence, index }) => {
    const before = last.get(publisher) ?? 0;
    last.set(publisher, sequence);
    if (sequence > before) return [];
    return [`${sequence} of publisher ${publisher} at ${index} stands behind its ${before}`];
  });
}

function some(found: readonly string[]): readonly string[] {
  const more = found.length - examplesMax;
  return more <= 0 ? found : [...found.slice(0, examplesMax), `and ${more} more of this kind`];
}

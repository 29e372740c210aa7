/**
 * Judges what clients were told by the logs that the nodes hold afterwards. Each check is linear in
 * the history. Every value is published once, so that an entry names the operation it came from.
 */
import type { HistoryEvent } from "./history.ts";
import { operationsOf, type Operation } from "./operations.ts";

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
  readonly unknown: number;
  readonly failed: number;
  readonly lost: number;
  readonly doubled: number;
  /** The longest time between two acknowledgements. */
  readonly gapMs: number;
  /** What was broken, one sentence each; empty when all is well. */
  readonly violations: readonly string[];
}

/** So many examples of one kind of violation are told. */
const examplesMax = 5;

export function judge(
  events: readonly HistoryEvent[],
  logs: ReadonlyMap<string, readonly Logged[]>,
): Verdict {
  const operations = operationsOf(events);
  const log = [...logs.values()].toSorted((left, right) => right.length - left.length)[0] ?? [];
  const lost = lostOf(operations, log);
  const doubled = doubledOf(log);
  return {
    ...countsOf(operations),
    lost: lost.length,
    doubled: doubled.length,
    gapMs: gapMsOf(operations),
    violations: [
      ...some(lost),
      ...some(doubled),
      ...some(unlikeOf(logs, log)),
      ...some(unaskedOf(operations, log)),
      ...some(disorderOf(log)),
      ...some(staleOf(operations)),
      ...some(readingsOf(operations, log)),
    ],
  };
}

function countsOf(
  operations: readonly Operation[],
): Pick<Verdict, "operations" | "acknowledged" | "unknown" | "failed"> {
  const publishes = operations.filter(({ f }) => f === "publish");
  const count = (end: string): number => publishes.filter(({ ended }) => ended === end).length;
  return {
    operations: operations.length,
    acknowledged: count("ok"),
    unknown: count("info"),
    failed: count("fail"),
  };
}

function gapMsOf(operations: readonly Operation[]): number {
  let last: number | null = null;
  let gap = 0;
  for (const { ended, f, time } of operations) {
    if (ended !== "ok" || f !== "publish") continue;
    if (last !== null) gap = Math.max(gap, time - last);
    last = time;
  }
  return gap / 1e6;
}

/** Acknowledged, and not where it was said to be. */
function lostOf(operations: readonly Operation[], log: readonly Logged[]): readonly string[] {
  const indexOf = new Map(log.map(({ text, index }) => [text, index]));
  return operations.flatMap((operation) => {
    if (operation.f !== "publish" || operation.index === null) return [];
    const { index, text } = operation;
    const found = indexOf.get(text);
    if (found === index) return [];
    const where = found === undefined ? "nowhere" : `at ${found}`;
    return [`${text} was acknowledged at ${index}, and is ${where}`];
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
  const asked = new Map<string, Operation["ended"]>();
  for (const operation of operations) {
    if (operation.f === "publish") asked.set(operation.text, operation.ended);
  }
  return log.flatMap(({ text, index }) => {
    if (!asked.has(text)) return [`${text} at ${index} was never published`];
    return asked.get(text) === "fail" ? [`${text} at ${index} was refused for good`] : [];
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

/** Real time: what begins after something was told knows of it. */
function staleOf(operations: readonly Operation[]): readonly string[] {
  return operations.flatMap((operation) => {
    const { process, f, before } = operation;
    const reached = reachedBy(operation);
    const wanted = f === "publish" ? before + 1 : before;
    if (reached === null || reached >= wanted) return [];
    return [`${f} of ${process} gave ${reached} after ${before} was told`];
  });
}

function reachedBy(operation: Operation): number | null {
  switch (operation.f) {
    case "publish":
      return operation.index;
    case "barrier":
      return operation.length;
    case "read":
      return operation.texts === null ? null : operation.from + operation.texts.length - 1;
  }
}

/** What was read is what the log says. */
function readingsOf(operations: readonly Operation[], log: readonly Logged[]): readonly string[] {
  return operations.flatMap((operation) => {
    if (operation.f !== "read" || operation.texts === null) return [];
    const { process, from, texts } = operation;
    const wrong = texts.findIndex((text, position) => log[from - 1 + position]?.text !== text);
    return wrong === -1 ? [] : [`${process} read ${texts[wrong]} at ${from + wrong}`];
  });
}

function some(found: readonly string[]): readonly string[] {
  const more = found.length - examplesMax;
  return more <= 0 ? found : [...found.slice(0, examplesMax), `and ${more} more of this kind`];
}

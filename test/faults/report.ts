/** What all attacks together showed: a row for each, and one line for all. Runs nothing. */
import Table from "cli-table3";
import type { Result } from "./attack.ts";

export interface Row {
  readonly attack: string;
  readonly faults: readonly string[];
  readonly rounds: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly unknown: number;
  readonly lost: number;
  readonly doubled: number;
  readonly gapMs: number;
  readonly failed: number;
}

export interface Summary extends Omit<Row, "attack" | "faults" | "rounds"> {
  readonly attacks: number;
  /** Kinds of fault that the attacks bring. */
  readonly kinds: number;
  /** Attacks carried out: each gives one history. */
  readonly histories: number;
  readonly linearizable: number;
  /** Envelopes of recordings that replayed. */
  readonly replayed: number;
  /** What was done to nodes and networks, and how often. */
  readonly fired: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** The rounds of an attack in one row, in the order of the first results. */
export function rowsOf(results: readonly Result[]): readonly Row[] {
  const byAttack = Map.groupBy(results, ({ attack }) => attack);
  return [...byAttack].map(([attack, rounds]) => ({
    attack,
    faults: rounds[0]?.faults ?? [],
    rounds: rounds.length,
    ...totals(rounds),
  }));
}

export function summaryOf(results: readonly Result[], seconds: number): Summary {
  const attacks = new Set(results.map(({ attack }) => attack)).size;
  const byVerdict = Map.groupBy(results, ({ linearizability }) => linearizability);
  return {
    attacks,
    kinds: new Set(results.flatMap(({ faults }) => faults)).size,
    histories: results.length,
    linearizable: byVerdict.get("linearizable")?.length ?? 0,
    ...totals(results),
    replayed: results.reduce((sum, { replayed }) => sum + replayed, 0),
    fired: firedOf(results),
    seconds,
  };
}

function firedOf(results: readonly Result[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const [what, count] of results.flatMap(({ fired }) => Object.entries(fired))) {
    counts.set(what, (counts.get(what) ?? 0) + count);
  }
  return Object.fromEntries([...counts].toSorted(([, left], [, right]) => right - left));
}

type Total = Omit<Row, "attack" | "faults" | "rounds">;

function totals(results: readonly Result[]): Total {
  const sum = (count: (result: Result) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  return {
    operations: sum(({ operations }) => operations),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    reads: sum(({ reads }) => reads),
    unknown: sum(({ unknown }) => unknown),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    gapMs: Math.round(Math.max(0, ...results.map(({ gapMs }) => gapMs))),
    failed: results.filter(({ violations }) => violations.length > 0).length,
  };
}

const columns = "attack,faults,acknowledged,reads,unknown,lost,doubled,gap ms,verdict";

export function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: columns.split(","),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const { attack, faults, acknowledged, reads, unknown, lost, doubled, gapMs } = row;
    const counts = [acknowledged, reads, unknown, lost, doubled, gapMs];
    table.push([attack, faults.join(" "), ...counts.map(String), verdictOf(row)]);
  }
  return table.toString();
}

function verdictOf({ rounds, failed }: Row): string {
  if (failed > 0) return rounds === 1 ? "BAD" : `BAD ${failed} of ${rounds}`;
  return rounds === 1 ? "good" : `good × ${rounds}`;
}

export function summaryLine(summary: Summary): string {
  const { attacks, histories, linearizable, operations, acknowledged, lost, doubled } = summary;
  const { failed, replayed, kinds } = summary;
  const inRounds = histories === attacks ? "" : ` in ${histories} rounds`;
  return (
    `${failed === 0 ? "good" : "BAD"}: ${attacks} attacks${inRounds}, ${kinds} kinds of fault, ` +
    `${operations} operations, ${linearizable} of ${histories} histories linearizable, ` +
    `${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled, ` +
    `${replayed} envelopes replayed, ${failed} failed, in ${Math.round(summary.seconds)} s`
  );
}

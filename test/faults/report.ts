/** What all attacks together showed: a row for each, and one line for all. Runs nothing. */
import Table from "cli-table3";
import type { Result } from "./attack.ts";

export interface Row {
  readonly attack: string;
  readonly faults: readonly string[];
  readonly rounds: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly lost: number;
  readonly doubled: number;
  readonly gapMs: number;
  readonly failed: number;
}

export interface Summary extends Omit<Row, "attack" | "faults" | "rounds"> {
  readonly attacks: number;
  /** Attacks carried out: each gives one history. */
  readonly histories: number;
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
  return { attacks, histories: results.length, ...totals(results), seconds };
}

type Total = Omit<Row, "attack" | "faults" | "rounds">;

function totals(results: readonly Result[]): Total {
  const sum = (count: (result: Result) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  return {
    operations: sum(({ operations }) => operations),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    unknown: sum(({ unknown }) => unknown),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    gapMs: Math.round(Math.max(0, ...results.map(({ gapMs }) => gapMs))),
    failed: results.filter(({ violations }) => violations.length > 0).length,
  };
}

const columns = "attack,faults,operations,acknowledged,unknown,lost,doubled,gap ms,verdict";

export function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: columns.split(","),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const { attack, faults, operations, acknowledged, unknown, lost, doubled, gapMs } = row;
    const counts = [operations, acknowledged, unknown, lost, doubled, gapMs];
    table.push([attack, faults.join(" "), ...counts.map(String), verdictOf(row)]);
  }
  return table.toString();
}

function verdictOf({ rounds, failed }: Row): string {
  if (failed > 0) return rounds === 1 ? "BAD" : `BAD ${failed} of ${rounds}`;
  return rounds === 1 ? "good" : `good × ${rounds}`;
}

export function summaryLine(summary: Summary): string {
  const { attacks, histories, operations, acknowledged, lost, doubled, failed } = summary;
  const inRounds = histories === attacks ? "" : ` in ${histories} histories`;
  return (
    `${failed === 0 ? "good" : "BAD"}: ${attacks} attacks${inRounds}, ${operations} operations, ` +
    `${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled, ${failed} failed, ` +
    `in ${Math.round(summary.seconds)} s`
  );
}

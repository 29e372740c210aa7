/** What people read of many runs: the table, the worst cases and the failed ones. */
import Table from "cli-table3";
import { commandOf, type Row, type Summary } from "./summary.ts";
import type { Case } from "./partition-run.ts";
import { bounds, type Fault } from "./verdict.ts";
import type { WholeMeasured } from "./whole-node.ts";
import type { Result } from "./worker.ts";

const heads = [
  "topology or graphs",
  "runs",
  "with a QC node",
  "recovered",
  "median ET",
  "max ET",
  "leader changes, max",
  "unstable",
  "harmed",
  "healed within ET",
];

const plain = {
  chars: {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  },
  style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
};

export function tableText({ rows, total }: Summary): string {
  const table = new Table({ ...plain, head: heads, colAligns: heads.map(alignmentOf) });
  for (const row of [...rows, total]) table.push(cellsOf(row));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function alignmentOf(_: string, column: number): "left" | "right" {
  return column === 0 ? "left" : "right";
}

function cellsOf(row: Row): string[] {
  return [
    row.family,
    whole(row.runs),
    whole(row.connected),
    whole(row.recovered),
    timeouts(row.recoveryMedian),
    timeouts(row.recoveryMax),
    whole(row.leaderChangesMax),
    whole(row.unstable),
    whole(row.harmed),
    timeouts(row.healingMax),
  ];
}

function whole(count: number): string {
  return count.toLocaleString("en");
}

function timeouts(count: number | null): string {
  return count === null ? "–" : count.toFixed(2);
}

/** The slowest ones, each with the command that repeats it. */
export function worstText(results: readonly Result[]): string {
  const lines = results.map(({ case: each, measured }) => {
    const changes = `${measured.leaderChanges} changes`;
    return `  ${timeouts(measured.recoveredAfter)} ET, ${changes}: ${commandOf(each)}`;
  });
  return ["worst:", ...lines].join("\n");
}

export function failureText({ case: each, faults }: Result): string {
  const what = faults.map(({ invariant, message }) => `${invariant}: ${message}`).join("; ");
  return `FAILED ${what}\n  ${commandOf(each)}`;
}

/** One run, told. */
export function storyText({ measured, faults }: Result): string {
  const { story, quorumConnected, recoveredAfter, leaderChanges, idleWindows } = measured;
  const connected = quorumConnected.length === 0 ? "nobody" : quorumConnected.join(" ");
  return [
    ...story.map((line) => `  ${line}`),
    `  quorum-connected: ${connected}; recovered after ${timeouts(recoveredAfter)} ET, ` +
      `${leaderChanges} leader changes, ${measured.decided} entries decided, ` +
      `${idleWindows} idle windows, healed after ${timeouts(measured.healedAfter)} ET`,
    ...faults.map(({ invariant, message }) => `  FAILED ${invariant}: ${message}`),
  ].join("\n");
}

/** One run on whole nodes. */
export function wholeText(
  { graph, leader }: Case,
  { served, recoveredAfter, allAfter, ballots, report }: WholeMeasured,
  faults: readonly Fault[],
): string {
  const verdict = faults.length === 0 ? "ok" : "FAILED";
  return [
    `${graph}, ${leader} leads: ${verdict}, ${ballots.at(-1)?.id ?? "nobody"} leads in the end; ` +
      `first served after ${timeouts(recoveredAfter)} ET, all of ${served.join(" ")} after ` +
      `${timeouts(allAfter)} ET; ${report.acknowledged} of ${report.submitted} acknowledged`,
    ...faults.map(({ invariant, message }) => `  ${invariant}: ${message}`),
  ].join("\n");
}

/** The one line at the end. */
export function lastLine({ total, seconds }: Summary): string {
  const worst = timeouts(total.recoveryMax);
  return (
    `${whole(total.runs)} runs, ${whole(total.failed)} failed; ` +
    `${whole(total.recovered)} of ${whole(total.connected)} with a quorum-connected node ` +
    `recovered, after ${worst} ET at most (bound ${bounds.recoveryMax}), ` +
    `${whole(Math.round(seconds))} simulated seconds`
  );
}

/**
 * `npm run sweep`: a crash before each storage call of each node of a short story (K20). What it
 * prints to stdout depends on arguments and commit only.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { print, runCommand, showProgress, tell, whole } from "./command-line.ts";
import type { RunReport } from "./simulation.ts";
import { sweepCases, sweepOne, type SweepCase } from "./storage-sweep.ts";
import { runTasks } from "./worker-pool.ts";

const usage = `Usage: npm run sweep -- [--every N] [--case NODE:CALL:HOW] [--json]

Crashes one node of three before each storage call that it makes in a short story, once as a killed
process and once with its machine, and demands that nothing is lost and all converge.

  --every N  only each Nth of these crashes (default 1: all)
  --case C   this one: 0:17:power or 2:5:kill
  --json     one JSON value a line; the last is the summary
  --help     this text`;

interface Arguments {
  readonly every: number;
  readonly only: SweepCase | null;
  readonly isJson: boolean;
}

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      every: { type: "string", default: "1" },
      case: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const only = values.case === undefined ? null : caseOf(values.case);
  return { every: whole("every", values.every, 1), only, isJson: values.json };
}

function caseOf(text: string): SweepCase {
  const [, node, call, how] = /^([0-2]):(\d{1,6}):(power|kill)$/.exec(text) ?? [];
  if (how === undefined) throw new Error(`--case: wanted 0:17:power, got ${JSON.stringify(text)}`);
  return { node: Number(node), call: Number(call), isPowerLoss: how === "power" };
}

function nameOf({ node, call, isPowerLoss }: SweepCase): string {
  return `${node}:${call}:${isPowerLoss ? "power" : "kill"}`;
}

function printResult(
  each: SweepCase,
  { failure, faults, trace }: RunReport,
  isJson: boolean,
): void {
  const name = nameOf(each);
  if (isJson) {
    const broken = failure === null ? null : { id: failure.invariant, message: failure.message };
    print(JSON.stringify({ case: name, crashes: faults.get("K20") ?? 0, trace, failure: broken }));
  } else if (failure !== null) {
    print(`${name} FAILED ${failure.invariant}: ${failure.message}`);
    print(`  repeat: npm run sweep -- --case ${name}`);
  }
}

async function* reports(cases: readonly SweepCase[]): AsyncGenerator<RunReport> {
  const [first] = cases;
  if (first !== undefined && cases.length === 1) {
    yield await sweepOne(first);
    return;
  }
  const threads = availableParallelism();
  const pool = { worker: "sweep-worker", beside: import.meta.url, threads };
  yield* runTasks<RunReport>(cases, pool);
}

async function sweep({ every, only, isJson }: Arguments): Promise<number> {
  const begun = performance.now();
  const cases = only === null ? await sweepCases(every) : [only];
  let [at, failed, crashes] = [0, 0, 0];
  for await (const report of reports(cases)) {
    const each = cases[at];
    at += 1;
    if (each !== undefined) printResult(each, report, isJson);
    failed += report.failure === null ? 0 : 1;
    crashes += report.faults.get("K20") ?? 0;
    showProgress(`${at} of ${cases.length} crashes, ${failed} failed`);
  }
  showProgress("");
  const missing = cases.length - crashes;
  if (isJson) print(JSON.stringify({ summary: { runs: cases.length, crashes, failed } }));
  else print(`${cases.length} runs, ${crashes} crashes (K20), ${failed} failed`);
  if (missing > 0) tell(`H4: in ${missing} runs the call never came`);
  tell(`${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return failed === 0 && missing === 0 ? 0 : 1;
}

await runCommand({ usage, parse, run: sweep });

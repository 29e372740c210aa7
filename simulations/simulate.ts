/**
 * `npm run simulate`: seeds in, verdict out. What it prints to stdout depends on seeds and commit
 * only; timings and progress go to stderr.
 */
import { dataDirectory } from "./cluster.ts";
import { print, runCommand, tell } from "./command-line.ts";
import { coverageMarks, missingMarks } from "./coverage-marks.ts";
import { missingFaults } from "./fault-kinds.ts";
import { runSeed, type SeedOrder, type SeedResult } from "./seed-run.ts";
import { ordersOf, parse, secondsDefault, usage, type Arguments } from "./simulate-arguments.ts";
import type { RunReport } from "./simulation.ts";
import { sorted, Summary, type Counts } from "./summary.ts";
import { runTasks } from "./worker-pool.ts";

/** Columns. */
const barWidth = 30;

function printReport(report: RunReport, { isJson, isSingle }: Arguments): void {
  const { swarm, failure, faults, marks, ...rest } = report;
  if (isJson) {
    const failed = failure === null ? null : { id: failure.invariant, message: failure.message };
    const counts = { faults: sorted(faults), marks: sorted(marks) };
    print(JSON.stringify({ ...rest, ...counts, swarm, failure: failed }));
    return;
  }
  if (isSingle || failure !== null) print(`seed ${report.seed} drew ${JSON.stringify(swarm)}`);
  const { seed, steps, lives, acknowledged, submitted, trace } = report;
  const verdict = failure === null ? "ok" : `FAILED ${failure.invariant}`;
  print(
    `seed ${seed} ${verdict}: ${steps} steps, ${lives} lives, ` +
      `${acknowledged} of ${submitted} acknowledged, trace ${trace}`,
  );
}

function printFailure({ report, evidence }: SeedResult, seconds: number): void {
  const { failure, seed, steps } = report;
  if (failure === null) return;
  const option = seconds === secondsDefault ? "" : ` --seconds ${seconds}`;
  print(`  invariant ${failure.invariant} broke at step ${steps}: ${failure.message}`);
  print(`  repeat: npm run simulate -- --seed ${seed}${option}`);
  print(`      or: kibitz simulate --seed ${seed}${option}`);
  tell(failure.stack);
  const { directory = null, problem = null } = evidence ?? {};
  if (problem !== null) tell(`  evidence could not be kept: ${problem}`);
  if (directory === null) return;
  tell(`  recordings: ${directory}/*/${dataDirectory}/recording`);
  tell(`  history: ${directory}/history.jsonl, for npm run check-history -- FILE --html PAGE`);
}

/** One line that is written over, for a person who waits. */
function showProgress({ seeds, failed }: Counts, count: number): void {
  if (!process.stderr.isTTY || count === 1) return;
  const filled = Math.floor((seeds / count) * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const end = seeds === count ? "\u001B[2K\r" : "";
  process.stderr.write(`\r${bar} ${seeds} of ${count} seeds, ${failed} failed ${end}`);
}

/** A single thread is this one, so that one run can be looked at from outside. */
async function* runSeeds(orders: readonly SeedOrder[], jobs: number): AsyncGenerator<SeedResult> {
  if (jobs === 1 || orders.length === 1) {
    for (const order of orders) yield await runSeed(order);
    return;
  }
  const pool = { worker: "seed-worker", beside: import.meta.url, threads: jobs };
  yield* runTasks<SeedResult>(orders, pool);
}

async function simulate(args: Arguments): Promise<number> {
  const { minutes } = args;
  const summary = new Summary();
  const begun = performance.now();
  const orders = ordersOf(args);
  for await (const result of runSeeds(orders, args.jobs)) {
    summary.add(result);
    printReport(result.report, args);
    if (!args.isJson) printFailure(result, args.seconds);
    showProgress(summary.counts, orders.length);
    if (performance.now() - begun >= minutes * 60_000) break;
  }
  tellSpeed(summary, performance.now() - begun);
  return conclude(summary, args);
}

/** @returns The exit code. */
function conclude(summary: Summary, { isJson, draws }: Arguments): number {
  const { counts, faults } = summary;
  // Who asks for some draws does without others.
  const missing = draws === null ? missingFaults(summary.faultCounts, counts.seeds) : [];
  const unmarked = draws === null ? missingMarks(summary.marks, counts.seeds) : [];
  if (missing.length > 0) tell(`H4: in ${counts.seeds} seeds none of ${missing.join(" ")}`);
  if (unmarked.length > 0) tell(`H1: in ${counts.seeds} seeds none of ${unmarked.join(" ")}`);
  const marks = sorted(summary.marks);
  if (isJson) print(JSON.stringify({ summary: { ...counts, faults, marks } }));
  else {
    print(`faults by kind: ${JSON.stringify(faults)}`);
    const all = Object.keys(coverageMarks).length;
    print(`${summary.marks.size} of ${all} coverage marks hit: ${JSON.stringify(marks)}`);
    print(`${counts.seeds} seeds, ${counts.failed} failed; ${JSON.stringify(counts)}`);
  }
  return counts.failed + missing.length + unmarked.length === 0 ? 0 : 1;
}

function tellSpeed({ counts, speed, rated }: Summary, elapsedMs: number): void {
  const hourly = Math.round((counts.seeds / elapsedMs) * 3_600_000).toLocaleString("en");
  const seconds = (elapsedMs / 1000).toFixed(1);
  tell(`${seconds} s, ${hourly} seeds an hour; each thread ${speed.toFixed(0)} × real time`);
  if (rated.runs === 0) return;
  const which = "of three nodes and 20 operations a second or more";
  tell(`${rated.runs} runs ${which}: ${rated.speed.toFixed(0)} × real time`);
}

await runCommand({ usage, parse, run: simulate });

/**
 * `npm run simulate`: seeds in, verdict out. What it prints to stdout depends on seeds and commit
 * only; timings and progress go to stderr.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { dataDirectory } from "./cluster.ts";
import { print, runCommand, tell, whole } from "./command-line.ts";
import { drawNames, isDrawName, seedDraws, type DrawName } from "./swarm/draws.ts";
import { coverageMarks, missingMarks } from "./coverage-marks.ts";
import { missingFaults } from "./fault-kinds.ts";
import { runSeed, type SeedOrder, type SeedResult } from "./seed-run.ts";
import type { RunReport } from "./simulation.ts";
import { sorted, Summary, type Counts } from "./summary.ts";
import { runTasks } from "./worker-pool.ts";

const usage = `Usage: kibitz simulate [--seed N | [--from N] --seeds COUNT] [--minutes N]
                       [--seconds N] [--jobs N] [--draws NAME] [--json]

Runs simulated clusters with faults and checks, one for each seed.

  --seed N       run this seed only, and say what was drawn; with --seeds, the first of them
  --seeds COUNT  how many seeds to run (default 20)
  --from N       the first of them (default 1)
  --minutes N    no further seeds after so long, and as many as it takes where --seeds is left out
  --seconds N    simulated seconds under faults, each (default 20)
  --jobs N       how many threads (default: one for each core, at most 8)
  --draws NAME   of these seeds only those that draw ${drawNames.slice(0, -1).join(", ")}
                 or ${drawNames.at(-1)}; whether all faults came is not asked then
  --json         one JSON value a line; the last is the summary
  --help         this text`;

interface Arguments {
  readonly from: number;
  readonly count: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly draws: DrawName | null;
  readonly isSingle: boolean;
  readonly isJson: boolean;
}

const secondsDefault = 20;
/** Of a search that the clock ends; more than a day's. */
const seedsMax = 1_000_000;
/** Columns. */
const barWidth = 30;

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      seconds: { type: "string", default: String(secondsDefault) },
      jobs: { type: "string", default: String(Math.min(8, availableParallelism())) },
      draws: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return null;
  if (values.seed !== undefined && values.from !== undefined) {
    throw new Error("--seed and --from both name the first seed: wanted one, got both");
  }
  const isSingle = values.seed !== undefined && values.seeds === undefined;
  const seedsDefault = values.minutes === undefined ? "20" : String(seedsMax);
  return {
    from: whole("seed", values.seed ?? values.from ?? "1", 0),
    count: isSingle ? 1 : whole("seeds", values.seeds ?? seedsDefault, 1, seedsMax),
    minutes: values.minutes === undefined ? Infinity : whole("minutes", values.minutes, 1),
    seconds: whole("seconds", values.seconds, 1),
    jobs: whole("jobs", values.jobs, 1),
    draws: drawNamed(values.draws),
    isSingle,
    isJson: values.json === true,
  };
}

function drawNamed(name: string | undefined): DrawName | null {
  if (name === undefined || isDrawName(name)) return name ?? null;
  throw new Error(`--draws: wanted one of ${drawNames.join(", ")}, got ${JSON.stringify(name)}`);
}

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

function ordersOf({ from, count, seconds, draws, isSingle }: Arguments): readonly SeedOrder[] {
  const seeds = Array.from({ length: count }, (_, at) => from + at);
  const kept = draws === null ? seeds : seeds.filter((seed) => seedDraws(seed, draws));
  return kept.map((seed) => ({ seed, seconds, ...(isSingle ? { linesKept: 3_000_000 } : {}) }));
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

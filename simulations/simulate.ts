/**
 * `npm run simulate`: seeds in, verdict out. What it prints to stdout depends on seeds and commit
 * only; timings and progress go to stderr.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { dataDirectory } from "./cluster.ts";
import { eventLine, headerLine } from "./history/history-file.ts";
import { Simulation, type RunReport } from "./simulation.ts";

const usage = `Usage: kibitz simulate [--seed N] [--seeds COUNT] [--from N] [--seconds N] [--json]

Runs simulated clusters with faults and checks, one for each seed.

  --seed N       run this seed only, and say what was drawn; with --seeds, the first of them
  --seeds COUNT  how many seeds to run (default 20)
  --from N       the first of them (default 1)
  --seconds N    simulated seconds under faults, each (default 20)
  --json         one JSON value a line; the last is the summary
  --help         this text`;

interface Arguments {
  readonly from: number;
  readonly count: number;
  readonly seconds: number;
  readonly isSingle: boolean;
  readonly isJson: boolean;
}

const secondsDefault = 20;

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      seconds: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return null;
  if (values.seed !== undefined && values.from !== undefined) {
    throw new Error("--seed and --from both name the first seed: wanted one, got both");
  }
  const isSingle = values.seed !== undefined && values.seeds === undefined;
  return {
    from: whole("seed", values.seed ?? values.from ?? "1", 0),
    count: isSingle ? 1 : whole("seeds", values.seeds ?? "20", 1),
    seconds: whole("seconds", values.seconds ?? String(secondsDefault), 1),
    isSingle,
    isJson: values.json === true,
  };
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name}: wanted a whole number from ${least}, got ${JSON.stringify(text)}`);
}

interface Summary {
  seeds: number;
  failed: number;
  steps: number;
  seconds: number;
  submitted: number;
  acknowledged: number;
  barriers: number;
  lives: number;
  replayed: number;
  readonly faults: Map<string, number>;
}

function add(summary: Summary, report: RunReport): void {
  summary.seeds += 1;
  if (report.failure !== null) summary.failed += 1;
  summary.steps += report.steps;
  summary.seconds += report.seconds;
  summary.submitted += report.submitted;
  summary.acknowledged += report.acknowledged;
  summary.barriers += report.barriers;
  summary.lives += report.lives;
  summary.replayed += report.replayed;
  for (const [id, count] of report.faults) {
    summary.faults.set(id, (summary.faults.get(id) ?? 0) + count);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

function faultsOf(faults: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...faults].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function printReport(report: RunReport, { isJson, isSingle }: Arguments): void {
  const { swarm, failure, faults, ...rest } = report;
  if (isJson) {
    const failed = failure === null ? null : { id: failure.invariant, message: failure.message };
    print(JSON.stringify({ ...rest, faults: faultsOf(faults), swarm, failure: failed }));
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

/** Writes what a person needs to look into a failure; returns where. */
function keepEvidence(simulation: Simulation, report: RunReport): string {
  const directory = mkdtempSync(join(tmpdir(), `kibitz-simulate-${report.seed}-`));
  for (const { id, disk } of simulation.cluster.nodes) {
    for (const path of disk.paths()) {
      const target = join(directory, id, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, disk.peek(path) ?? new Uint8Array());
    }
  }
  const lines = [headerLine({ model: "log" }), ...simulation.history.map(eventLine)];
  writeFileSync(join(directory, "history.jsonl"), lines.join(""));
  const { failure } = report;
  writeFileSync(join(directory, "story.txt"), `${failure?.lines.join("\n")}\n${failure?.stack}\n`);
  return directory;
}

function printFailure(simulation: Simulation, report: RunReport, seconds: number): void {
  const { failure, seed, steps } = report;
  if (failure === null) return;
  const option = seconds === secondsDefault ? "" : ` --seconds ${seconds}`;
  print(`  invariant ${failure.invariant} broke at step ${steps}: ${failure.message}`);
  print(`  repeat: npm run simulate -- --seed ${seed}${option}`);
  print(`      or: kibitz simulate --seed ${seed}${option}`);
  tell(failure.stack);
  const directory = keepEvidence(simulation, report);
  tell(`  recordings: ${directory}/*/${dataDirectory}/recording`);
  tell(`  history: ${directory}/history.jsonl, for npm run check-history -- FILE --html PAGE`);
}

async function simulate(args: Arguments): Promise<number> {
  const faultsNone = new Map<string, number>();
  const nothing = { seeds: 0, failed: 0, steps: 0, seconds: 0, submitted: 0 };
  const summary: Summary = {
    ...nothing,
    acknowledged: 0,
    barriers: 0,
    lives: 0,
    replayed: 0,
    faults: faultsNone,
  };
  const begun = performance.now();
  for (let seed = args.from; seed < args.from + args.count; seed += 1) {
    const simulation = new Simulation(seed, args.isSingle ? { linesKept: 3_000_000 } : {});
    const report = await simulation.run(args.seconds);
    add(summary, report);
    printReport(report, args);
    if (!args.isJson) printFailure(simulation, report, args.seconds);
    else if (report.failure !== null) keepEvidence(simulation, report);
  }
  const elapsed = (performance.now() - begun) / 1000;
  const { faults, ...counts } = summary;
  if (args.isJson) print(JSON.stringify({ summary: { ...counts, faults: faultsOf(faults) } }));
  else {
    print(`${counts.seeds} seeds, ${counts.failed} failed; ${JSON.stringify(counts)}`);
    print(`faults by kind: ${JSON.stringify(faultsOf(faults))}`);
  }
  tell(`${elapsed.toFixed(1)} s, ${(summary.seconds / elapsed).toFixed(0)} × real time`);
  return summary.failed === 0 ? 0 : 1;
}

try {
  const args = parse(process.argv.slice(2));
  if (args === null) print(usage);
  else process.exitCode = await simulate(args);
} catch (error) {
  tell(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exitCode = 2;
}

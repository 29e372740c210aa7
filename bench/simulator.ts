/**
 * `npm run bench:simulator`: how much simulated time one core runs in one second, and where the
 * time goes. Three nodes with the default timing and 23 publishes a second; everything else, faults
 * above all, is as each seed draws it, and all checks are on.
 */
import { Session, type Profiler } from "node:inspector/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import Table from "cli-table3";
import { drawSwarm, Prng, Simulation, type Swarm } from "../simulations/index.ts";

interface Totals {
  readonly runs: number;
  readonly failed: number;
  readonly simulatedSeconds: number;
  readonly cpuSeconds: number;
  readonly steps: number;
  readonly operations: number;
}

const root = join(import.meta.dirname, "..");
const secondsEach = 20;
const warmUpRuns = 20;
/** Folders with less than this part of the time are summed up. */
const partLeast = 0.01;

/** What a seed draws, for three nodes of the default timing with a steady load. */
function swarmOf(seed: number): Swarm | null {
  const swarm = drawSwarm(new Prng(seed).fork("swarm"));
  if (swarm.nodes !== 3) return null;
  const load = { publishesPerSecond: 23, burstMax: 1, bytesMax: 64, giantChance: 0 };
  return {
    ...swarm,
    timing: { pingMs: 50, silenceMs: 400, stallMs: 2000 },
    workload: { ...swarm.workload, ...load },
  };
}

async function run(runs: number): Promise<Totals> {
  const totals = { runs: 0, failed: 0, simulatedSeconds: 0, steps: 0, operations: 0 };
  const before = process.cpuUsage();
  for (let seed = 1; totals.runs < runs; seed += 1) {
    const swarm = swarmOf(seed);
    if (swarm === null) continue;
    const report = await new Simulation(seed, { swarm }).run(secondsEach);
    totals.runs += 1;
    totals.failed += report.failure === null ? 0 : 1;
    totals.simulatedSeconds += report.seconds;
    totals.steps += report.steps;
    totals.operations += report.submitted + report.barriers;
  }
  const { user, system } = process.cpuUsage(before);
  return { ...totals, cpuSeconds: (user + system) / 1e6 };
}

/** The part of the time that each folder's own code takes, largest first. */
function shares(profile: Profiler.Profile): readonly (readonly [string, number])[] {
  const folders = new Map(profile.nodes.map((node) => [node.id, folderOf(node.callFrame)]));
  const times = new Map<string, number>();
  let total = 0;
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const time = profile.timeDeltas?.[at] ?? 0;
    const folder = folders.get(id) ?? "?";
    times.set(folder, (times.get(folder) ?? 0) + time);
    total += time;
  }
  const parts = [...times].map(([folder, time]) => [folder, time / total] as const);
  const large = parts.filter(([, part]) => part >= partLeast);
  const rest = 1 - large.reduce((sum, [, part]) => sum + part, 0);
  return [...large.toSorted(([, left], [, right]) => right - left), ["the rest", rest]];
}

function folderOf({ url, functionName }: Profiler.Profile["nodes"][number]["callFrame"]): string {
  if (url.startsWith("node:")) return "Node.js itself";
  if (!url.startsWith("file:")) return functionName.replaceAll(/[()]/g, "") || "V8";
  const [top = "", second = ""] = relative(root, fileURLToPath(url)).split(sep);
  if (top === "node_modules") return `${top}/${second}`;
  return second.endsWith(".ts") ? top : `${top}/${second}`;
}

async function main(options: { readonly runs: string; readonly json?: true }): Promise<void> {
  const runs = Number(options.runs);
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new RangeError(`--runs: wanted a whole number from 1, got "${options.runs}"`);
  }
  // Searches last thousands of runs: the compiler has done its work before time counts.
  await run(warmUpRuns);
  const totals = await run(runs);
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
  await run(Math.min(runs, 10));
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  print(totals, shares(profile), options.json === true);
  if (totals.failed > 0) process.exitCode = 1;
}

function print(
  { simulatedSeconds, cpuSeconds, steps, operations, ...counts }: Totals,
  profile: readonly (readonly [string, number])[],
  isJson: boolean,
): void {
  const speed = simulatedSeconds / cpuSeconds;
  const operationsPerSecond = operations / simulatedSeconds;
  const stepMicros = (cpuSeconds / steps) * 1e6;
  if (isJson) {
    const figures = { speed, operationsPerSecond, stepMicros, cpuSeconds, simulatedSeconds };
    console.log(JSON.stringify({ ...counts, ...figures, profile: Object.fromEntries(profile) }));
    return;
  }
  const table = new Table({
    head: ["where", "% of the time"],
    colAligns: ["left", "right"],
    style: { head: [], border: [] },
  });
  for (const [folder, part] of profile) table.push([folder, (part * 100).toFixed(1)]);
  console.log(table.toString());
  console.log(
    `${counts.runs} runs, ${counts.failed} failed: ${speed.toFixed(0)} × real time on one core; ` +
      `${operationsPerSecond.toFixed(1)} operations a simulated second, ` +
      `${stepMicros.toFixed(1)} µs a step`,
  );
}

await new Command("bench:simulator")
  .description("Measures how fast the simulator is, and shows where its time goes.")
  .option("--runs <count>", "how many runs of 20 simulated seconds", "100")
  .option("--json", "one JSON value")
  .action(main)
  .parseAsync();

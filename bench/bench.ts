/**
 * `npm run bench`: three processes of each system on this computer, one client process, and every
 * acknowledgement after the syncs of a majority, unless the table says otherwise.
 */
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { measureColdStarts } from "./cold-start.ts";
import { measureFailovers } from "./failover.ts";
import { measureFanOut } from "./fan-out.ts";
import { measureLoads, type Bench } from "./loads.ts";
import { fullPlan, parts, quickPlan, type Part } from "./plan.ts";
import { plot } from "./plot.ts";
import { provenance } from "./provenance.ts";
import { measureRecording, measureReplay } from "./recording.ts";
import { measureRepublics } from "./republics.ts";
import { measureRestarts } from "./restart.ts";
import type { BenchResult } from "./result.ts";
import { measureScale } from "./scale.ts";
import type { System } from "./systems/system.ts";
import { systems } from "./systems/systems.ts";
import { measureTls } from "./tls.ts";
import { tables } from "./tables.ts";

interface BenchOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly out?: string;
  readonly plot?: string;
  readonly rounds?: string;
  readonly port: string;
  readonly only?: readonly Part[];
  readonly system?: readonly string[];
}

/** What the quick form measures: the slowest peer alone takes longer to start than it may take. */
const ownNames: readonly string[] = ["kibitzer", "bound"];

function benchOf(options: BenchOptions): Bench {
  const plan = options.quick === true ? quickPlan : fullPlan;
  const rounds = options.rounds === undefined ? plan.rounds : Number(options.rounds);
  const named = options.system ?? (options.quick === true ? ownNames : systems.map(nameOf));
  const chosen = systems.filter((system) => system.isInstalled() && named.includes(system.name));
  const begun = performance.now();
  return {
    plan: { ...plan, rounds },
    systems: chosen,
    port: Number(options.port),
    step: (what) => {
      if (!process.stderr.isTTY) return;
      const seconds = Math.round((performance.now() - begun) / 1000);
      process.stderr.write(`\r\u001B[K${seconds} s · ${what}`);
    },
  };
}

async function measure(bench: Bench, wanted: ReadonlySet<Part>): Promise<BenchResult> {
  const when = async <T>(part: Part, run: () => Promise<T>, otherwise: T): Promise<T> =>
    wanted.has(part) ? await run() : otherwise;
  const none = { rows: [], bulk: [], halfRate: [] };
  const loads = await when("load", async () => await measureLoads(bench), none);
  const recording = await when("recording", async () => await measureRecording(bench), null);
  const tls = await when("tls", async () => await measureTls(bench), null);
  const replay = await when("replay", async () => await measureReplay(bench), []);
  const failover = await when("failover", async () => await measureFailovers(bench), []);
  const fanOut = await when("fan-out", async () => await measureFanOut(bench), []);
  const restart = await when("restart", async () => await measureRestarts(bench), []);
  const scale = await when("scale", async () => await measureScale(bench), []);
  const republics = await when("republics", async () => await measureRepublics(bench), []);
  const coldStart = await when("cold-start", async () => await measureColdStarts(bench), []);
  return {
    ...provenance(),
    date: new Date().toISOString().slice(0, 10),
    rounds: bench.plan.rounds,
    durability: Object.fromEntries(bench.systems.map((each) => [each.name, each.durability])),
    ...loads,
    recording,
    tls,
    replay,
    failover,
    coldStart,
    fanOut,
    restart,
    scale,
    republics,
  };
}

function nameOf({ name }: System): string {
  return name;
}

async function main(options: BenchOptions): Promise<void> {
  const bench = benchOf(options);
  const result = await measure(bench, new Set(options.only ?? bench.plan.parts));
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[K");
  const text = JSON.stringify(result, null, 2);
  if (options.out !== undefined) writeFileSync(options.out, `${text}\n`);
  if (options.plot !== undefined) writeFileSync(options.plot, plot(result));
  if (options.json === true) {
    console.log(text);
    return;
  }
  console.log(tables(result));
  for (const [name, durability] of Object.entries(result.durability))
    console.log(`${name}: ${durability} before a write is acknowledged`);
  console.log(`commit ${result.commit} · ${result.machine}`);
}

const program = new Command("bench")
  .description(
    "Measures clusters of three processes on this computer: Kibitzer, the bound of its design\n" +
      "(the same without consensus), and the peers that are installed. fan-out, restart,\n" +
      "scale, republics and tls are of Kibitzer alone.",
  )
  .option(
    "--quick",
    "measure less, in under three minutes: no peers; what is of Kibitzer alone if it is named",
  )
  .option("--json", "print the result as JSON, in place of tables")
  .option("--out <file>", "write the result to a file, as JSON")
  .option("--plot <file>", "draw the rates, as SVG")
  .option("--rounds <n>", "how often each load is measured")
  .option("--port <port>", "the first of twenty ports", "7760")
  .addOption(new Option("--system <name...>", "only these systems").choices(systems.map(nameOf)))
  .addOption(new Option("--only <part...>", "only these parts").choices(parts))
  .action(main);
await program.parseAsync();

/**
 * `npm run bench:growth`: three real nodes and a log of many small entries. How long a restart
 * takes, and how much memory nodes hold while three subscribers read from the start and one never
 * reads.
 */
import { Command } from "commander";
import { KibitzerClient } from "../src/index.ts";
import { residentMiBEach } from "./processes.ts";
import { provenance } from "./provenance.ts";
import { inScratch } from "./scratch.ts";
import { KibitzerCluster } from "./systems/kibitzer.ts";

const restartMsMax = 2_000;
const residentMiBMax = 250;
const sampleMs = 100;
/** Entries that are published and not acknowledged yet. */
const window = 200_000;

interface GrowthOptions {
  readonly entries: string;
  readonly port: string;
  readonly json?: boolean;
}

/** Keeps the most that each node ever held, until it is stopped. */
function watch(cluster: KibitzerCluster, most: number[]): () => void {
  const timer = setInterval(() => {
    for (const [at, held] of residentMiBEach(cluster.pids()).entries()) {
      most[at] = Math.max(most[at] ?? 0, held);
    }
  }, sampleMs);
  return () => clearInterval(timer);
}

async function publish(client: KibitzerClient, count: number): Promise<number> {
  const begun = performance.now();
  let acknowledged = 0;
  for (let from = 0; from < count; from += window) {
    const size = Math.min(window, count - from);
    const all = Array.from({ length: size }, async (_, at) => {
      await client.publish(`entry ${from + at}`);
      acknowledged += 1;
    });
    await Promise.all(all);
    progress(`published ${acknowledged.toLocaleString("en")}`);
  }
  return count / ((performance.now() - begun) / 1000);
}

/** Reads all, and checks that nothing is missing; returns entries a second. */
async function readAll(url: string, count: number): Promise<number> {
  await using client = await KibitzerClient.connect([url]);
  const begun = performance.now();
  let index = 0;
  for await (const entry of client.entries({ from: 1, to: count })) {
    index += 1;
    if (entry.index !== index) throw new Error(`read ${entry.index} where ${index} was due`);
  }
  if (index !== count) throw new Error(`read ${index} of ${count}`);
  return count / ((performance.now() - begun) / 1000);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
}

async function main(options: GrowthOptions): Promise<void> {
  await inScratch(Number(options.port), async (where) => {
    const cluster = new KibitzerCluster(where);
    try {
      await cluster.whole();
      const result = await measure(cluster, Number(options.entries));
      report(result, options);
      if (!result.isGood) process.exitCode = 1;
    } finally {
      await cluster.stop();
    }
  });
}

interface Result {
  readonly entries: number;
  readonly publishedPerSecond: number;
  readonly readPerSecond: readonly number[];
  /** The most that each node held. */
  readonly residentMiB: readonly number[];
  readonly listeningMs: readonly number[];
  readonly readyMs: readonly number[];
  readonly isGood: boolean;
}

async function measure(cluster: KibitzerCluster, count: number): Promise<Result> {
  const urls = cluster.endpoints;
  const most: number[] = [];
  let unwatch = watch(cluster, most);
  await using client = await KibitzerClient.connect(urls);
  const publishedPerSecond = await publish(client, count);
  const idle = client.entries({ from: 1 });
  // It has begun, and is never asked again.
  await idle.next();
  const readPerSecond = await Promise.all(urls.map(async (url) => await readAll(url, count)));
  unwatch();
  const [listeningMs, readyMs]: [number[], number[]] = [[], []];
  for (const at of urls.keys()) {
    const again = await cluster.timedRestart(at, "SIGTERM");
    listeningMs.push(again.listeningMs);
    readyMs.push(again.readyMs);
  }
  unwatch = watch(cluster, most);
  await readAll(urls[1] ?? "", Math.min(count, window));
  unwatch();
  await idle.return();
  const isGood = Math.max(...most) < residentMiBMax && Math.max(...listeningMs) < restartMsMax;
  return {
    entries: count,
    publishedPerSecond: Math.round(publishedPerSecond),
    readPerSecond: readPerSecond.map(Math.round),
    residentMiB: most.map(Math.round),
    listeningMs: listeningMs.map(Math.round),
    readyMs: readyMs.map(Math.round),
    isGood,
  };
}

function report(result: Result, { json }: GrowthOptions): void {
  const { commit, machine } = provenance();
  if (json === true) {
    console.log(JSON.stringify({ commit, machine, ...result }));
    return;
  }
  const { entries, publishedPerSecond, readPerSecond, residentMiB: held, readyMs } = result;
  console.log(`published   ${publishedPerSecond.toLocaleString("en")} entries/s`);
  console.log(`read        ${readPerSecond.join(", ")} entries/s, three from the start at once`);
  console.log(`resident    ${held.join(", ")} MiB at most (below ${residentMiBMax})`);
  console.log(
    `restart     ${result.listeningMs.join(", ")} ms until it listens (below ${restartMsMax})`,
  );
  console.log(`ready       ${readyMs.join(", ")} ms until it serves as a member`);
  const verdict = result.isGood ? "good" : "BAD";
  console.log(
    `${verdict}: ${entries.toLocaleString("en")} entries · commit ${commit} · ${machine}`,
  );
}

const program = new Command("bench:growth")
  .description("Grows a log on three nodes, reads it, restarts them; exits 1 beyond a bound.")
  .option("--entries <count>", "how many small entries", "10000000")
  .option("--json", "one JSON object")
  .option("--port <port>", "the first of three ports", "7790")
  .action(main);
await program.parseAsync();

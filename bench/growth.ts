/**
 * `npm run bench:growth`: three real nodes and a log of many small entries. How long a restart
 * takes, and how much memory nodes hold while three subscribers read from the start and one never
 * reads.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { KibitzerClient } from "../src/index.ts";

const command = resolve(import.meta.dirname, "../src/cli.ts");
const ids = ["a", "b", "c"] as const;
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

interface Node {
  readonly process: ChildProcess;
  /** Milliseconds from the start of the process. */
  readonly listeningMs: number;
  readonly readyMs: number;
}

/** Starts `kibitz start` and waits until it serves. */
async function start(data: string, flags: readonly string[]): Promise<Node> {
  const begun = performance.now();
  const all = [command, "start", "--json", "--log-level", "warn", "--data", data, ...flags];
  const process_ = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "inherit"] });
  let listeningMs = 0;
  for await (const line of createInterface({ input: process_.stdout })) {
    if (line.includes('"listening"')) listeningMs = performance.now() - begun;
    if (!line.includes('"ready"')) continue;
    process_.stdout.resume();
    return { process: process_, listeningMs, readyMs: performance.now() - begun };
  }
  throw new Error("a node ended before it was ready; its messages are above");
}

async function stop({ process: child }: Node): Promise<void> {
  const ended = new Promise<void>((resolved) => child.once("exit", () => resolved()));
  child.kill("SIGTERM");
  await ended;
}

function residentMiB({ process: child }: Node): number {
  const text = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) / 1024;
}

/** Keeps the most that each node ever held, until it is stopped. */
function watch(nodes: readonly Node[], most: number[]): () => void {
  const timer = setInterval(() => {
    for (const [at, node] of nodes.entries()) {
      if (node.process.exitCode === null) most[at] = Math.max(most[at] ?? 0, residentMiB(node));
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
  const count = Number(options.entries);
  const directory = await mkdtemp(join(tmpdir(), "kibitzer-growth-"));
  const urls = ids.map((_, at) => `ws://127.0.0.1:${Number(options.port) + at}`);
  const dataOf = (at: number): string => join(directory, ids[at] ?? "");
  const nodes: Node[] = [];
  try {
    for (const [at, id] of ids.entries()) {
      const how = at === 0 ? ["--bootstrap", "growth"] : ["--join", urls[0] ?? ""];
      nodes.push(await start(dataOf(at), ["--id", id, "--listen", urls[at] ?? "", ...how]));
    }
    const result = await measure({ nodes, urls, dataOf }, count);
    report(result, options);
    if (!result.isGood) process.exitCode = 1;
  } finally {
    for (const node of nodes) if (node.process.exitCode === null) await stop(node);
    await rm(directory, { recursive: true, force: true });
  }
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

async function measure(
  cluster: {
    readonly nodes: Node[];
    readonly urls: readonly string[];
    dataOf(at: number): string;
  },
  count: number,
): Promise<Result> {
  const { nodes, urls } = cluster;
  const most: number[] = [];
  let unwatch = watch(nodes, most);
  await using client = await KibitzerClient.connect([...urls]);
  const publishedPerSecond = await publish(client, count);
  const idle = client.entries({ from: 1 });
  // It has begun, and is never asked again.
  await idle.next();
  const readPerSecond = await Promise.all(urls.map(async (url) => await readAll(url, count)));
  unwatch();
  const [listeningMs, readyMs]: [number[], number[]] = [[], []];
  for (let at = 0; at < nodes.length; at += 1) {
    const node = nodes[at];
    if (node === undefined) continue;
    await stop(node);
    const again = await start(cluster.dataOf(at), []);
    nodes[at] = again;
    listeningMs.push(again.listeningMs);
    readyMs.push(again.readyMs);
  }
  unwatch = watch(nodes, most);
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
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const memory = Math.round(totalmem() / 2 ** 30);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${memory} GiB`;
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

/**
 * `npm run bench`: a three-node cluster of real processes on this computer, one client process, a
 * majority's sync before every acknowledgement. `--quick` measures less, `--out FILE` writes JSON.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { Command } from "commander";
import Table from "cli-table3";
import { KibitzerClient } from "../src/index.ts";
import { closedLoop, type Load } from "./closed-loop.ts";
import { Cluster } from "./cluster.ts";
import { rawSyncRate } from "./raw-disk.ts";

interface Row {
  readonly system: "kibitzer";
  /** Bytes of each entry. */
  readonly size: number;
  readonly outstanding: number;
  /** Acknowledged entries a second. */
  readonly rate: number;
  /** That, for each entry of this size that one process alone writes and syncs, one at a time. */
  readonly ofRaw: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Seconds of processor time of all nodes for 10,000 entries. */
  readonly cpuPer10k: number;
  /** Of the largest node, after the load. */
  readonly rssMiB: number;
}

interface BenchOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly out?: string;
  readonly port: string;
}

const sizes = [128, 1024, 65_536];
const windows = [1, 64, 1024];

const columns = [
  "bytes",
  "outstanding",
  "entries/s",
  "× disk",
  "p50 ms",
  "p99 ms",
  "p999 ms",
  "cpu s/10k",
  "MiB",
];

function loads({ quick = false }: BenchOptions): readonly Load[] {
  const seconds = quick ? 3 : 10;
  const all = sizes.flatMap((size) =>
    windows.map((outstanding) => ({ size, outstanding, seconds })),
  );
  return quick
    ? all.filter(({ size, outstanding }) => size === 128 || outstanding * size === 2 ** 20)
    : all;
}

async function measure(cluster: Cluster, load: Load): Promise<Row> {
  await using client = await KibitzerClient.connect([...cluster.endpoints]);
  await closedLoop(client, { ...load, seconds: 1 });
  const cpuBefore = cluster.cpuSeconds();
  const { acknowledged, ...measured } = await closedLoop(client, load);
  const cpuPer10k = ((cluster.cpuSeconds() - cpuBefore) / acknowledged) * 10_000;
  const { size, outstanding } = load;
  const ofRaw = measured.rate / (await rawSyncRate(cluster.directory, size));
  return {
    system: "kibitzer",
    size,
    outstanding,
    ...measured,
    ofRaw,
    cpuPer10k,
    rssMiB: cluster.residentMiB(),
  };
}

function print(rows: readonly Row[]): void {
  const table = new Table({
    head: columns,
    colAligns: columns.map(() => "right"),
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    table.push([
      row.size,
      row.outstanding,
      Math.round(row.rate).toLocaleString("en"),
      row.ofRaw.toFixed(1),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      row.p999.toFixed(2),
      row.cpuPer10k.toFixed(3),
      row.rssMiB.toFixed(0),
    ]);
  }
  console.log(table.toString());
}

async function main(options: BenchOptions): Promise<void> {
  const rows: Row[] = [];
  await using cluster = await Cluster.start(Number(options.port));
  for (const load of loads(options)) {
    if (process.stderr.isTTY) {
      process.stderr.write(`measuring ${load.size} B × ${load.outstanding} outstanding …\n`);
    }
    const row = await measure(cluster, load);
    rows.push(row);
    if (options.json === true) console.log(JSON.stringify(row));
  }
  if (options.json !== true) print(rows);
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const machine = `${cpus().length} × ${cpu?.model ?? "?"}, ${memory} GiB`;
  const { startMs } = cluster;
  const summary = { commit, machine, rows, startMs };
  if (options.out !== undefined)
    writeFileSync(options.out, `${JSON.stringify(summary, null, 2)}\n`);
  if (options.json === true) console.log(JSON.stringify({ commit, machine, startMs }));
  else console.log(`commit ${commit} · ${machine} · ready after ${startMs.toFixed(0)} ms`);
}

const program = new Command("bench")
  .description("Measures a three-node cluster on this computer.")
  .option("--quick", "measure less")
  .option("--json", "one JSON value a line, the last one the summary")
  .option("--out <file>", "write everything to a file, as JSON")
  .option("--port <port>", "the first of three ports", "7760")
  .action(main);
await program.parseAsync();

/**
 * How long clients wait while all nodes of a cluster restart one after the other, again and again,
 * and whether any call fails or anything acknowledged is lost.
 */
import { parseArgs } from "node:util";
import { Cluster } from "./cluster.ts";
import { Kit } from "./kit.ts";
import { restartAll, type Restart } from "./rolling-restart.ts";
import { quantile, SteadyLoad } from "./steady-load.ts";

const usage = `Usage: node test/processes/rolling.ts [--rounds N] [--nodes N] [--json]

Restarts every node of a cluster of processes by SIGTERM, under load, round after round.

  --rounds N  how often all nodes are restarted (default 5)
  --nodes N   how many there are, odd (default 3)
  --json      one JSON value
  --help      this text

Exits with 0 when no call failed and all that was acknowledged is in the log once, 1 when that is
not so, and 2 when the arguments cannot be used.`;

interface Summary {
  readonly restarts: number;
  readonly acknowledged: number;
  readonly missing: number;
  readonly barriers: number;
  readonly failures: readonly string[];
  readonly writeMs: Quantiles;
  readonly readMs: Quantiles;
}

interface Quantiles {
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
}

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): { rounds: number; nodes: number; isJson: boolean } | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "5" },
      nodes: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const nodes = whole("nodes", values.nodes);
  if (nodes % 2 === 0 || nodes > 5) throw new Error(`--nodes: wanted 1, 3 or 5, got ${nodes}`);
  return { rounds: whole("rounds", values.rounds), nodes, isJson: values.json };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new Error(`--${name}: wanted a whole number from 1, got "${text}"`);
}

async function measure(kit: Kit, rounds: number, count: number): Promise<Summary> {
  const cluster = await Cluster.start(kit, { count });
  await using load = await SteadyLoad.on(cluster.nodes.map(({ url }) => url));
  const restarts: Restart[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    restarts.push(...(await restartAll(cluster, load)));
    if (process.stderr.isTTY) process.stderr.write(`\r${round} of ${rounds}   `);
  }
  await load.stop();
  const { decided } = await cluster.whole();
  return {
    restarts: restarts.length,
    acknowledged: load.acknowledged,
    missing: load.acknowledged - decided.index,
    barriers: load.barriers,
    failures: load.failures.map(String),
    writeMs: quantiles(restarts.map(({ writeMs }) => writeMs)),
    readMs: quantiles(restarts.map(({ readMs }) => readMs)),
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const at = (share: number): number => Math.round(quantile(values, share));
  return { median: at(0.5), p99: at(0.99), worst: at(1) };
}

function isGood({ missing, failures }: Summary): boolean {
  return missing === 0 && failures.length === 0;
}

function lineOf(summary: Summary): string {
  const { restarts, acknowledged, missing, barriers, failures, writeMs, readMs } = summary;
  return (
    `${isGood(summary) ? "good" : "BAD"}: ${restarts} restarts by SIGTERM, ` +
    `${acknowledged} entries acknowledged, ${missing} missing or doubled, ${barriers} barriers, ` +
    `${failures.length} calls failed; writing paused for ${textOf(writeMs)}, ` +
    `reading for ${textOf(readMs)}`
  );
}

function textOf({ median, p99, worst }: Quantiles): string {
  return `a median of ${median} ms, p99 ${p99} ms, worst ${worst} ms`;
}

async function main(args: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (parsed === null) {
    console.log(usage);
    return 0;
  }
  const kit = Kit.make();
  try {
    const summary = await measure(kit, parsed.rounds, parsed.nodes);
    console.log(parsed.isJson ? JSON.stringify(summary) : lineOf(summary));
    return isGood(summary) ? 0 : 1;
  } finally {
    await kit.close();
  }
}

process.exit(await main(process.argv.slice(2)));

/**
 * How long writing pauses when the leader dies, and when it is told to go; and whether anything
 * that was acknowledged is lost. A publish that is rejected ends the run: its clients only wait.
 */
import { parseArgs } from "node:util";
import { print, runCommand, showProgress, whole } from "../../simulations/command-line.ts";
import { Cluster } from "./cluster.ts";
import { measureFailover, type Gap } from "./failover-probe.ts";
import { Kit } from "./kit.ts";

const usage = `Usage: node test/processes/failover.ts [--kills N] [--signal NAME] [--json]

Strikes the leader of a cluster of three processes again and again, with a whole cluster each time,
and measures how long writing pauses.

  --kills N      strikes of each kind (default 10)
  --signal NAME  only SIGKILL, or only SIGTERM; default both
  --seconds N    begins no further strike of a kind after so long (default 3600)
  --json         one JSON value a kind
  --help         this text

Exits with 0 when all that was acknowledged is in the log once, 1 when it is not, or an operation
failed, and 2 when the arguments cannot be used.`;

/** A follower that hears nothing of its leader for so long looks for another. */
const silenceMs = 400;
const signals = ["SIGKILL", "SIGTERM"] as const;

interface Arguments {
  readonly strikes: number;
  readonly signals: readonly ("SIGKILL" | "SIGTERM")[];
  readonly seconds: number;
  readonly isJson: boolean;
}

interface Summary {
  readonly signal: string;
  readonly strikes: number;
  readonly acknowledged: number;
  readonly missing: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: "10" },
      signal: { type: "string" },
      seconds: { type: "string", default: "3600" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const chosen = signals.filter((name) => values.signal === undefined || values.signal === name);
  if (chosen.length === 0) {
    throw new Error(`--signal: wanted SIGKILL or SIGTERM, got "${values.signal}"`);
  }
  return {
    strikes: whole("kills", values.kills, 1),
    signals: chosen,
    seconds: whole("seconds", values.seconds, 1),
    isJson: values.json,
  };
}

async function measure(
  kit: Kit,
  signal: "SIGKILL" | "SIGTERM",
  { strikes, seconds }: Arguments,
): Promise<Summary> {
  const cluster = await Cluster.start(kit, { name: signal.toLowerCase() });
  const until = performance.now() + 1000 * seconds;
  const gaps = await measureFailover(cluster, { strikes, signal, until, told });
  const acknowledged = gaps.reduce((sum, { entries }) => sum + entries, 0);
  const { decided } = await cluster.whole();
  for (const id of cluster.ids) await cluster.kill(id, "SIGTERM");
  return { signal, acknowledged, missing: acknowledged - decided.index, ...quantiles(gaps) };
}

function told(done: number, { gapMs }: Gap): void {
  showProgress(`${done}: ${Math.round(gapMs)} ms`);
}

function quantiles(
  gaps: readonly Gap[],
): Pick<Summary, "strikes" | "medianMs" | "p99Ms" | "worstMs"> {
  const sorted = gaps.map(({ gapMs }) => Math.round(gapMs)).toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { strikes: gaps.length, medianMs: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

function lineOf(summary: Summary): string {
  const { signal, strikes, acknowledged, missing, medianMs, p99Ms, worstMs } = summary;
  const times = (p99Ms / silenceMs).toFixed(1);
  return (
    `${missing === 0 ? "good" : "BAD"}: ${strikes} × ${signal} for the leader, ` +
    `${acknowledged} acknowledged, ${missing} missing or doubled; writing paused for a median ` +
    `of ${medianMs} ms, p99 ${p99Ms} ms (${times} × the silence of ${silenceMs} ms), ` +
    `worst ${worstMs} ms`
  );
}

async function main(args: Arguments): Promise<number> {
  const kit = Kit.make();
  let isGood = true;
  try {
    for (const signal of args.signals) {
      const summary = await measure(kit, signal, args);
      isGood &&= summary.missing === 0;
      print(args.isJson ? JSON.stringify(summary) : lineOf(summary));
    }
  } finally {
    await kit.close();
  }
  return isGood ? 0 : 1;
}

await runCommand({ usage, parse, run: main });
process.exit();

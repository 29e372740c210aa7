/**
 * `kibitz bench`: a load on a live cluster, from this process, and what the cluster makes of it.
 * Stops at the first entry that fails.
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import Table from "cli-table3";
import { limits } from "../../consensus/index.ts";
import type { Log } from "../api.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { openLoop } from "../load/open-loop.ts";
import { CommandError } from "./command-error.ts";
import { connect } from "./connect.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { noProgress, showProgress, type ProgressLine } from "./progress-line.ts";
import type { ClusterOptions } from "./options.ts";

export interface BenchOptions extends ClusterOptions {
  /** Bytes of each entry. */
  readonly size: number;
  readonly outstanding: number;
  /** Entries a second; without it as many as are acknowledged. */
  readonly rate?: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** What `--json` prints. */
interface BenchReport {
  readonly endpoint: string;
  /** Bytes of each entry. */
  readonly size: number;
  /** Null where a rate was asked for. */
  readonly outstanding: number | null;
  readonly seconds: number;
  readonly acknowledged: number;
  /** Entries a second. */
  readonly rate: number;
  readonly mibPerSecond: number;
  /** Milliseconds. */
  readonly latency: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly most: number;
  };
}

export async function bench(options: BenchOptions, output: Output): Promise<number> {
  if (options.size > limits.entryBytesMax) {
    const most = limits.entryBytesMax;
    const message = `Wanted --size of at most ${most} bytes, the most that an entry may have.`;
    throw new CommandError(exitCodes.usage, message);
  }
  using interruption = watchInterruption();
  const { signal } = interruption;
  try {
    await using client = await connect(options, signal, output);
    const report = await measure(client, options, { signal, output });
    const told = { endpoint: client.endpoint, ...report };
    if (options.json === true) output.json(told);
    else output.line(reportText(told));
    return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
  } catch (error) {
    if (signal.aborted) return exitCodes.interrupted;
    throw error;
  }
}

async function measure(
  log: Pick<Log, "publish">,
  { size, outstanding, rate, duration, timeout }: BenchOptions,
  { signal, output }: { readonly signal: AbortSignal; readonly output: Output },
): Promise<Omit<BenchReport, "endpoint">> {
  const entry = new Uint8Array(size).fill(0x2e);
  const latency = createHistogram();
  using progress = progressOn(output);
  // The first one waits until the cluster serves, and is not counted.
  await log.publish(entry, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]) });
  const begun = performance.now();
  const until = begun + duration;
  const loop = {
    goesOn: () => (rate !== undefined || performance.now() < until) && !signal.aborted,
    call: async () => {
      try {
        await log.publish(entry, { signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    took: (ms: number) => {
      if (signal.aborted) return;
      record(latency, ms);
      progress.advance(size);
    },
  };
  if (rate === undefined) await closedLoop({ ...loop, outstanding });
  else await openLoop({ ...loop, rate, count: Math.ceil((rate * duration) / 1000) });
  const acknowledged = latency.count;
  const seconds = (performance.now() - begun) / 1000;
  return {
    size,
    outstanding: rate === undefined ? outstanding : null,
    seconds,
    acknowledged,
    rate: acknowledged / seconds,
    mibPerSecond: (acknowledged * size) / seconds / 2 ** 20,
    latency: {
      p50: latency.percentile(50) / 1000,
      p99: latency.percentile(99) / 1000,
      p999: latency.percentile(99.9) / 1000,
      most: latency.max / 1000,
    },
  };
}

/** Microseconds: a histogram counts whole numbers from 1. */
function record(latency: RecordableHistogram, ms: number): void {
  latency.record(Math.max(1, Math.round(ms * 1000)));
}

function progressOn({ stderr }: Output): ProgressLine {
  return "isTTY" in stderr && stderr.isTTY === true ? showProgress(stderr, null) : noProgress;
}

function reportText({ endpoint, acknowledged, seconds, ...report }: BenchReport): string {
  const head = [
    "bytes",
    "outstanding",
    "entries/s",
    "MiB/s",
    "p50 ms",
    "p99 ms",
    "p999 ms",
    "most",
  ];
  const colAligns = head.map(() => "right" as const);
  const table = new Table({ head, colAligns, style: { head: [], border: [] } });
  const { latency } = report;
  table.push([
    report.size,
    report.outstanding ?? "–",
    Math.round(report.rate).toLocaleString("en"),
    report.mibPerSecond.toFixed(1),
    latency.p50.toFixed(2),
    latency.p99.toFixed(2),
    latency.p999.toFixed(2),
    latency.most.toFixed(2),
  ]);
  const count = acknowledged.toLocaleString("en");
  const what = `${count} entries acknowledged in ${seconds.toFixed(1)} s by ${endpoint}`;
  return `${table.toString()}\n${what}`;
}

/**
 * How long writing pauses when the leader dies, and when it is told to go:
 * `node test/processes/failover.ts [--kills 10] [--json]`.
 */
import { parseArgs } from "node:util";
import { Cluster } from "./cluster.ts";
import { measureFailover, type Gap } from "./failover-probe.ts";
import { Kit } from "./kit.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  },
});
const strikes = Number(values.kills);
if (!Number.isSafeInteger(strikes) || strikes < 1) {
  process.stderr.write(`Wanted --kills as a whole number from 1, found "${values.kills}".\n`);
  process.exit(2);
}

const kit = Kit.make();
try {
  const results = [];
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const cluster = await Cluster.start(kit, { name: signal.toLowerCase() });
    const gaps = await measureFailover(cluster, { strikes, signal });
    results.push(summary(signal, gaps));
  }
  if (values.json) for (const result of results) console.log(JSON.stringify(result));
  else console.table(Object.fromEntries(results.map(({ signal, ...rest }) => [signal, rest])));
} finally {
  await kit.close();
}

interface Summary {
  readonly signal: string;
  readonly strikes: number;
  readonly minMs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

function summary(signal: string, gaps: readonly Gap[]): Summary {
  const sorted = gaps.map(({ gapMs }) => Math.round(gapMs)).toSorted((left, right) => left - right);
  const at = (position: number): number => sorted[position] ?? Number.NaN;
  return {
    signal,
    strikes: gaps.length,
    minMs: at(0),
    medianMs: at(Math.floor(sorted.length / 2)),
    p99Ms: at(Math.ceil(0.99 * sorted.length) - 1),
    maxMs: at(sorted.length - 1),
  };
}

/** What the result says against the bound and the peers, beside what is wanted. */
import type { BenchResult, Row } from "./result.ts";

export interface Ratio {
  readonly what: string;
  readonly value: number;
  readonly unit: "×" | "ms" | "MiB" | "%" | "/s";
  /** The least, or the most, that is acceptable, and what is aimed at. */
  readonly floor: number;
  readonly goal: number;
  readonly better: "higher" | "lower";
}

type Field = "rate" | "p50" | "cpuPer10k";

export function ratios(result: BenchResult): readonly Ratio[] {
  return [
    ...rateRatios(result),
    ...costRatios(result),
    ...timeRatios(result),
    ...ownRatios(result),
  ];
}

function rateRatios(result: BenchResult): readonly Ratio[] {
  const of = (size: number, outstanding: number): number =>
    quotient(result.rows, { size, outstanding, field: "rate" });
  const higher = { unit: "×", better: "higher" } as const;
  return present([
    { what: "128 B, 1024 outstanding", value: of(128, 1024), floor: 0.4, goal: 0.8, ...higher },
    { what: "128 B, 64 outstanding", value: of(128, 64), floor: 0.5, goal: 0.8, ...higher },
    { what: "1 KiB, 1024 outstanding", value: of(1024, 1024), floor: 0.4, goal: 0.8, ...higher },
    { what: "in bulk", value: bulkQuotient(result), floor: 0.25, goal: 0.5, ...higher },
  ]);
}

function bulkQuotient({ bulk }: BenchResult): number {
  const [first] = bulk;
  if (first === undefined) return Number.NaN;
  return quotient(bulk, { size: first.size, outstanding: first.outstanding, field: "rate" });
}

function costRatios({ rows }: BenchResult): readonly Ratio[] {
  const lower = { unit: "×", better: "lower" } as const;
  const p50 = quotient(rows, { size: 128, outstanding: 1, field: "p50" });
  const cpu = quotient(rows, { size: 128, outstanding: 1024, field: "cpuPer10k" });
  return present([
    { what: "128 B, 1 outstanding: p50", value: p50, floor: 1.4, goal: 1.15, ...lower },
    { what: "servers' CPU at 1024", value: cpu, floor: 5, goal: 2, ...lower },
  ]);
}

function timeRatios({ failover, coldStart, halfRate }: BenchResult): readonly Ratio[] {
  const own = failover.find(({ system }) => system === "kibitzer");
  const half = halfRate.find(({ system }) => system === "kibitzer");
  const cold = (name: string): number =>
    coldStart.find(({ system }) => system === name)?.medianMs ?? Number.NaN;
  const ms = { unit: "ms", better: "lower" } as const;
  return present([
    { what: "p99 at half rate", value: half?.p99 ?? NaN, floor: Infinity, goal: 10, ...ms },
    { what: "failover, median", value: own?.medianMs ?? NaN, floor: 200, goal: 60, ...ms },
    { what: "failover, worst", value: own?.worstMs ?? NaN, floor: 800, goal: 250, ...ms },
    {
      what: "cold start",
      value: cold("kibitzer") / cold("bound"),
      unit: "×",
      floor: 2.5,
      goal: 1.5,
      better: "lower",
    },
  ]);
}

function ownRatios({ rows, recording, tls, replay }: BenchResult): readonly Ratio[] {
  const own = rows.filter(({ system, size }) => system === "kibitzer" && size < 65_536);
  const resident = own.length === 0 ? Number.NaN : Math.max(...own.map(({ rssMiB }) => rssMiB));
  const busy = replay.find((row) => row.recording === "under load")?.entriesPerSecond ?? NaN;
  const quiet = replay.find((row) => row.recording === "quiet")?.timesRealTime ?? NaN;
  const cost = 100 * (recording?.cost ?? Number.NaN);
  return present([
    { what: "resident", value: resident, unit: "MiB", floor: 160, goal: 120, better: "lower" },
    { what: "recording costs", value: cost, unit: "%", floor: 15, goal: 5, better: "lower" },
    {
      what: "over TLS, of without",
      value: tls?.ratio ?? Number.NaN,
      unit: "×",
      floor: 0.5,
      goal: 0.8,
      better: "higher",
    },
    {
      what: "replay, under load",
      value: busy,
      unit: "/s",
      floor: 300_000,
      goal: 1_000_000,
      better: "higher",
    },
    {
      what: "replay, quiet, of real time",
      value: quiet,
      unit: "×",
      floor: 100,
      goal: 1_000,
      better: "higher",
    },
  ]);
}

interface Wanted {
  readonly size: number;
  readonly outstanding: number;
  readonly field: Field;
}

/** Kibitzer's figure, in parts of the bound's; not a number while one of them is missing. */
function quotient(rows: readonly Row[], { size, outstanding, field }: Wanted): number {
  const of = (name: string): number =>
    rows.find(
      (row) => row.system === name && row.size === size && row.outstanding === outstanding,
    )?.[field] ?? Number.NaN;
  return of("kibitzer") / of("bound");
}

/** Those that were measured. */
function present(all: readonly Ratio[]): readonly Ratio[] {
  return all.filter(({ value }) => !Number.isNaN(value));
}

export function verdict({ value, floor, goal, better }: Ratio): "goal" | "floor" | "below" {
  const reaches = (mark: number): boolean => (better === "higher" ? value >= mark : value <= mark);
  if (reaches(goal)) return "goal";
  return reaches(floor) ? "floor" : "below";
}

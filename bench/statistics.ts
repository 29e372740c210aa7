/** Medians of rounds. */
import type { Measured } from "./load/load.ts";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

export function medianOf(rounds: readonly Measured[]): Measured {
  const of = (field: keyof Measured): number => median(rounds.map((round) => round[field]));
  return {
    rate: of("rate"),
    p50: of("p50"),
    p99: of("p99"),
    p999: of("p999"),
    cpuPer10k: of("cpuPer10k"),
    clientCpuPer10k: of("clientCpuPer10k"),
    rssMiB: of("rssMiB"),
  };
}

/** The result as tables for a terminal. */
import { ratios, verdict, type Ratio } from "./ratios.ts";
import type { BenchResult, HalfRateRow, Row } from "./result.ts";
import { scaleTables } from "./scale-tables.ts";
import { figure, table, whole } from "./table.ts";

const rowHead = [
  "system",
  "bytes",
  "outstanding",
  "entries/s",
  "lowest–highest",
  "p50 ms",
  "p99 ms",
  "p999 ms",
  "cpu s/10k",
  "client",
  "MiB",
];

export function tables(result: BenchResult): string {
  const texts: string[] = [];
  const add = (title: string, head: readonly string[], rows: readonly string[][]): void => {
    if (rows.length > 0) texts.push(`${title}\n${table(head, rows)}`);
  };
  const { rows, bulk, halfRate, failover, coldStart, recording, tls, replay } = result;
  add(`Acknowledged writes, medians of ${result.rounds}`, rowHead, rows.map(rowCells));
  add("In bulk: 1,000 entries a call", rowHead, bulk.map(rowCells));
  add("At half the rate of 1024 outstanding", rowHead, halfRate.map(halfRateCells));
  const times = ["system", "times", "median ms", "worst ms"];
  const timeCells = ({ system, count, medianMs, worstMs }: (typeof failover)[number]): string[] => [
    system,
    String(count),
    medianMs.toFixed(0),
    worstMs.toFixed(0),
  ];
  add("kill -9 of the leader to the next acknowledged write", times, failover.map(timeCells));
  add("Cold start of three processes to the first write", times, coldStart.map(timeCells));
  if (recording !== null) {
    const { on, off, cost } = recording;
    const cells = [[whole(on), whole(off), `${(100 * cost).toFixed(1)} %`]];
    add("Recording, entries/s", ["on", "off", "costs"], cells);
  }
  if (tls !== null) {
    const cells = [[whole(tls.on), whole(tls.off), `${tls.ratio.toFixed(2)} ×`]];
    add("TLS on both sides, entries/s", ["on", "off", "left"], cells);
  }
  const replayHead = [
    "recording",
    "entries",
    "envelopes",
    "recorded s",
    "s",
    "entries/s",
    "× time",
  ];
  const replayCells = replay.map((row) => [
    row.recording,
    whole(row.entries),
    whole(row.envelopes),
    row.recordedSeconds.toFixed(1),
    row.replaySeconds.toFixed(2),
    whole(row.entriesPerSecond),
    whole(row.timesRealTime),
  ]);
  add("Replay", replayHead, replayCells);
  for (const { title, head, rows: cells } of scaleTables(result)) add(title, head, cells);
  const ratioHead = ["measure, × the bound where so marked", "value", "floor", "goal", "reached"];
  add("Against what is wanted", ratioHead, ratios(result).map(ratioCells));
  return texts.join("\n\n");
}

function rowCells(row: Row): string[] {
  const { system, size, outstanding, rateMin, rateMax } = row;
  const spread = `${whole(rateMin)}–${whole(rateMax)}`;
  const [rate = "", ...rest] = measuredCells(row);
  return [system, whole(size), whole(outstanding), rate, spread, ...rest];
}

function halfRateCells(row: HalfRateRow): string[] {
  const [rate = "", ...rest] = measuredCells(row);
  return [row.system, whole(row.size), "", rate, "", ...rest];
}

function measuredCells(row: HalfRateRow): string[] {
  return [
    whole(row.rate),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.p999.toFixed(2),
    row.cpuPer10k.toFixed(3),
    row.clientCpuPer10k.toFixed(3),
    row.rssMiB.toFixed(0),
  ];
}

function ratioCells(ratio: Ratio): string[] {
  const { what, value, floor, goal, unit } = ratio;
  return [what, `${figure(value)} ${unit}`, figure(floor), figure(goal), verdict(ratio)];
}

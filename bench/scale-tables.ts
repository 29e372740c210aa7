/** What fan-out, restart and scale found, as tables for a terminal. */
import type { BenchResult, FanOutRow, RepublicsRow, RestartRow, ScaleRow } from "./result.ts";
import { figure, whole } from "./table.ts";

export interface TableContent {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly string[][];
}

export function scaleTables({
  fanOut,
  restart,
  scale,
  republics,
}: BenchResult): readonly TableContent[] {
  return [
    {
      title: "Subscribers that follow the log, all deliveries together",
      head: [
        "published",
        "subscribers",
        "published/s",
        "ack. p50 ms",
        "delivered/s",
        "p50 ms",
        "p99 ms",
        "cpu s",
        "without",
        "more s/10k",
        "clients'",
        "MiB",
      ],
      rows: fanOut.map(fanOutCells),
    },
    {
      title: "Restart of each node, from the start of its process, median and worst",
      head: ["after", "entries", "times", "listens ms", "worst", "serves ms", "worst"],
      rows: restart.map(restartCells),
    },
    ...(["entries", "publishers", "members"] as const).map((of) => {
      const rows = scale.filter((row) => row.of === of);
      return { title: scaleTitles[of], head: [of, ...scaleHead], rows: scaleCells(rows) };
    }),
    {
      title: "Republics of three members, hosted by three processes, all of those together",
      head: [
        "republics",
        "idle cores",
        "syncs/s",
        "sockets",
        "entries/s",
        "p50 ms",
        "p99 ms",
        "cores",
        "syncs/s",
        "MiB",
      ],
      rows: republics.map(republicsCells),
    },
  ];
}

const scaleHead = [
  "entries/s",
  "p50 ms",
  "p99 ms",
  "cpu s/10k",
  "× first",
  "client",
  "MiB",
  "all",
  "idle cores",
];

const scaleTitles: Readonly<Record<ScaleRow["of"], string>> = {
  entries: "Stretches of one growing log, up to so many entries, from a cold start",
  publishers: "Publishers, 1,024 entries of all outstanding",
  members: "Members on this one computer",
};

function fanOutCells(row: FanOutRow): string[] {
  return [
    row.load === "bulk" ? "in bulk" : "steadily",
    whole(row.subscribers),
    whole(row.published),
    row.acknowledgedP50.toFixed(2),
    whole(row.delivered),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.cpuSeconds.toFixed(2),
    row.cpuSecondsAlone.toFixed(2),
    row.cpuPer10k.toFixed(4),
    row.clientsCpuPer10k.toFixed(4),
    whole(row.rssMiB),
  ];
}

function restartCells(row: RestartRow): string[] {
  const { way, entries, count, listeningMs, listeningWorstMs, readyMs, readyWorstMs } = row;
  return [
    way,
    ...[entries, count, listeningMs, listeningWorstMs, readyMs, readyWorstMs].map(whole),
  ];
}

function republicsCells(row: RepublicsRow): string[] {
  return [
    whole(row.republics),
    row.idleCores.toFixed(2),
    whole(row.idleSyncs),
    whole(row.sockets),
    whole(row.rate),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.cores.toFixed(2),
    whole(row.syncs),
    whole(row.rssMiBAll),
  ];
}

/** The cost of each beside that of the smallest case, which is the first. */
function scaleCells(rows: readonly ScaleRow[]): readonly string[][] {
  const first = rows[0]?.cpuPer10k ?? Number.NaN;
  return rows.map((row) => [
    row.seats === undefined ? whole(row.count) : `${row.count}, ${row.seats} seats`,
    whole(row.rate),
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.cpuPer10k.toFixed(3),
    figure(row.cpuPer10k / first),
    row.clientCpuPer10k.toFixed(3),
    whole(row.rssMiB),
    whole(row.rssMiBAll),
    row.idleCores?.toFixed(2) ?? "",
  ]);
}

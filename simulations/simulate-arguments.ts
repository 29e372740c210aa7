/** The arguments of `npm run simulate`, and the seeds that they ask for. Runs none of them. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { whole } from "./command-line.ts";
import { drawNames, isDrawName, seedDraws, type DrawName } from "./swarm/draws.ts";
import type { SeedOrder } from "./seed-run.ts";

export const usage: string = `Usage: kibitz simulate [--seed N | [--from N] --seeds COUNT]
                       [--minutes N] [--seconds N] [--jobs N] [--draws NAME] [--json]

Runs simulated clusters with faults and checks, one for each seed.

  --seed N       run this seed only, and say what was drawn; with --seeds, the first of them
  --seeds COUNT  how many seeds to run (default 20)
  --from N       the first of them (default 1)
  --minutes N    no further seeds after so long, and as many as it takes where --seeds is left out
  --seconds N    simulated seconds under faults, each (default 20)
  --jobs N       how many threads (default: one for each core, at most 8)
  --draws NAME   of these seeds only those that draw ${drawNames.slice(0, -1).join(", ")}
                 or ${drawNames.at(-1)}; whether all faults came is not asked then
  --json         one JSON value a line; the last is the summary
  --help         this text`;

export interface Arguments {
  readonly from: number;
  readonly count: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly draws: DrawName | null;
  readonly isSingle: boolean;
  readonly isJson: boolean;
}

export const secondsDefault = 20;
/** Of a search that the clock ends; more than a day's. */
const seedsMax = 1_000_000;
/** @throws {Error} when an argument is invalid. */
export function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      seconds: { type: "string", default: String(secondsDefault) },
      jobs: { type: "string", default: String(Math.min(8, availableParallelism())) },
      draws: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return null;
  if (values.seed !== undefined && values.from !== undefined) {
    throw new Error("--seed and --from both name the first seed: wanted one, got both");
  }
  const isSingle = values.seed !== undefined && values.seeds === undefined;
  const seedsDefault = values.minutes === undefined ? "20" : String(seedsMax);
  return {
    from: whole("seed", values.seed ?? values.from ?? "1", 0),
    count: isSingle ? 1 : whole("seeds", values.seeds ?? seedsDefault, 1, seedsMax),
    minutes: values.minutes === undefined ? Infinity : whole("minutes", values.minutes, 1),
    seconds: whole("seconds", values.seconds, 1),
    jobs: whole("jobs", values.jobs, 1),
    draws: drawNamed(values.draws),
    isSingle,
    isJson: values.json === true,
  };
}

function drawNamed(name: string | undefined): DrawName | null {
  if (name === undefined || isDrawName(name)) return name ?? null;
  throw new Error(`--draws: wanted one of ${drawNames.join(", ")}, got ${JSON.stringify(name)}`);
}

/** What is to be run: a single seed keeps all that it does. */
export function ordersOf({
  from,
  count,
  seconds,
  draws,
  isSingle,
}: Arguments): readonly SeedOrder[] {
  const seeds = Array.from({ length: count }, (_, at) => from + at);
  const kept = draws === null ? seeds : seeds.filter((seed) => seedDraws(seed, draws));
  return kept.map((seed) => ({ seed, seconds, ...(isSingle ? { linesKept: 3_000_000 } : {}) }));
}

/**
 * `npm run damage`: every byte flip on the disk of a stopped node, every combination of damage of
 * four entries on three nodes, drawn cases of more, or drawn flips in the files of a real node. But
 * for the last, what it prints to stdout depends on arguments and commit only.
 */
import { parseArgs } from "node:util";
import { Prng } from "../prng.ts";
import { ByteFlips, type FlipResult } from "./byte-flips.ts";
import { DamageCases, drawCase } from "./cases.ts";
import { Combinations, combinationsCount } from "./combinations.ts";
import { RealFlips } from "./real-flips.ts";

const usage = `Usage: npm run damage -- [--flips | --combinations | --cases | --real]
                         [--cut] [--every N] [--draws N] [--seed N] [--json]

Damages the disks of three nodes that have stopped, and demands that a start finds what stood there
or stops with a named error.

  --flips         each byte of each file of one node, one at a time, with the other two nodes there
  --combinations  four entries, whole or damaged on each of three nodes: ${combinationsCount}
  --cut           on nodes with snapshots, whose log was cut off behind them
  --every N       only each Nth of these (default 1: all)
  --cases         drawn damage of entries and of files that are there twice, while nodes lag behind,
                  were killed, or start late
  --real          flipped bytes, as drawn, in the files of a node that ran on this computer
  --draws N       how many of these or of the cases (default 5000)
  --seed N        of the draws (default 1); the files differ a little from run to run
  --json          one JSON value a line; the last is the summary
  --help          this text

Without a choice --flips and --combinations are played.`;

interface Arguments {
  readonly flips: boolean;
  readonly combinations: boolean;
  readonly cases: boolean;
  readonly real: boolean;
  readonly cut: boolean;
  readonly every: number;
  readonly draws: number;
  readonly seed: number;
  readonly isJson: boolean;
}

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      flips: { type: "boolean", default: false },
      combinations: { type: "boolean", default: false },
      cases: { type: "boolean", default: false },
      real: { type: "boolean", default: false },
      cut: { type: "boolean", default: false },
      every: { type: "string", default: "1" },
      draws: { type: "string", default: "5000" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { flips, combinations, cases, real } = values;
  const chosen = [flips, combinations, cases, real].filter(Boolean).length;
  if (chosen > 1) {
    throw new Error("wanted one of --flips, --combinations, --cases and --real, got several");
  }
  const isDefault = chosen === 0;
  return {
    flips: isDefault || flips,
    combinations: isDefault || combinations,
    cases,
    real,
    cut: values.cut,
    every: whole("every", values.every),
    draws: whole("draws", values.draws),
    seed: whole("seed", values.seed),
    isJson: values.json,
  };
}

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new Error(`--${name}: wanted a whole number from 1, got ${JSON.stringify(text)}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(done: number, of: number): void {
  if (!process.stderr.isTTY || (done % 50 !== 0 && done !== of)) return;
  process.stderr.write(`\r${done} of ${of}${done === of ? "\n" : ""}`);
}

/** What became of flips so far; those that are news are told at once. */
class Tally {
  readonly #isJson: boolean;
  readonly #of: number;
  readonly #counts: Record<FlipResult["kind"], number> = {
    unnoticed: 0,
    mended: 0,
    refused: 0,
    wrong: 0,
  };
  #done = 0;

  constructor(of: number, isJson: boolean) {
    this.#of = of;
    this.#isJson = isJson;
  }

  get wrong(): number {
    return this.#counts.wrong;
  }

  add(where: string, offset: number, result: FlipResult): void {
    this.#counts[result.kind] += 1;
    this.#done += 1;
    const isNews = result.kind === "wrong" || result.kind === "refused";
    if (isNews && this.#isJson) print(JSON.stringify({ path: where, offset, ...result }));
    else if (result.kind === "wrong") print(`${where} at ${offset}: ${result.what}`);
    progress(this.#done, this.#of);
  }

  end(what: string): void {
    const { unnoticed, mended, refused, wrong } = this.#counts;
    if (this.#isJson) print(JSON.stringify({ flips: this.#of, ...this.#counts }));
    else {
      const found = `${unnoticed} harmless, ${mended} mended`;
      print(`${this.#of} ${what}: ${found}, ${refused} refused by name, ${wrong} wrong`);
    }
  }
}

/** @returns how many were wrong. */
async function playFlips({ cut, every, isJson }: Arguments): Promise<number> {
  const flips = await ByteFlips.prepare(cut);
  const chosen = flips.all().filter((_, at) => at % every === 0);
  const tally = new Tally(chosen.length, isJson);
  for (const flip of chosen) tally.add(flip.path, flip.offset, await flips.play(flip));
  tally.end("flips");
  return tally.wrong;
}

/** @returns how many were wrong. */
async function playRealFlips({ draws, seed, isJson }: Arguments): Promise<number> {
  await using flips = await RealFlips.prepare();
  const prng = new Prng(seed);
  const tally = new Tally(draws, isJson);
  for (let draw = 0; draw < draws; draw += 1) {
    const flip = flips.draw(prng);
    tally.add(flip.file, flip.offset, await flips.play(flip));
  }
  tally.end(`flips in real files, seed ${seed}`);
  return tally.wrong;
}

/** @returns how many were wrong. */
async function playCombinations({ cut, every, isJson }: Arguments): Promise<number> {
  const combinations = await Combinations.prepare(cut);
  const counts = { whole: 0, stopped: 0, wrong: 0 };
  for (let mask = 0; mask < combinationsCount; mask += every) {
    try {
      counts[(await combinations.play(mask)).result] += 1;
    } catch (error) {
      counts.wrong += 1;
      const what = error instanceof Error ? error.message : String(error);
      print(isJson ? JSON.stringify({ mask, what }) : what);
    }
    progress(mask + 1, combinationsCount);
  }
  const played = Math.ceil(combinationsCount / every);
  if (isJson) print(JSON.stringify({ combinations: played, ...counts }));
  else {
    const found = `${counts.whole} came back whole, ${counts.stopped} stopped by name`;
    print(`${played} combinations: ${found}, ${counts.wrong} wrong`);
  }
  return counts.wrong;
}

/** @returns how many were wrong. */
async function playCases({ draws, seed, isJson }: Arguments): Promise<number> {
  const cases = await DamageCases.prepare();
  const counts = { whole: 0, stopped: 0, wrong: 0 };
  for (let draw = 1; draw <= draws; draw += 1) {
    const name = `${seed}.${draw}`;
    try {
      counts[await cases.play(drawCase(name))] += 1;
    } catch (error) {
      counts.wrong += 1;
      const what = error instanceof Error ? error.message : String(error);
      print(isJson ? JSON.stringify({ case: name, what }) : `case ${name}: ${what}`);
    }
    progress(draw, draws);
  }
  if (isJson) print(JSON.stringify({ cases: draws, ...counts }));
  else {
    const found = `${counts.whole} came back whole, ${counts.stopped} stopped or wait by name`;
    print(`${draws} cases, seed ${seed}: ${found}, ${counts.wrong} wrong`);
  }
  return counts.wrong;
}

async function main(): Promise<void> {
  let parsed: Arguments | null;
  try {
    parsed = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  if (parsed === null) {
    print(usage);
    return;
  }
  let wrong = 0;
  if (parsed.combinations) wrong += await playCombinations(parsed);
  if (parsed.flips) wrong += await playFlips(parsed);
  if (parsed.cases) wrong += await playCases(parsed);
  if (parsed.real) wrong += await playRealFlips(parsed);
  if (wrong > 0) process.exitCode = 1;
}

await main();

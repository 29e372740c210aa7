/**
 * `npm run damage`: every byte flip on the disk of a stopped node, or every combination of damage
 * of four entries on three nodes. What it prints to stdout depends on arguments and commit only.
 */
import { parseArgs } from "node:util";
import { ByteFlips, type FlipResult } from "./byte-flips.ts";
import { Combinations, combinationsCount } from "./combinations.ts";

const usage = `Usage: npm run damage -- [--flips | --combinations] [--cut] [--every N] [--json]

Damages the disks of three nodes that have stopped, and demands that a start finds what stood there
or stops with a named error.

  --flips         each byte of each file of one node, one at a time, with the other two nodes there
  --combinations  four entries, whole or damaged on each of three nodes: ${combinationsCount}
  --cut           on nodes with snapshots, whose log was cut off behind them
  --every N       only each Nth of these (default 1: all)
  --json          one JSON value a line; the last is the summary
  --help          this text

Without a choice both are played.`;

interface Arguments {
  readonly flips: boolean;
  readonly combinations: boolean;
  readonly cut: boolean;
  readonly every: number;
  readonly isJson: boolean;
}

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      flips: { type: "boolean", default: false },
      combinations: { type: "boolean", default: false },
      cut: { type: "boolean", default: false },
      every: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  if (!/^[1-9]\d{0,6}$/.test(values.every)) {
    throw new Error(`--every: wanted a whole number from 1, got ${JSON.stringify(values.every)}`);
  }
  const isBoth = values.flips === values.combinations;
  return {
    flips: isBoth || values.flips,
    combinations: isBoth || values.combinations,
    cut: values.cut,
    every: Number(values.every),
    isJson: values.json,
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(done: number, of: number): void {
  if (!process.stderr.isTTY || (done % 50 !== 0 && done !== of)) return;
  process.stderr.write(`\r${done} of ${of}${done === of ? "\n" : ""}`);
}

/** @returns how many were wrong. */
async function playFlips({ cut, every, isJson }: Arguments): Promise<number> {
  const flips = await ByteFlips.prepare(cut);
  const chosen = flips.all().filter((_, at) => at % every === 0);
  const counts: Record<FlipResult["kind"], number> = {
    unnoticed: 0,
    mended: 0,
    refused: 0,
    wrong: 0,
  };
  for (const [at, flip] of chosen.entries()) {
    const result = await flips.play(flip);
    counts[result.kind] += 1;
    const isNews = result.kind === "wrong" || result.kind === "refused";
    if (isNews && isJson) print(JSON.stringify({ ...flip, ...result }));
    else if (result.kind === "wrong") print(`${flip.path} at ${flip.offset}: ${result.what}`);
    progress(at + 1, chosen.length);
  }
  if (isJson) print(JSON.stringify({ flips: chosen.length, ...counts }));
  else {
    const found = `${counts.unnoticed} harmless, ${counts.mended} mended`;
    const rest = `${counts.refused} refused by name, ${counts.wrong} wrong`;
    print(`${chosen.length} flips: ${found}, ${rest}`);
  }
  return counts.wrong;
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
  if (wrong > 0) process.exitCode = 1;
}

await main();

/**
 * `npm run stories`: tells many stories, and makes the first that breaks something small. What it
 * prints to stdout depends on its arguments and the commit only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { dataDirectory } from "../cluster.ts";
import { print, runCommand, showProgress, tell as warn, whole } from "../command-line.ts";
import type { Evidence } from "../evidence.ts";
import { evidenceOf, scriptOf } from "./evidence.ts";
import { parseScript } from "./script.ts";
import { search, type Found } from "./search.ts";
import type { Story } from "./story.ts";
import { tell, type StoryReport } from "./tell.ts";

const usage = `Usage: npm run stories -- [--runs N] [--seed S [--path P]] [--length N] [--json]
       npm run stories -- --script FILE [--json]

Tells stories of a few commands to simulated clusters. The first that breaks an invariant is made as
small as it gets and kept: recordings, and a script that tells it again.

  --runs N       how many stories (default 50)
  --seed S       of the stories that are drawn (default 1)
  --path P       of fast-check, as printed: straight to the smallest story of an earlier search
  --length N     commands of the longest story (default 40)
  --script FILE  tells this story
  --json         one JSON value a line; the last is the summary
  --help         this text

Exit code 0 when nothing broke, 1 when something did, 2 when the command was used wrongly.`;

interface Arguments {
  readonly runs: number;
  readonly seed: number;
  readonly path: string | null;
  readonly length: number;
  /** To be told in place of drawn ones. */
  readonly script: Story | null;
  readonly isJson: boolean;
}

/** fast-check takes numbers of 32 bits. */
const most = 2 ** 31 - 1;

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      path: { type: "string" },
      length: { type: "string" },
      script: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return null;
  checkTogether(values);
  const { path = null, script } = values;
  if (path !== null && !/^\d+(:\d+)*$/.test(path)) {
    throw new Error(`--path: wanted numbers with colons between, got ${JSON.stringify(path)}`);
  }
  return {
    runs: whole("runs", values.runs ?? "50", 1, most),
    seed: whole("seed", values.seed ?? "1", 0, most),
    length: whole("length", values.length ?? "40", 1, most),
    path,
    script: script === undefined ? null : parseScript(readFileSync(script, "utf8")),
    isJson: values.json === true,
  };
}

interface Values {
  readonly runs?: string;
  readonly seed?: string;
  readonly path?: string;
  readonly length?: string;
  readonly script?: string;
}

/** @throws {Error} when options are given that do not go together. */
function checkTogether({ runs, seed, path, length, script }: Values): void {
  if (path !== undefined && seed === undefined) throw new Error("--path needs its --seed");
  if (script === undefined) return;
  if ([runs, seed, path, length].every((value) => value === undefined)) return;
  throw new Error("--script tells one story: wanted no --runs, --seed, --path or --length");
}

class Summary {
  stories = 0;
  broken = 0;
  commands = 0;
  steps = 0;
  seconds = 0;
  submitted = 0;
  acknowledged = 0;
  barriers = 0;
  replayed = 0;
  readonly #kinds = new Map<string, number>();
  readonly #faults = new Map<string, number>();

  add(report: StoryReport): void {
    this.stories += 1;
    if (report.broken !== null) this.broken += 1;
    this.commands += report.told.length;
    this.steps += report.steps;
    this.seconds += report.seconds;
    this.submitted += report.submitted;
    this.acknowledged += report.acknowledged;
    this.barriers += report.barriers;
    this.replayed += report.replayed;
    for (const { command } of report.told) count(this.#kinds, command.kind, 1);
    for (const [id, times] of report.faults) count(this.#faults, id, times);
  }

  get kinds(): Record<string, number> {
    return sorted(this.#kinds);
  }

  get faults(): Record<string, number> {
    return sorted(this.#faults);
  }

  /** For machines. */
  document(): Record<string, unknown> {
    const { stories, broken, commands, steps, submitted, acknowledged, barriers, replayed } = this;
    const counts = {
      stories,
      broken,
      commands,
      steps,
      submitted,
      acknowledged,
      barriers,
      replayed,
    };
    const { kinds, faults } = this;
    return { ...counts, seconds: Math.round(this.seconds), kinds, faults };
  }
}

function count(counts: Map<string, number>, key: string, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function printFound(found: Found, { isJson }: Arguments): void {
  const { shrunk, seed, path, drawn, commandsAtPath, tellings } = found;
  const evidence = evidenceOf(shrunk);
  const script = scriptOf(shrunk);
  const counts = { drawn: drawn.commands.length, commandsAtPath, tellings };
  const commands = shrunk.story.commands.length;
  if (isJson) {
    const { invariant, message } = shrunk.broken ?? { invariant: "", message: "" };
    print(
      JSON.stringify({ broken: { invariant, message, seed, path, commands, ...counts, script } }),
    );
  } else {
    print(`BROKEN ${shrunk.broken?.message ?? ""}\n`);
    print(script);
    print(
      `${counts.drawn} commands were drawn, fast-check left ${commandsAtPath}, ` +
        `pruning ${commands}, after ${tellings} further tellings`,
    );
    print(`repeat: npm run stories -- --seed ${seed} --path ${path}`);
  }
  warn(shrunk.broken?.stack ?? "");
  tellWhere(evidence);
}

function tellWhere({ directory, problem }: Evidence): void {
  if (problem !== null) warn(`evidence could not be kept: ${problem}`);
  if (directory === null) return;
  warn(`recordings: ${join(directory, "*", dataDirectory, "recording")}`);
  warn(`again: npm run stories -- --script ${join(directory, "story.txt")}`);
}

async function tellScript(script: Story, { isJson }: Arguments): Promise<StoryReport> {
  const report = await tell(script);
  const { broken } = report;
  if (!isJson) print(scriptOf(report));
  else if (broken !== null) {
    const { invariant, message } = broken;
    print(JSON.stringify({ broken: { invariant, message, script: scriptOf(report) } }));
  }
  if (broken !== null) {
    warn(broken.stack);
    tellWhere(evidenceOf(report));
  }
  return report;
}

function printSummary(summary: Summary, { isJson }: Arguments): void {
  if (isJson) {
    print(JSON.stringify({ summary: summary.document() }));
    return;
  }
  const { kinds, faults } = summary;
  const { stories, broken, commands, acknowledged, submitted, replayed } = summary;
  print(`commands: ${JSON.stringify(kinds)}`);
  print(`faults by kind: ${JSON.stringify(faults)}`);
  print(
    `${stories} stories, ${broken} broken: ${commands} commands, ${acknowledged} of ` +
      `${submitted} entries acknowledged, ${replayed} inputs replayed`,
  );
}

function showTellings(tellings: number): void {
  showProgress(`${tellings} further tellings`);
}

async function main(args: Arguments): Promise<number> {
  const summary = new Summary();
  const begun = performance.now();
  if (args.script === null) {
    const { runs, seed, length: lengthMax, path } = args;
    const onReport = (report: StoryReport): void => {
      summary.add(report);
      showProgress(`${summary.stories} of ${runs} stories told`);
      if (report.broken !== null) warn(`\nbroke ${report.broken.message}; making it small`);
    };
    const callbacks = { onReport, onTelling: showTellings };
    const drawing = { runs, seed, lengthMax, ...(path === null ? {} : { path }) };
    const found = await search({ ...drawing, ...callbacks });
    showProgress("");
    if (found !== null) printFound(found, args);
  } else {
    summary.add(await tellScript(args.script, args));
  }
  const elapsed = (performance.now() - begun) / 1000;
  warn(`${elapsed.toFixed(1)} s, ${(summary.seconds / elapsed).toFixed(0)} × real time`);
  printSummary(summary, args);
  return summary.broken === 0 ? 0 : 1;
}

await runCommand({ usage, parse, run: main });

/**
 * `npm run partitions`: elections under partial connectivity as a table, for the named topologies
 * and every small graph. What it prints to stdout depends on arguments and commit only.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { print, runCommand, showProgress, tell, whole } from "../command-line.ts";
import { runTasks } from "../worker-pool.ts";
import { sizes, topologies } from "./graph.ts";
import { lags, type Case, type Lag } from "./partition-run.ts";
import { planned, type Wanted } from "./plan.ts";
import {
  failureText,
  lastLine,
  storyText,
  tableText,
  wholeText,
  worstText,
} from "./report-text.ts";
import { summarize } from "./summary.ts";
import { judgeWhole, runWholeNodes } from "./whole-node.ts";
import { runCase, type Result } from "./worker.ts";

const usage = `Usage: npm run partitions -- [options]

Cuts links of a cluster that serves, and measures how leadership takes it. One ET is the silence
after which a node counts as gone (timing.silenceMs, 400 ms). Without --named, --nodes or --sample
all of them are run.

  --named          the named topologies
  --nodes N        every graph on N nodes (3, 4 or 5), and for 3 every directed one; repeatable
  --sample COUNT   so many directed graphs on five nodes (default 200)
  --et N           ET under the cut, for one graph of each class that differs only in names
                   (default 1000)
  --et-others N    ET under the cut, for all the others (default 20); 0 leaves them out
  --whole          the named topologies on whole nodes (run loop, journal, transport), and only that
  --graph NAME     one graph: 5:937, 3:d41, or ${topologies.map(({ name }) => name).join(", ")}
  --leader ID      with this leader only (with --graph)
  --lag KIND       only with this lag: ${lags.join(", ")}
  --seed N         of delays, clocks' phases and sampled graphs (default 1)
  --json           one JSON value a line; the last is the summary
  --help           this text`;

interface Arguments {
  readonly cases: readonly Case[];
  /** Whether each run is to be told as it went. */
  readonly isStory: boolean;
  readonly isWhole: boolean;
  readonly isJson: boolean;
}

const options = {
  named: { type: "boolean", default: false },
  nodes: { type: "string", multiple: true },
  sample: { type: "string" },
  et: { type: "string", default: "1000" },
  "et-others": { type: "string", default: "20" },
  whole: { type: "boolean", default: false },
  graph: { type: "string" },
  leader: { type: "string" },
  lag: { type: "string" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) return null;
  checkTogether(values);
  const wanted: Wanted = {
    ...selected(values),
    graph: values.graph ?? null,
    leader: values.leader ?? null,
    lag: lagOf(values.lag),
    seed: whole("seed", values.seed, 0),
    timeouts: whole("et", values.et, 4),
    timeoutsOthers: whole("et-others", values["et-others"], 0),
  };
  const isStory = wanted.graph !== null;
  const ofWhole = { ...wanted, named: true, sizes: [], sample: 0, lag: "none" } as const;
  const cases = planned(values.whole ? ofWhole : wanted);
  return { cases, isStory, isWhole: values.whole, isJson: values.json };
}

interface Picked {
  readonly named: boolean;
  readonly whole: boolean;
  readonly nodes?: readonly string[];
  readonly sample?: string;
  readonly graph?: string;
  readonly leader?: string;
}

/** @throws {Error} when options are given that do not go together. */
function checkTogether({ named, whole: isWhole, nodes, sample, graph, leader }: Picked): void {
  if (leader !== undefined && graph === undefined) throw new Error("--leader goes with --graph");
  const isPicked = nodes !== undefined || sample !== undefined;
  if (graph !== undefined && (isPicked || named || isWhole)) {
    throw new Error("--graph runs one graph: wanted no --named, --nodes, --sample or --whole");
  }
  if (isWhole && isPicked) {
    throw new Error("--whole runs the named topologies: wanted no --nodes or --sample");
  }
}

/** Everything, unless something is picked out. */
function selected(picked: Picked): Pick<Wanted, "named" | "sizes" | "sample"> {
  const { named, nodes = [], sample } = picked;
  const isAll = !named && nodes.length === 0 && sample === undefined;
  return {
    named: isAll || named,
    sizes: isAll ? sizes : nodes.map(sizeOf),
    sample: whole("sample", sample ?? (isAll ? "200" : "0"), 0),
  };
}

function sizeOf(text: string): number {
  const size = sizes.find((each) => String(each) === text);
  if (size !== undefined) return size;
  throw new Error(`--nodes: wanted ${sizes.join(", ")}, got ${JSON.stringify(text)}`);
}

function lagOf(text: string | undefined): Lag | null {
  if (text === undefined) return null;
  const lag = lags.find((each) => each === text);
  if (lag !== undefined) return lag;
  throw new Error(`--lag: wanted ${lags.join(", ")}, got ${JSON.stringify(text)}`);
}

function printJson(results: readonly Result[]): void {
  const { rows, total, failures, seconds } = summarize(results);
  for (const { case: each, measured, faults } of results) {
    print(JSON.stringify({ ...each, ...measured, faults }));
  }
  print(JSON.stringify({ summary: { rows, total, failed: failures.length, seconds } }));
}

const failuresShown = 20;

function printTable(results: readonly Result[]): void {
  const summary = summarize(results);
  print(tableText(summary));
  if (summary.worst.length > 0) print(worstText(summary.worst));
  for (const failure of summary.failures.slice(0, failuresShown)) print(failureText(failure));
  const hidden = summary.failures.length - failuresShown;
  if (hidden > 0) print(`… and ${hidden} more`);
  print(lastLine(summary));
}

/** Virtual time, in ET, of what a thread is sent at once: keeps it busy, and news fresh. */
const partTimeouts = 400;

function inParts(cases: readonly Case[]): readonly (readonly Case[])[] {
  const parts: Case[][] = [];
  let length = Infinity;
  for (const each of cases) {
    if (length >= partTimeouts) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(each);
    length += each.timeouts + 10;
  }
  return parts;
}

async function results({ cases, isStory, isJson }: Arguments): Promise<readonly Result[]> {
  if (isStory) {
    return cases.map((each) => {
      const result = runCase(each, true);
      if (!isJson) print(`${each.graph}, ${each.leader} leads, lag ${each.lag}`);
      if (!isJson) print(storyText(result));
      return result;
    });
  }
  const done: Result[] = [];
  const pool = { worker: "worker", beside: import.meta.url, threads: availableParallelism() };
  for await (const some of runTasks<readonly Result[]>(inParts(cases), pool)) {
    done.push(...some);
    showProgress(`${done.length} of ${cases.length} runs`);
  }
  showProgress("");
  return done;
}

/** @returns how many runs failed. */
async function runTable(args: Arguments): Promise<number> {
  const all = await results(args);
  if (args.isJson) printJson(all);
  else printTable(all);
  return all.filter(({ faults }) => faults.length > 0).length;
}

/** @returns how many runs failed. */
async function runWhole({ cases, isJson }: Arguments): Promise<number> {
  let failed = 0;
  for (const each of cases) {
    const measured = await runWholeNodes(each);
    const faults = judgeWhole(measured);
    if (faults.length > 0) failed += 1;
    const { report, ...rest } = measured;
    const { submitted, acknowledged } = report;
    const { graph, leader } = each;
    if (isJson) print(JSON.stringify({ ...each, ...rest, submitted, acknowledged, faults }));
    else print(wholeText(each, measured, faults));
    showProgress(`${graph}, ${leader} leads: done`);
  }
  const summary = { runs: cases.length, failed };
  print(isJson ? JSON.stringify({ summary }) : `${cases.length} runs, ${failed} failed`);
  return failed;
}

async function main(args: Arguments): Promise<number> {
  const begun = performance.now();
  const failed = args.isWhole ? await runWhole(args) : await runTable(args);
  tell(`${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return failed > 0 ? 1 : 0;
}

await runCommand({ usage, parse, run: main });

/**
 * `npm run mutants`: plants each bug of the catalogue into a copy of the sources and lets the
 * ordinary simulations find it. Verdicts go to stdout, progress to stderr.
 */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print, runCommand, tell, whole } from "../command-line.ts";
import { format, resolveConfig } from "prettier";
import { writeFileSync } from "node:fs";
import { catalogue } from "./catalogue.ts";
import { harnesses } from "./harness.ts";
import { hunt, type HuntOptions, type Verdict } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { notBugs } from "./not-bugs.ts";
import { markdown, summaryLine, totalsOf, verdictLine } from "./report.ts";

const usage = `Usage: npm run mutants -- [--only NAME]... [--jobs N] [--seed N] [--effort X]
                          [--harness NAME] [--json | --markdown] [--out FILE] [--list]

Plants each bug of the catalogue and lets the ordinary simulations find it.

  --only NAME  those with this in their name, or whose file begins so; may be repeated
  --jobs N     how many at a time (default: as many as there are processors)
  --seed N     the first seed of each harness (default 1)
  --effort X   times the seeds and seconds spent on each mutant at most (default 1)
  --harness N  core or full: leaves the other one out
  --json       one JSON value a line; the last is the summary
  --markdown   the page docs/mutants.md
  --out FILE   writes that page to a file, besides
  --list       names them, and hunts none
  --help       this text`;

const root = join(import.meta.dirname, "..", "..");

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      jobs: { type: "string", default: String(availableParallelism()) },
      seed: { type: "string", default: "1" },
      effort: { type: "string", default: "1" },
      harness: { type: "string", default: "" },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      out: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  if (values.list && (values.json || values.markdown || values.out !== undefined)) {
    throw new Error("--list only names them: wanted no --json, --markdown or --out");
  }
  const { only } = values;
  const mutants = catalogue.filter(({ name, file }) => {
    return only.length === 0 || only.some((part) => name.includes(part) || file.startsWith(part));
  });
  const chosen = harnesses.filter(({ name }) => name.includes(values.harness));
  if (chosen.length === 0) throw new Error(`no harness is named ${values.harness}`);
  if (mutants.length === 0) throw new Error(`no mutant is named like ${only.join(", ")}`);
  return {
    ...values,
    mutants,
    chosen,
    jobs: whole("jobs", values.jobs, 1),
    seed: whole("seed", values.seed, 0),
    effort: positive("effort", values.effort),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name}: wanted a number above 0, got ${JSON.stringify(text)}`);
}

function occasion(jobs: number, seconds: number): Parameters<typeof markdown>[2] {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root });
  const processors = cpus();
  const model = processors[0]?.model.replace(/ Processor$/, "") ?? "an unknown processor";
  const gib = Math.round(totalmem() / 2 ** 30);
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit.toString().trim(),
    machine: `${processors.length} × ${model}, ${gib} GiB`,
    jobs,
    seconds,
  };
}

type Arguments = NonNullable<ReturnType<typeof parse>>;

async function main(args: Arguments): Promise<number> {
  const { mutants, jobs, json, out } = args;
  const isPage = args.markdown;
  const begun = performance.now();
  const told: HuntOptions["told"] = (verdict) => {
    if (json) print(JSON.stringify(flat(verdict)));
    else (isPage ? tell : print)(verdictLine(verdict));
    if (verdict.killedBy === null) tell(`  ${verdict.message}`);
  };
  const { effort, chosen } = args;
  const options = { root, jobs, seedFirst: args.seed, effort, harnesses: chosen, told };
  const verdicts = await hunt(mutants, options);
  const seconds = (performance.now() - begun) / 1000;
  const totals = totalsOf(verdicts);
  const page = (): string => markdown(verdicts, notBugs, occasion(jobs, seconds));
  if (out !== undefined) {
    const style = await resolveConfig(out);
    writeFileSync(out, await format(page(), { ...style, parser: "markdown" }));
  }
  if (json) print(JSON.stringify({ summary: { ...totals, seconds } }));
  else if (isPage) print(page());
  else print(`${summaryLine(totals)}; ${seconds.toFixed(0)} s in all`);
  return totals.survivors.length === 0 ? 0 : 1;
}

function flat({ mutant, ...verdict }: Verdict): object {
  const { name, file, invariant } = mutant;
  return { name, file, breaks: invariant, ...verdict };
}

function list(mutants: readonly Mutant[]): number {
  for (const { name, file, about } of mutants) print(`${name}  ${file}: ${about}`);
  print(`${mutants.length} mutants`);
  return 0;
}

await runCommand({ usage, parse, run: (args) => (args.list ? list(args.mutants) : main(args)) });

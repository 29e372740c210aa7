/**
 * `npm run test:faults`: attacks on clusters of real processes, and what their clients made of it.
 * The command itself only checks, and starts itself again in namespaces of its own, so that no
 * process, mount or network outlives it, however it ends.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { print, runCommand, tell as warn, whole } from "../../simulations/command-line.ts";
import type { Attack, Kept, Result } from "./attack.ts";
import { attacks, cover } from "./attacks.ts";
import { rowsOf, summaryLine, summaryOf, tableOf } from "./report.ts";
import { carryOutAll, type Plan } from "./rounds.ts";
import { missing } from "./system.ts";

const usage = `Usage: npm run test:faults -- [--all | --only NAME,…] [--rounds N | --minutes N]

Attacks clusters of real kibitz processes, while clients publish and read; checks what they were
told. Needs Linux and root.

  (none of these) so many of the attacks that each kind of fault is there
  --all           every attack; also with --rounds and --minutes
  --only NAME,…   these attacks
  --rounds N      how often each attack is carried out (default 1)
  --minutes N     in place of --rounds: begin further attacks for so long
  --seed N        of the first round, the next ones count on (default 1)
  --parallel N    attacks at the same time (default 3)
  --histories D   keep the history of every attack in the directory D
  --list          name all attacks, and what they do
  --json          one JSON value a line; the last is the summary
  --help          this text

Exits with 0 when every attack is good, 1 when one is not, or something is missing, and 2 when the
arguments cannot be used.`;

const insideName = "FAULT_TESTS_INSIDE";
const namespaces = ["--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"];
/** How long an interrupted run may take to end by itself. */
const endMsMax = 5000;
const exitInterrupted = 130;

interface Arguments {
  readonly plan: Plan;
  readonly isList: boolean;
  readonly isJson: boolean;
}

/** @throws {Error} when an argument is invalid. */
function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      all: { type: "boolean", default: false },
      only: { type: "string" },
      rounds: { type: "string" },
      minutes: { type: "string" },
      seed: { type: "string", default: "1" },
      parallel: { type: "string", default: "3" },
      histories: { type: "string" },
      list: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  if (values.list && values.json) throw new Error("--list only names them: wanted no --json");
  if (values.rounds !== undefined && values.minutes !== undefined) {
    throw new Error("wanted one of --rounds and --minutes, got both");
  }
  const plan = {
    attacks: attacksFor(values),
    rounds: whole("rounds", values.rounds ?? "1", 1),
    minutes: values.minutes === undefined ? null : whole("minutes", values.minutes, 1),
    seed: whole("seed", values.seed, 0),
    parallel: whole("parallel", values.parallel, 1),
    histories: values.histories === undefined ? null : directoryFor(values.histories),
  };
  return { plan, isList: values.list, isJson: values.json };
}

interface Choice {
  readonly all: boolean;
  readonly only?: string | undefined;
  readonly rounds?: string | undefined;
  readonly minutes?: string | undefined;
  readonly seed: string;
}

function attacksFor({ all, only, rounds, minutes, seed }: Choice): readonly Attack[] {
  if (all && only !== undefined) throw new Error("wanted one of --all and --only, got both");
  if (only !== undefined) return chosen(only);
  const isLong = all || rounds !== undefined || minutes !== undefined;
  return isLong ? attacks : cover(attacks, seed);
}

function chosen(names: string): readonly Attack[] {
  return names.split(",").map((name) => {
    const attack = attacks.find((one) => one.name === name);
    if (attack === undefined) throw new Error(`--only: there is no attack "${name}", see --list`);
    return attack;
  });
}

function directoryFor(path: string): string {
  const directory = resolve(path);
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** In the namespaces: the attacks themselves. Returns the exit code. */
async function inside({ plan, isJson }: Arguments): Promise<number> {
  // As the first process of its namespace it gets no signal that it does not listen to; the end of
  // its input is what ends it, also when who started it was killed.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => undefined);
  process.stdin.once("end", () => process.exit(exitInterrupted)).resume();
  const begin = performance.now();
  const results = await carryOutAll(plan, (result) => tell(result, isJson));
  const summary = summaryOf(results, (performance.now() - begin) / 1000);
  if (isJson) print(JSON.stringify(summary));
  else print(`${tableOf(rowsOf(results))}\n${summaryLine(summary)}`);
  return summary.failed === 0 ? 0 : 1;
}

function tell(result: Result, isJson: boolean): void {
  const { attack, violations, seconds, seed, kept } = result;
  if (isJson) print(JSON.stringify(result));
  const isGood = violations.length === 0;
  if (isGood && process.stderr.isTTY) warn(`${attack}: good, ${seconds.toFixed(1)} s`);
  if (isGood) return;
  warn(`${attack}: BAD\n${violations.map((violation) => `  ${violation}`).join("\n")}`);
  if (kept !== null) warn(whatIsKept(kept));
  warn(`  again: npm run test:faults -- --only ${attack} --seed ${seed}`);
}

function whatIsKept({ directory, history, page }: Kept): string {
  const lines = [`  logs and data: ${directory}`];
  if (page !== null) lines.push(`  what is wrong with the history, drawn: ${page}`);
  if (history !== null) lines.push(`  its verdict again: npm run check-history -- ${history}`);
  return lines.join("\n");
}

/** Starts this command in namespaces; returns its exit code. */
async function outside(): Promise<number> {
  const lacking = missing();
  if (lacking.length > 0) {
    warn(`npm run test:faults cannot run here.\n${lacking.join("\n")}`);
    return 1;
  }
  const directory = mkdtempSync(join(tmpdir(), "kibitz-faults-"));
  const self = [process.execPath, join(import.meta.dirname, "faults.ts"), ...process.argv.slice(2)];
  const child = spawn("unshare", [...namespaces, ...self], {
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...process.env, [insideName]: "1", TMPDIR: directory },
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code) => resolve(code ?? exitInterrupted));
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      child.stdin.end();
      setTimeout(() => child.kill("SIGKILL"), endMsMax).unref();
    });
  }
  const code = await promise;
  if (code !== 1) rmSync(directory, { recursive: true, force: true });
  return code;
}

function list(): number {
  for (const { name, faults, story } of attacks) {
    print(`${name.padEnd(26)} ${faults.join(" ").padEnd(9)} ${story}`);
  }
  return 0;
}

async function main(args: Arguments): Promise<number> {
  if (args.isList) return list();
  return process.env[insideName] === "1" ? await inside(args) : await outside();
}

await runCommand({ usage, parse, run: main });
process.exit();

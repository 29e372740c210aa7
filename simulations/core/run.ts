/**
 * Runs simulations of the core by seed and profile from the command line; of a failing one it
 * prints the end of its trace and the command that repeats it.
 */
import { parseArgs } from "node:util";
import { simulateGraph } from "../partitions/drawn-run.ts";
import { isProfileName, profileNames, type ProfileName } from "./profiles.ts";
import { simulate, type Report } from "./simulation.ts";
import { Violation } from "./violation.ts";

const usage =
  "node simulations/core/run.ts [--seeds COUNT] [--first SEED] [--profile NAME] [--json]\n" +
  "node simulations/core/run.ts --seed SEED --profile NAME [--trace] [--lines COUNT]";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    first: { type: "string", default: "1" },
    seed: { type: "string" },
    profile: { type: "string" },
    trace: { type: "boolean", default: false },
    lines: { type: "string", default: "120" },
    failures: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** The profiles, and elections under lasting cuts. */
type Kind = ProfileName | "graphs";

interface Summary {
  runs: number;
  passed: number;
  steps: number;
  slots: number;
  seconds: number;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosenKinds(): readonly Kind[] {
  const { profile } = values;
  if (profile === undefined) return [...profileNames, "graphs"];
  if (profile === "graphs" || isProfileName(profile)) return [profile];
  throw new RangeError(`profiles are ${profileNames.join(", ")}, graphs`);
}

type Trace = ((line: string) => void) | null;
type Passed = Pick<Report, "steps" | "slots" | "counts">;

function simulateKind(seed: number, kind: Kind, trace: Trace): Passed {
  if (kind === "graphs") return simulateGraph(seed, trace);
  return simulate({ seed, profile: kind, trace });
}

/** Runs once more with a trace; returns whether it passed. */
function retell(seed: number, profile: Kind): boolean {
  const lines: string[] = [];
  const most = Number(values.lines);
  const trace = (line: string): void => {
    if (values.trace) say(line);
    else lines.push(line);
    if (lines.length > 2 * most) lines.splice(0, most);
  };
  try {
    const report = simulateKind(seed, profile, trace);
    say(`seed ${seed} ${profile}: passes; ${JSON.stringify([...report.counts])}`);
    return true;
  } catch (error) {
    for (const line of lines.slice(-most)) say(line);
    say(error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error));
    say(`node simulations/core/run.ts --seed ${seed} --profile ${profile}`);
    return false;
  }
}

/** Runs one seed of one profile; returns whether it passed. */
function runOne(seed: number, profile: Kind, summary: Summary): boolean {
  const started = performance.now();
  summary.runs += 1;
  try {
    const report = simulateKind(seed, profile, null);
    summary.passed += 1;
    summary.steps += report.steps;
    summary.slots += report.slots;
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message.slice(0, 300) : String(error);
    const id = error instanceof Violation ? error.invariant : "harness";
    if (values.json) say(JSON.stringify({ seed, profile, failure: { id, message } }));
    else say(`seed ${seed} ${profile}: ${message}`);
    return false;
  } finally {
    summary.seconds += (performance.now() - started) / 1000;
  }
}

/** Seed by seed, each in all profiles, so that what breaks often is found soon. */
function runAll(): boolean {
  const nothing = { runs: 0, passed: 0, steps: 0, slots: 0, seconds: 0 };
  const summaries = new Map(chosenKinds().map((profile) => [profile, { ...nothing }]));
  let failures = 0;
  const first = Number(values.first);
  for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
    for (const [profile, summary] of summaries) {
      if (runOne(seed, profile, summary)) continue;
      failures += 1;
      if (failures < Number(values.failures)) continue;
      if (!values.json) retell(seed, profile);
      return false;
    }
  }
  if (values.json) say(JSON.stringify({ summary: Object.fromEntries(summaries) }));
  for (const [profile, { passed, steps, slots, seconds }] of values.json ? [] : summaries) {
    say(`${profile}: ${passed} seeds, ${steps} steps, ${slots} slots, ${seconds.toFixed(1)} s`);
  }
  return failures === 0;
}

if (values.help) say(usage);
else if (values.seed === undefined) process.exitCode = runAll() ? 0 : 1;
else {
  const seed = Number(values.seed);
  process.exitCode = chosenKinds().every((profile) => retell(seed, profile)) ? 0 : 1;
}

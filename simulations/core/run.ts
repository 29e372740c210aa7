/**
 * Runs simulations of the core by seed and profile from the command line; of a failing one it
 * prints the end of its trace and the command that repeats it.
 */
import { parseArgs } from "node:util";
import { isProfileName, profileNames, type ProfileName } from "./profiles.ts";
import { simulate } from "./simulation.ts";

const usage =
  "node simulations/core/run.ts [--seeds COUNT] [--first SEED] [--profile NAME]\n" +
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
    help: { type: "boolean", default: false },
  },
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosenProfiles(): readonly ProfileName[] {
  const { profile } = values;
  if (profile === undefined) return profileNames;
  if (!isProfileName(profile)) throw new RangeError(`profiles are ${profileNames.join(", ")}`);
  return [profile];
}

/** Runs once more with a trace; returns whether it passed. */
function retell(seed: number, profile: ProfileName): boolean {
  const lines: string[] = [];
  const most = Number(values.lines);
  const trace = (line: string): void => {
    if (values.trace) say(line);
    else lines.push(line);
    if (lines.length > 2 * most) lines.splice(0, most);
  };
  try {
    const report = simulate({ seed, profile, trace });
    say(`seed ${seed} ${profile}: passes; ${JSON.stringify([...report.counts])}`);
    return true;
  } catch (error) {
    for (const line of lines.slice(-most)) say(line);
    say(error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error));
    say(`node simulations/core/run.ts --seed ${seed} --profile ${profile}`);
    return false;
  }
}

function runAll(): boolean {
  let failures = 0;
  const first = Number(values.first);
  for (const profile of chosenProfiles()) {
    const started = performance.now();
    let [steps, slots, passed] = [0, 0, 0];
    for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
      try {
        const report = simulate({ seed, profile, trace: null });
        steps += report.steps;
        slots += report.slots;
        passed += 1;
      } catch (error) {
        failures += 1;
        const message = error instanceof Error ? error.message.slice(0, 300) : String(error);
        say(`seed ${seed} ${profile}: ${message}`);
        if (failures < Number(values.failures)) continue;
        retell(seed, profile);
        return false;
      }
    }
    const seconds = (performance.now() - started) / 1000;
    say(`${profile}: ${passed} seeds, ${steps} steps, ${slots} slots, ${seconds.toFixed(1)} s`);
  }
  return failures === 0;
}

if (values.help) say(usage);
else if (values.seed === undefined) process.exitCode = runAll() ? 0 : 1;
else {
  const seed = Number(values.seed);
  process.exitCode = chosenProfiles().every((profile) => retell(seed, profile)) ? 0 : 1;
}

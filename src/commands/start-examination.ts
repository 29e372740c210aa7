/**
 * All that can be told of a node's settings without starting it: what `kibitz start` refuses, and
 * what `kibitz config check` tells. Reads files; changes none.
 */
import type { Command } from "commander";
import { configure } from "../configuration.ts";
import type { ConfigFile } from "../settings/config-file.ts";
import { nodeSettings } from "../settings/node-settings.ts";
import { problemText, type Problem } from "../settings/problem.ts";
import { flagOf } from "../settings/setting.ts";
import { nodeWorld } from "../system/node-world.ts";
import { CommandError } from "./command-error.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { completeSettings, originOf, type Completed } from "./setting-options.ts";
import { faultBy, faultsTogether, thrown, type Fault, type Key } from "./start-checks.ts";
import { directoryFaults } from "./start-directory.ts";
import { kibitzerOptions, type StartOptions } from "./start-options.ts";
import { credentialFaults } from "./start-credentials.ts";

/** Every problem that there is, so that one need not be mended to see the next. */
export async function examineStart(
  command: Command,
  environment: NodeJS.ProcessEnv,
): Promise<Completed> {
  const { file, problems } = await completeSettings(command, nodeSettings, environment);
  // Of a file that cannot be read nobody knows what it says.
  if (problems.some(({ cause }) => cause !== undefined)) return { file, problems };
  const unread = new Set(problems.map(({ key }) => key));
  const options = command.opts<StartOptions>();
  const faults = [
    ...faultsTogether(options),
    ...(await credentialFaults(options, environment)),
    ...(await directoryFaults(options)),
  ].filter(({ keys }) => !keys.some((key) => unread.has(key)));
  const all = [...problems];
  for (const fault of faults) all.push(await problemOf(command, file, fault));
  if (all.length > 0) return { file, problems: all };
  // What the library may know beyond that.
  const [rest] = faultBy(
    thrown(() => configure(kibitzerOptions(options.data ?? "data", options), nodeWorld)),
  );
  return { file, problems: rest === undefined ? [] : [await problemOf(command, file, rest)] };
}

/** @throws {CommandError} telling all problems, when there are any. */
export function refuse(problems: readonly Problem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const codes = new Set(problems.map(({ cause }) => exitCodeBy(cause)));
  const [code = exitCodes.usage] = codes;
  const lines = problems.map(problemText);
  const text =
    lines.length === 1
      ? problemText(first)
      : [`${lines.length} settings are wrong:`, ...lines].join("\n  ");
  throw new CommandError(codes.size === 1 ? code : exitCodes.usage, text);
}

function exitCodeBy(cause: unknown): number {
  return cause === undefined ? exitCodes.usage : exitCodeOf(cause);
}

async function problemOf(
  command: Command,
  file: ConfigFile | null,
  { keys, tell, cause }: Fault,
): Promise<Problem> {
  const places = new Map<Key, string>();
  for (const key of keys) {
    const found = await originOf(command, key, { settings: nodeSettings, file });
    const isGiven = found !== null && found.origin !== "default";
    places.set(key, isGiven ? found.place : flagOf(key, nodeSettings[key]));
  }
  const [key = null] = keys;
  const named = (other: Key): string => {
    const place = places.get(other) ?? "";
    return command.getOptionValueSource(other) === "config" ? `"${other}" (${place})` : place;
  };
  const place = key === null ? null : (places.get(key) ?? null);
  const message = typeof tell === "string" ? tell : tell(named);
  return { key, place, message, ...(cause === undefined ? {} : { cause }) };
}

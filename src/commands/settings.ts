/**
 * Where an option's value comes from: flag, else `KIBITZER_*` in the environment, else the
 * configuration file, else the default. Commander does flags, defaults and valued options from the
 * environment; this adds switches and the file.
 */
import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option, type Command } from "commander";
import { CommandError } from "./command-error.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { parseDuration, parseEndpoints, parseSwitch } from "./option-values.ts";

/** An option that may also be set in the environment. */
export function option(flags: string, description: string): Option {
  const created = new Option(flags, description);
  return isSwitch(created) ? created : created.env(environmentName(created));
}

/** The options of every command that talks to a cluster. */
export interface ClusterOptions {
  readonly endpoints: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

export function addClusterOptions(command: Command): Command {
  return command
    .addOption(
      option("--endpoints <urls>", "nodes to talk to, separated by commas; the first that answers")
        .default(["ws://127.0.0.1:7700"], "ws://127.0.0.1:7700")
        .argParser(restarted(parseEndpoints)),
    )
    .addOption(
      option("--timeout <duration>", "how long to wait for an answer")
        .default(30_000, "30s")
        .argParser(parseDuration),
    );
}

/** Ends a wait for an answer at the command's time limit or when it is interrupted. */
export function waitLimit(options: ClusterOptions, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(options.timeout)]);
}

/** Repeating the option adds to what was given, not to the default. */
function restarted(
  parse: (text: string, previous: readonly string[] | undefined) => readonly string[],
): (text: string, previous: readonly string[]) => readonly string[] {
  let given: readonly string[] | undefined;
  return (text) => (given = parse(text, given));
}

/** Sets the switches that the environment names and the command line does not. */
export function applyEnvironment(command: Command, environment: NodeJS.ProcessEnv): void {
  for (const candidate of command.options) {
    if (!isSwitch(candidate)) continue;
    const name = environmentName(candidate);
    const text = environment[name];
    if (text === undefined || !isUnset(command, candidate)) continue;
    const value = parsed(() => parseSwitch(text), name);
    command.setOptionValueWithSource(candidate.attributeName(), value, "env");
  }
}

/**
 * Sets what the JSON file names and neither the command line nor the environment does.
 * @throws {CommandError} naming the key that is unknown or the value that is wrong.
 */
export function applyConfiguration(command: Command, path: string): void {
  for (const [key, value] of Object.entries(readConfiguration(path))) {
    const found = command.options.find(
      (candidate) => candidate.attributeName() === key && !notInFile.has(key),
    );
    if (found === undefined) {
      const known = command.options.map((candidate) => candidate.attributeName());
      throw new CommandError(
        exitCodes.usage,
        `${path}: there is no setting "${key}". ` +
          `Known: ${[...new Set(known)].filter((name) => !notInFile.has(name)).join(", ")}.`,
      );
    }
    if (!isUnset(command, found)) continue;
    const place = `${path}: "${key}"`;
    command.setOptionValueWithSource(
      key,
      parsed(() => valueOf(found, value), place),
      "config",
    );
  }
}

const notInFile: ReadonlySet<string> = new Set(["config", "json", "help", "version"]);

function readConfiguration(path: string): object {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const message = `Cannot read the configuration file ${path}.`;
    throw new CommandError(exitCodeOf(cause), message, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `${path} is not JSON.`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CommandError(exitCodes.usage, `${path}: wanted one JSON object.`);
  }
  return value;
}

/** A value of the file as the option's own parser reads it. */
function valueOf(target: Option, value: unknown): unknown {
  if (isSwitch(target)) {
    if (typeof value === "boolean") return value;
    throw new InvalidArgumentError("Wanted true or false.");
  }
  const texts = textsOf(value);
  if (
    target.argChoices !== undefined &&
    !texts.every((text) => target.argChoices?.includes(text))
  ) {
    throw new InvalidArgumentError(`Wanted one of ${target.argChoices.join(", ")}.`);
  }
  const parse = target.parseArg;
  if (parse === undefined) return texts.join(",");
  let result: unknown;
  for (const text of texts) result = parse(text, result);
  return result;
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  if (Array.isArray(value) && value.length > 0) return value.flatMap(textsOf);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).map(([key, property]) => `${key}=${String(property)}`);
  }
  throw new InvalidArgumentError("Wanted a text, a number or a list of them.");
}

/** `--json`, `--no-record`: what takes no value. */
function isSwitch(candidate: Option): boolean {
  return candidate.isBoolean() || candidate.negate;
}

function isUnset(command: Command, candidate: Option): boolean {
  const source = command.getOptionValueSource(candidate.attributeName());
  return source === undefined || source === "default";
}

function parsed<Value>(parse: () => Value, place: string): Value {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause;
    throw new CommandError(exitCodes.usage, `${place}: ${cause.message}`);
  }
}

/** `--log-level` → `KIBITZER_LOG_LEVEL`; `--no-record` → `KIBITZER_RECORD`. */
function environmentName(named: Option): string {
  const words = named.attributeName().replace(/[A-Z]/g, (letter) => `_${letter}`);
  return `KIBITZER_${words.toUpperCase()}`;
}

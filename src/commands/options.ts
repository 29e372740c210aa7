/**
 * Options that have their value from a flag, else from `KIBITZER_*` in the environment, else their
 * default. Commander does flags, defaults and valued options; this adds switches.
 */
import { InvalidArgumentError, Option, type Command } from "commander";
import { withFound, type Problem } from "../settings/problem.ts";
import { variableOf } from "../settings/setting.ts";
import { parseDuration, parseEndpoints, parseSwitch } from "../settings/written-values.ts";

/** Lets `work` run `command` once its settings are complete. */
export type Runs = (command: Command, work: () => Promise<number>) => void;

/** An option that may also be set in the environment. */
export function option(flags: string, description: string): Option {
  const created = new Option(flags, description);
  const name = environmentName(created);
  if (!isSwitch(created)) return created.env(name);
  // Commander takes any value of a switch's variable for yes, and names it only then.
  created.description = `${description} (env: ${name})`;
  return created;
}

/** What a command shows to whom it calls. */
export interface CredentialFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tokenFile?: string;
}

export function addCredentialOptions(command: Command): Command {
  return command
    .addOption(option("--tls-ca <file>", "whose certificates are believed at wss:// and tls://"))
    .addOption(option("--tls-cert <file>", "the certificate to present there"))
    .addOption(option("--tls-key <file>", "its key"))
    .addOption(option("--token-file <file>", "holds the token to give; else KIBITZER_TOKEN"));
}

/** The options of every command that talks to a cluster. */
export interface ClusterOptions extends CredentialFlags {
  readonly endpoints: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

export function addClusterOptions(command: Command): Command {
  return addCredentialOptions(command)
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

/**
 * Sets the switches that the environment names and the command line does not; returns what is wrong
 * with them.
 */
export function applyEnvironment(
  command: Command,
  environment: NodeJS.ProcessEnv,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const candidate of command.options) {
    if (!isSwitch(candidate) || isDenial(candidate, command)) continue;
    const name = environmentName(candidate);
    const text = environment[name];
    if (text === undefined || !isUnset(command, candidate)) continue;
    const key = candidate.attributeName();
    try {
      command.setOptionValueWithSource(key, parseSwitch(text), "env");
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      problems.push({ key, place: name, message: withFound(error.message, text) });
    }
  }
  return problems;
}

/** `--json`, `--no-record`: what takes no value. */
function isSwitch(candidate: Option): boolean {
  return candidate.isBoolean() || candidate.negate;
}

/** `--no-config` beside `--config <file>`. */
function isDenial(candidate: Option, { options }: Command): boolean {
  const name = candidate.attributeName();
  return candidate.negate && options.some((one) => !one.negate && one.attributeName() === name);
}

function isUnset(command: Command, candidate: Option): boolean {
  const source = command.getOptionValueSource(candidate.attributeName());
  return source === undefined || source === "default";
}

function environmentName(named: Option): string {
  return variableOf(named.attributeName());
}

/**
 * A command whose settings may also stand in a configuration file, below the environment and above
 * the defaults: its options, their values, and where each comes from. What flags and the
 * environment say is read only here, so that all that is wrong with it can be told at once.
 */
import { InvalidArgumentError, Option, type Command } from "commander";
import { ConfigError } from "../settings/config-error.ts";
import type { ConfigFile } from "../settings/config-file.ts";
import { withFound, type Problem } from "../settings/problem.ts";
import { flagOf, variableOf, type Setting, type Settings } from "../settings/setting.ts";
import { textOf } from "../settings/value-types.ts";
import { applyEnvironment, option } from "./options.ts";

/** The settings of a command, as far as they could be read; they are its options then. */
export interface Completed {
  readonly file: ConfigFile | null;
  readonly problems: readonly Problem[];
}

export interface Origin {
  readonly origin: "flag" | "environment" | "file" | "default";
  readonly place: string;
}

/** As it was given, once or again and again. */
class Unread {
  readonly texts: readonly string[];

  constructor(texts: readonly string[]) {
    this.texts = texts;
  }
}

/** Adds an option for each setting, and those that say which configuration file is read. */
export function addSettings(command: Command, settings: Settings): Command {
  for (const [key, setting] of Object.entries(settings)) {
    command.addOption(settingOption(key, setting));
  }
  return command
    .addOption(
      option(
        "--config <file>",
        "settings as YAML or JSON; default kibitzer.config.yaml or .json, here or in the user's " +
          "configuration",
      ),
    )
    .addOption(new Option("--no-config", "read no configuration file"));
}

function settingOption(key: string, setting: Setting<unknown>): Option {
  const { type, about, argument = "value", otherwise } = setting;
  const flag = flagOf(key, setting);
  if (type.shape === "switch") return option(flag, about);
  const told = otherwise === undefined ? about : `${about}; default ${otherwise}`;
  const created = option(`${flag} <${argument}>`, told);
  const isAdding = type.shape === "list" || type.shape === "pairs";
  created.argParser((text, previous) => {
    return new Unread(isAdding && previous instanceof Unread ? [...previous.texts, text] : [text]);
  });
  if (setting.default === undefined) return created;
  return created.default(setting.default, textOf(type.write(setting.default)));
}

/**
 * Reads what the command line, the environment and the configuration file say, in this order of
 * precedence: the file is the one that is named, or that is found where one is looked for.
 */
export async function completeSettings(
  command: Command,
  settings: Settings,
  environment: NodeJS.ProcessEnv,
): Promise<Completed> {
  const given = [...applyEnvironment(command, environment), ...readGiven(command, settings)];
  try {
    const file = await fileOf(command, environment);
    const inFile = file === null ? [] : await applyFile(command, settings, file);
    return { file, problems: [...given, ...inFile] };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const message =
      cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
    return { file: null, problems: [...given, { key: null, place: null, message, cause }] };
  }
}

/** Whether nobody named the file: then it should be said that it was read. */
export function isConfigurationFound(command: Command): boolean {
  return command.getOptionValueSource("config") === undefined;
}

/** Null where nothing says what it is. */
export async function originOf(
  command: Command,
  key: string,
  { settings, file }: { readonly settings: Settings; readonly file: ConfigFile | null },
): Promise<Origin | null> {
  const setting = settings[key];
  const source = command.getOptionValueSource(key);
  if (setting === undefined || source === undefined) return null;
  if (source === "cli") return { origin: "flag", place: flagOf(key, setting) };
  if (source === "env") return { origin: "environment", place: variableOf(key) };
  if (source === "config" && file !== null) return { origin: "file", place: await file.place(key) };
  return { origin: "default", place: "default" };
}

function readGiven(command: Command, settings: Settings): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [key, setting] of Object.entries(settings)) {
    const given: unknown = command.getOptionValue(key);
    if (!(given instanceof Unread)) continue;
    const source = command.getOptionValueSource(key);
    const read = (text: string, before: unknown): unknown => setting.type.parse(text, before);
    try {
      const value = given.texts.reduce<unknown>((before, text) => read(text, before), undefined);
      command.setOptionValueWithSource(key, value, source);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      command.setOptionValueWithSource(key, undefined, source);
      const place = source === "env" ? variableOf(key) : flagOf(key, setting);
      const found = given.texts.length === 1 ? given.texts[0] : given.texts;
      problems.push({ key, place, message: withFound(error.message, found) });
    }
  }
  return problems;
}

async function fileOf(
  command: Command,
  environment: NodeJS.ProcessEnv,
): Promise<ConfigFile | null> {
  const { config } = command.opts<{ readonly config?: string | false }>();
  if (config === false) return null;
  const { findConfigFile, readConfigFile } = await import("../settings/config-file.ts");
  const path = config ?? findConfigFile(environment);
  return path === null ? null : await readConfigFile(path);
}

/** What is wrong in `file` is returned, and everything else set. */
async function applyFile(
  command: Command,
  settings: Settings,
  file: ConfigFile,
): Promise<readonly Problem[]> {
  const { readSettings } = await import("../settings/file-settings.ts");
  const { values, problems } = await readSettings(file, settings);
  for (const [key, value] of values) {
    const source = command.getOptionValueSource(key);
    if (source !== undefined && source !== "default") continue;
    command.setOptionValueWithSource(key, value, "config");
  }
  return problems;
}

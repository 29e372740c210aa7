/**
 * A command whose settings may also stand in a configuration file, below the environment and above
 * the defaults: its options, and what completes them.
 */
import { Option, type Command } from "commander";
import type { ConfigFile } from "../settings/config-file.ts";
import type { Problem } from "../settings/file-settings.ts";
import { flagOf, type Setting, type Settings } from "../settings/setting.ts";
import { textOf } from "../settings/value-types.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { option } from "./options.ts";

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
  created.argParser((text, previous) => type.parse(text, isAdding ? previous : undefined));
  if (setting.default === undefined) return created;
  return created.default(setting.default, textOf(type.write(setting.default)));
}

/**
 * Completes `command` by the configuration file that it names, or that is found where one is looked
 * for: sets what neither the command line nor the environment does. Returns the file, or null.
 * @throws {CommandError} with all that is wrong in it, a line each.
 */
export async function applyConfiguration(
  command: Command,
  settings: Settings,
  environment: NodeJS.ProcessEnv,
): Promise<ConfigFile | null> {
  const file = await configurationOf(command, environment);
  const problems = file === null ? [] : await applyFile(command, settings, file);
  if (problems.length === 0) return file;
  const lines = problems.map(({ message }) => message);
  throw new CommandError(exitCodes.usage, lines.join("\n"));
}

/** The file that `command` is completed by, read; null when there is none. */
export async function configurationOf(
  command: Command,
  environment: NodeJS.ProcessEnv,
): Promise<ConfigFile | null> {
  const { config } = command.opts<{ readonly config?: string | false }>();
  if (config === false) return null;
  const { findConfigFile, readConfigFile } = await import("../settings/config-file.ts");
  const path = config ?? findConfigFile(environment);
  return path === null ? null : await readConfigFile(path);
}

/** Whether nobody named the file: then it should be said that it was read. */
export function isConfigurationFound(command: Command): boolean {
  return command.getOptionValueSource("config") === undefined;
}

/** What is wrong in `file` is returned, and everything else set. */
export async function applyFile(
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

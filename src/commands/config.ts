/**
 * `kibitz config`: the settings that a node would be started with, looked at without a node. Opens
 * nothing but the configuration file.
 */
import type { Command } from "commander";
import { configure } from "../configuration.ts";
import type { ConfigFile } from "../settings/config-file.ts";
import type { Problem } from "../settings/file-settings.ts";
import { jsonSchemaOf } from "../settings/json-schema.ts";
import { nearest } from "../nearest.ts";
import { nodeSettings } from "../settings/node-settings.ts";
import { flagOf, variableOf, type Settings } from "../settings/setting.ts";
import { nodeWorld } from "../system/node-world.ts";
import { applyConfiguration, applyFile, configurationOf } from "./setting-options.ts";
import { describeProblem } from "./describe-error.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { checkTogether, kibitzerOptions, type StartOptions } from "./start-options.ts";

export interface ConfigOptions {
  readonly json?: boolean;
  readonly origin?: boolean;
}

/** Prints every problem that can be told without a node; returns 2 when there is one. */
export async function checkConfig(
  command: Command,
  options: ConfigOptions,
  output: Output,
): Promise<number> {
  const file = await configurationOf(command, process.env);
  const problems = file === null ? [] : [...(await applyFile(command, nodeSettings, file))];
  if (problems.length === 0) problems.push(...problemsTogether(command));
  const strangers = strangersIn(process.env);
  if (options.json === true) {
    output.json({ ok: problems.length === 0, file: file?.path ?? null, problems, strangers });
  } else {
    for (const { message } of problems) output.note(message);
    for (const { message } of strangers) output.note(message);
    if (problems.length === 0) output.line(`ok  ${file?.path ?? "no configuration file"}`);
  }
  return problems.length === 0 ? exitCodes.ok : exitCodes.usage;
}

function problemsTogether(command: Command): readonly Problem[] {
  try {
    const options = command.opts<StartOptions>();
    checkTogether(options);
    configure(kibitzerOptions(options.data ?? "data", options), nodeWorld);
    return [];
  } catch (error) {
    return [{ key: null, message: describeProblem(error) }];
  }
}

/**
 * Variables that look like misspelt settings. Not an error: a system that runs containers may set
 * `KIBITZER_PORT` and the like by itself, for a service of that name.
 */
export function strangersIn(environment: NodeJS.ProcessEnv): readonly Problem[] {
  const others = ["config", "endpoints", "json", "token"];
  const known = new Set([...Object.keys(nodeSettings), ...others].map(variableOf));
  const prefix = variableOf("").length;
  return Object.keys(environment)
    .filter((name) => name.startsWith(variableOf("")) && !known.has(name))
    .flatMap((name) => {
      const suffixes = [...known].map((one) => one.slice(prefix));
      const near = nearest(name.slice(prefix), suffixes);
      if (near === null) return [];
      const message = `${name} is no setting of a node. Did you mean ${variableOf("")}${near}?`;
      return [{ key: name, message }];
    });
}

interface Shown {
  readonly value: unknown;
  readonly origin: "flag" | "environment" | "file" | "default";
  readonly place: string;
}

export async function showConfig(
  command: Command,
  options: ConfigOptions,
  output: Output,
): Promise<number> {
  const file = await applyConfiguration(command, nodeSettings, process.env);
  const all = new Map<string, Shown>();
  for (const [key, setting] of Object.entries<Settings[string]>(nodeSettings)) {
    const shown = await shownOf(command, { key, setting }, file);
    if (shown !== null) all.set(key, shown);
  }
  if (options.json === true) {
    const rows = [...all].map(([key, shown]) => [
      key,
      options.origin === true ? shown : shown.value,
    ]);
    output.json(Object.fromEntries(rows));
    return exitCodes.ok;
  }
  for (const [key, { value, place }] of all) {
    const line = `${key}: ${JSON.stringify(value)}`;
    output.line(options.origin === true ? `${line}  # ${place}` : line);
  }
  return exitCodes.ok;
}

/** Null where nothing says what it is. */
async function shownOf(
  command: Command,
  { key, setting }: { readonly key: string; readonly setting: Settings[string] },
  file: ConfigFile | null,
): Promise<Shown | null> {
  const value: unknown = command.getOptionValue(key);
  if (value === undefined) return null;
  const written = setting.type.write(value);
  const source = command.getOptionValueSource(key);
  if (source === "cli") return { value: written, origin: "flag", place: flagOf(key, setting) };
  if (source === "env") return { value: written, origin: "environment", place: variableOf(key) };
  if (source === "config" && file !== null) {
    return { value: written, origin: "file", place: await file.place(key) };
  }
  return { value: written, origin: "default", place: "default" };
}

export function printSchema(output: Output): number {
  output.line(JSON.stringify(jsonSchemaOf(nodeSettings), null, 2));
  return exitCodes.ok;
}

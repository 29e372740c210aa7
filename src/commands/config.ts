/** `kibitz config`: the settings that a node would be started with, looked at without a node. */
import type { Command } from "commander";
import { jsonSchemaOf } from "../settings/json-schema.ts";
import { nodeSettings } from "../settings/node-settings.ts";
import { problemText } from "../settings/problem.ts";
import type { Settings } from "../settings/setting.ts";
import { strangersIn } from "../settings/strange-variables.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { completeSettings, originOf, type Origin } from "./setting-options.ts";
import { examineStart, refuse } from "./start-examination.ts";

export interface ConfigOptions {
  readonly json?: boolean;
  readonly origin?: boolean;
}

/**
 * Prints every problem that `kibitz start` would end by, and what looks like a misspelt variable;
 * returns 2 when there is a problem.
 */
export async function checkConfig(
  command: Command,
  options: ConfigOptions,
  output: Output,
): Promise<number> {
  const { file, problems } = await examineStart(command, process.env);
  const strangers = strangersIn(process.env);
  if (options.json === true) {
    const told = problems.map(({ key, place, message }) => ({ key, place, message }));
    const path = file?.path ?? null;
    output.json({ ok: problems.length === 0, file: path, problems: told, strangers });
  } else {
    for (const problem of problems) output.note(problemText(problem));
    for (const stranger of strangers) output.note(problemText(stranger));
    if (problems.length === 0) output.line(`ok  ${file?.path ?? "no configuration file"}`);
  }
  return problems.length === 0 ? exitCodes.ok : exitCodes.usage;
}

interface Shown extends Origin {
  readonly value: unknown;
}

export async function showConfig(
  command: Command,
  options: ConfigOptions,
  output: Output,
): Promise<number> {
  const { file, problems } = await completeSettings(command, nodeSettings, process.env);
  refuse(problems);
  const all = new Map<string, Shown>();
  for (const [key, { type }] of Object.entries<Settings[string]>(nodeSettings)) {
    const value: unknown = command.getOptionValue(key);
    const origin = await originOf(command, key, { settings: nodeSettings, file });
    if (value === undefined || origin === null) continue;
    all.set(key, { value: type.write(value), ...origin });
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

export function printSchema(output: Output): number {
  output.line(JSON.stringify(jsonSchemaOf(nodeSettings), null, 2));
  return exitCodes.ok;
}

/**
 * What is known of a setting before it has a value: its kind, its default, and under which names
 * the command line, the environment and a file have it. Reads none of them.
 */
import type { ValueType } from "./value-types.ts";

export interface Setting<Value> {
  readonly type: ValueType<Value>;
  /** For help and documentation; of a switch that is on by default, what turning it off does. */
  readonly about: string;
  /** What stands for its value in help: `dir` in `--data <dir>`. */
  readonly argument?: string;
  readonly default?: Value;
  /** What it is without a value, where no value says that. */
  readonly otherwise?: string;
}

/** By their keys in a file. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** One for each option. */
export type SettingsFor<Options> = {
  readonly [Key in keyof Options]-?: Setting<Exclude<Options[Key], undefined>>;
};

/** `retainBytes` → `retain-bytes`. */
function hyphened(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `retainBytes` → `--retain-bytes`; `record`, on by default → `--no-record`. */
export function flagOf(key: string, setting: Setting<unknown>): string {
  return `--${setting.default === true ? "no-" : ""}${hyphened(key)}`;
}

/** `retainBytes` → `KIBITZER_RETAIN_BYTES`. */
export function variableOf(key: string): string {
  return `KIBITZER_${hyphened(key).replaceAll("-", "_").toUpperCase()}`;
}

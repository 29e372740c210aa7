/** Settings as a configuration file has them: each read as its kind says, or told as a problem. */
import { InvalidArgumentError } from "commander";
import type { ConfigFile } from "./config-file.ts";
import { nearest } from "../nearest.ts";
import { withFound, type Problem } from "./problem.ts";
import type { Setting, Settings } from "./setting.ts";
import type { ValueType } from "./value-types.ts";
import { refused } from "./written-values.ts";

export interface FileSettings {
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly Problem[];
}

/** For editors, which find the schema by it. */
const schemaKey = "$schema";

/** Every problem that there is, so that one need not be mended to see the next. */
export async function readSettings(file: ConfigFile, settings: Settings): Promise<FileSettings> {
  const known = new Map<string, Setting<unknown>>(Object.entries(settings));
  const values = new Map<string, unknown>();
  const problems: Problem[] = [];
  for (const [key, written] of file.values) {
    if (key === schemaKey) continue;
    const setting = known.get(key);
    try {
      if (setting === undefined) throw refused(unknownKey(key, known));
      values.set(key, valueOf(setting.type, written));
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      const message = setting === undefined ? error.message : withFound(error.message, written);
      problems.push({ key, place: await file.place(key), message });
    }
  }
  return { values, problems };
}

function unknownKey(key: string, known: ReadonlyMap<string, unknown>): string {
  const near = nearest(key, known.keys());
  const hint = near === null ? `Known: ${[...known.keys()].join(", ")}` : `Did you mean "${near}"`;
  return `There is no such setting. ${hint}${near === null ? "." : "?"}`;
}

/** A value of a file as the text of the same value is read. */
function valueOf(type: ValueType<unknown>, written: unknown): unknown {
  switch (type.shape) {
    case "switch":
      if (typeof written === "boolean") return written;
      throw refused("Wanted true or false.");
    case "pairs":
      return pairsOf(type, written);
    case "list":
      return parsedAll(type, Array.isArray(written) ? written : [written]);
    case "one":
      return type.parse(textOf(written));
  }
}

function pairsOf(type: ValueType<unknown>, written: unknown): unknown {
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    return parsedAll(type, Array.isArray(written) ? written : [written]);
  }
  const texts = Object.entries(written).map(([key, value]) => {
    return [key, typeof value === "boolean" ? String(value) : textOf(value)] as const;
  });
  return Object.fromEntries(texts);
}

function parsedAll(type: ValueType<unknown>, all: readonly unknown[]): unknown {
  if (all.length === 0) throw refused("Wanted one at least.");
  return all.reduce<unknown>((before, each) => type.parse(textOf(each), before), undefined);
}

function textOf(written: unknown): string {
  if (typeof written === "string") return written;
  if (typeof written === "number") return String(written);
  throw refused("Wanted a text or a number.");
}

/**
 * A configuration file: where it is looked for, and what stands in it under which line. Knows
 * nothing of settings. The reader of YAML, which takes longer to load than all of this, comes only
 * with a YAML file, or where a line number is asked for.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./config-error.ts";
import { shown } from "./problem.ts";

export interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<string, unknown>;
  /** `PATH:LINE` of a key. */
  place(key: string): Promise<string>;
}

/** Far more than all settings take; whoever names a device or a log by mistake is told so. */
const fileBytesMax = 65_536;

const names = ["kibitzer.config.yaml", "kibitzer.config.yml", "kibitzer.config.json"];

/**
 * In the working directory, else where the XDG Base Directory Specification has a user's
 * configuration; null when there is none.
 * @throws {ConfigError} when there are two in one place.
 */
export function findConfigFile(environment: NodeJS.ProcessEnv, directory = ""): string | null {
  const { XDG_CONFIG_HOME: xdg = "", HOME: home = "" } = environment;
  const user = xdg !== "" ? xdg : home === "" ? null : join(home, ".config");
  const places = [directory, ...(user === null ? [] : [join(user, "kibitzer")])];
  for (const place of places) {
    const found = names.map((name) => join(place, name)).filter((path) => existsSync(path));
    if (found.length > 1) {
      throw wrong(`Found ${found.join(" and ")}: keep one of them, or name it with --config.`);
    }
    if (found[0] !== undefined) return found[0];
  }
  return null;
}

/** @throws {ConfigError} naming the line where it is not what its name says, JSON or YAML. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = readText(path);
  const isYaml = /\.ya?ml$/i.test(path);
  const value = isYaml ? await readYaml(path, text) : readJson(path, text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const wanted = isYaml ? '"key: value" lines' : "one JSON object";
    throw wrong(`${path}: wanted ${wanted}, found ${shown(value)}.`);
  }
  return {
    path,
    values: new Map(Object.entries(value)),
    place: async (key) => {
      const line = await lineOf(text, key);
      return line === null ? path : `${path}:${line}`;
    },
  };
}

function readText(path: string): string {
  let bytes: Uint8Array | null;
  try {
    // The opening of a pipe would wait for whoever writes to it, for ever perhaps.
    bytes = statSync(path).isFIFO() ? null : readBounded(path);
  } catch (cause) {
    const message = `Cannot read the configuration file ${path}.`;
    throw wrong(message, cause);
  }
  if (bytes === null) throw wrong(`${path}: wanted a file, found a pipe. Write it into a file.`);
  if (bytes.length > fileBytesMax) {
    throw wrong(`${path}: a configuration file has at most ${fileBytesMax} bytes.`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw wrong(`${path}: wanted text in UTF-8, found other bytes.`, cause);
  }
}

/** No more than tells that it is too long, since a device has no end. */
function readBounded(path: string): Uint8Array {
  const bytes = new Uint8Array(fileBytesMax + 1);
  const file = openSync(path, "r");
  try {
    for (let length = 0; ;) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      length += count;
      if (count === 0 || length === bytes.length) return bytes.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

function readJson(path: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(`${path} is not JSON.`, cause);
  }
  const at = secondOf(text);
  if (at === null) return value;
  const line = text.slice(0, at).split("\n").length;
  throw wrong(`${path}:${line}: wanted each key once, found one a second time. Keep one of them.`);
}

/** Where a key of an object of JSON stands again, which JSON takes silently; null for nowhere. */
function secondOf(json: string): number | null {
  const objects: Set<unknown>[] = [];
  for (const { 0: token, 1: colon, index } of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    else if (colon !== undefined) {
      const name: unknown = JSON.parse(token.slice(0, -colon.length));
      if (objects.at(-1)?.has(name) === true) return index;
      objects.at(-1)?.add(name);
    }
  }
  return null;
}

async function readYaml(path: string, text: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  try {
    const document = parseDocument(text, { prettyErrors: true });
    const [first] = [...document.errors, ...document.warnings];
    // What holds nothing but comments says nothing.
    if (first === undefined) return document.contents === null ? {} : document.toJS();
    const line = first.linePos?.[0].line;
    const place = line === undefined ? path : `${path}:${line}`;
    if (first.code === "MULTIPLE_DOCS") {
      throw wrong(`${place}: wanted one document, found a second one. Keep one of them.`);
    }
    if (first.code === "RESOURCE_EXHAUSTION") throw tooDeep(path);
    throw wrong(`${place} is not YAML: ${withoutPlace(first.message)}.`);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    if (cause instanceof RangeError) throw tooDeep(path);
    // Aliases of aliases.
    throw wrong(`${path} cannot be read as YAML.`, cause);
  }
}

function tooDeep(path: string): ConfigError {
  return wrong(`${path} cannot be read: it is nested too deeply.`);
}

/** Of a message with its place and an excerpt behind, only what is wrong. */
function withoutPlace(message: string): string {
  const [first = ""] = message.split("\n");
  return first.replace(/ at line \d+, column \d+:?$/, "").replace(/\.$/, "");
}

/** JSON is YAML, too. */
async function lineOf(text: string, key: string): Promise<number | null> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lineCounter = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter, uniqueKeys: false });
  if (!isMap(contents)) return null;
  for (const { key: found } of contents.items.toReversed()) {
    if (!isScalar(found) || String(found.value) !== key || !found.range) continue;
    return lineCounter.linePos(found.range[0]).line;
  }
  return null;
}

function wrong(message: string, cause?: unknown): ConfigError {
  return new ConfigError(message, cause === undefined ? {} : { cause });
}

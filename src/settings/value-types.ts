/**
 * Kinds of values that a setting may have: how each is written on the command line, in the
 * environment and in a file, and what it is in the program. Pure.
 */
import {
  parseAge,
  parseBytesFrom,
  parseCallable,
  parseDuration,
  parseDurationOrNever,
  parseEndpoints,
  parseId,
  parseIds,
  parsePeers,
  parseHosts,
  parseProperty,
  parseRepublicName,
  parseSeats,
  parseSwitch,
  parseWhole,
  refused,
  writeAge,
  writeBytes,
  writeDuration,
} from "./written-values.ts";

/** A value as it stands in a JSON file. */
export type Written =
  string | number | boolean | readonly string[] | Readonly<Record<string, string>>;

/** For people, and for what takes text. */
export function textOf(written: Written): string {
  return typeof written === "object" ? JSON.stringify(written) : String(written);
}

export interface ValueType<Value> {
  /** What the documentation calls it. */
  readonly name: string;
  /** Whether it takes a value, and how more than one is written in a file. */
  readonly shape: "switch" | "one" | "list" | "pairs";
  /** What a file may say, as JSON Schema. */
  readonly schema: object;
  /**
   * @param previous What was said before, where saying it again adds to it.
   * @throws {InvalidArgumentError} saying what is wanted.
   */
  parse(text: string, previous?: Value): Value;
  /** The inverse, as a file has it. */
  write(value: Value): Written;
}

export const onOff: ValueType<boolean> = {
  name: "true or false",
  shape: "switch",
  schema: { type: "boolean" },
  parse: parseSwitch,
  write: (value) => value,
};

const text: ValueType<string> = {
  name: "text",
  shape: "one",
  schema: { type: "string", minLength: 1 },
  parse: someText,
  write: (value) => value,
};

export const id: ValueType<string> = { ...text, name: "id", parse: parseId };

export const republicName: ValueType<string> = {
  ...text,
  schema: { type: "string", minLength: 1, maxLength: 64 },
  parse: parseRepublicName,
};

/** That others can call. */
export const endpoint: ValueType<string> = { ...text, name: "endpoint", parse: parseCallable };

export const path: ValueType<string> = { ...text, name: "path" };

export const duration: ValueType<number> = {
  name: "duration",
  shape: "one",
  schema: { type: "string", pattern: String.raw`^\d+(\.\d+)?(ms|s|m|h)$` },
  parse: parseDuration,
  write: writeDuration,
};

export const durationOrNever: ValueType<number | null> = {
  name: "duration or never",
  shape: "one",
  schema: { type: "string", pattern: String.raw`^(never|\d+(\.\d+)?(ms|s|m|h))$` },
  parse: parseDurationOrNever,
  write: (value) => (value === null ? "never" : writeDuration(value)),
};

export const age: ValueType<number> = {
  name: "age",
  shape: "one",
  schema: { type: "string", pattern: String.raw`^\d+(\.\d+)?(ms|s|m|h|d)$` },
  parse: parseAge,
  write: writeAge,
};

/** A size from `bytesMin` on. */
export function size(bytesMin: number): ValueType<number> {
  return {
    name: "size",
    shape: "one",
    schema: {
      anyOf: [
        { type: "integer", minimum: bytesMin },
        { type: "string", pattern: String.raw`^\d+(\.\d+)?(KiB|MiB|GiB|TiB)?$` },
      ],
    },
    parse: parseBytesFrom(bytesMin),
    write: writeBytes,
  };
}

/** A whole number from `min` on. */
export function whole(min: number): ValueType<number> {
  return {
    name: "whole number",
    shape: "one",
    schema: { type: "integer", minimum: min },
    parse: parseWhole(min, Number.MAX_SAFE_INTEGER),
    write: (value) => value,
  };
}

export const seats: ValueType<number> = {
  name: "odd number",
  shape: "one",
  schema: { type: "integer", minimum: 1, not: { multipleOf: 2 } },
  parse: parseSeats,
  write: (value) => value,
};

export const endpoints: ValueType<readonly string[]> = {
  name: "endpoints",
  shape: "list",
  schema: {
    anyOf: [
      { type: "string", minLength: 1 },
      { type: "array", minItems: 1, items: { type: "string", minLength: 1 } },
    ],
  },
  parse: parseEndpoints,
  write: (value) => value,
};

/** Endpoints, and what they can be looked up by. */
export const peers: ValueType<readonly string[]> = {
  ...endpoints,
  name: "peers",
  parse: parsePeers,
};

export const ids: ValueType<readonly string[]> = { ...endpoints, name: "ids", parse: parseIds };

export const hosts: ValueType<readonly string[]> = {
  ...endpoints,
  name: "hosts",
  parse: parseHosts,
};

export const pairs: ValueType<Readonly<Record<string, string>>> = {
  name: "KEY=VALUE",
  shape: "pairs",
  schema: { type: "object", additionalProperties: { type: ["string", "number", "boolean"] } },
  parse: parseProperty,
  write: (value) => value,
};

export function oneOf(...choices: readonly string[]): ValueType<string> {
  return {
    name: choices.join(", "),
    shape: "one",
    schema: { enum: choices },
    parse: (given) => {
      if (choices.includes(given)) return given;
      throw refused(`Wanted one of ${choices.join(", ")}.`);
    },
    write: (value) => value,
  };
}

function someText(given: string): string {
  if (given !== "") return given;
  throw refused("Wanted a text, found none.");
}

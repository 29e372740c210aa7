/** Looking into checkpoints, which are plain JSON data: a shape that is not as expected throws. */
import type { Plain } from "../../../consensus/index.ts";

export type Fields = Readonly<Record<string, Plain>>;

export function fields(plain: Plain | undefined): Fields {
  if (plain === undefined || plain === null || typeof plain !== "object" || isList(plain)) {
    throw new TypeError(`wanted an object, got ${JSON.stringify(plain)}`);
  }
  return plain;
}

export function list(plain: Plain | undefined): readonly Plain[] {
  if (plain === undefined || plain === null || typeof plain !== "object" || !isList(plain)) {
    throw new TypeError(`wanted a list, got ${JSON.stringify(plain)}`);
  }
  return plain;
}

export function whole(plain: Plain | undefined): number {
  if (typeof plain !== "number")
    throw new TypeError(`wanted a number, got ${JSON.stringify(plain)}`);
  return plain;
}

/** A map with its keys as they are, in the order that it has. */
export function pairs(plain: Plain | undefined): readonly (readonly [Plain, Plain])[] {
  return list(fields(plain)["$map"]).map((pair) => {
    const [key = null, value = null] = list(pair);
    return [key, value];
  });
}

export function fromPairs(entries: readonly (readonly [Plain, Plain])[]): Plain {
  return { $map: entries };
}

function isList(plain: readonly Plain[] | Fields): plain is readonly Plain[] {
  return Array.isArray(plain);
}

/**
 * Plain JSON data out of plain data and maps, and back, so that a checkpoint is complete and exact.
 */

export type Plain =
  null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** Maps become `{ $map: [[key, value], …] }` in their order; everything else is copied. */
export function toPlain(value: unknown): Plain {
  if (value instanceof Map) return { $map: [...value].map((pair) => toPlain(pair)) };
  if (Array.isArray(value)) return value.map((item) => toPlain(item));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
  }
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") {
    return value;
  }
  return null;
}

/** The inverse of {@link toPlain}. */
export function fromPlain(plain: Plain): unknown {
  if (plain === null || typeof plain !== "object") return plain;
  if (isList(plain)) return plain.map((item) => fromPlain(item));
  const pairs = plain["$map"];
  if (pairs !== undefined && pairs !== null && typeof pairs === "object" && isList(pairs)) {
    return new Map(pairs.map((pair) => asPair(fromPlain(pair))));
  }
  return Object.fromEntries(Object.entries(plain).map(([key, item]) => [key, fromPlain(item)]));
}

function isList(plain: Plain): plain is readonly Plain[] {
  return Array.isArray(plain);
}

function asPair(pair: unknown): [unknown, unknown] {
  return Array.isArray(pair) ? [pair[0], pair[1]] : [pair, null];
}

/** Checks of documents read from files, field by field; for type guards. Never throws. */
import { isNodeId, type Ballot } from "../../consensus/index.ts";
import { isHex16 } from "./bytes.ts";

export type Fields = Readonly<Record<string, unknown>>;
export type Check = (value: unknown) => boolean;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `value` has all fields of `shape`, each passing its check. */
export function matches(value: unknown, shape: Readonly<Record<string, Check>>): boolean {
  return (
    isFields(value) &&
    Object.entries(shape).every(([key, check]) => Object.hasOwn(value, key) && check(value[key]))
  );
}

export function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

export function isIdText(value: unknown): value is string {
  return typeof value === "string" && isNodeId(value);
}

export function isHexText(value: unknown): value is string {
  return typeof value === "string" && isHex16(value);
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

export function nullOr(check: Check): Check {
  return (value) => value === null || check(value);
}

const ballotShape: Readonly<Record<string, Check>> = {
  government: isWhole,
  round: isWhole,
  id: (id) => id === "" || isIdText(id),
};

export function isBallot(value: unknown): value is Ballot {
  return matches(value, ballotShape);
}

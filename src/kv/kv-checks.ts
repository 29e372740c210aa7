/** What users hand to the map, checked before anything of it is published or asked. */
import { entryBytes } from "../codec/batch.ts";
import { wholeMax } from "../codec/byte-reader.ts";
import type { Condition } from "./kv-command.ts";
import { tooLarge, wrongArgument } from "./kv-errors.ts";
import { kvLimits } from "./kv-limits.ts";

const encoder = new TextEncoder();

/** A whole number that users hand over: what it is called, its least, and where it comes from. */
interface Whole {
  readonly name: string;
  readonly least: number;
  readonly most?: number;
  readonly todo: string;
}

/** @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_TOO_LARGE`. */
export function checkedKey(key: string, name = "key"): string {
  if (key === "") throw wrongArgument(`${name}: at least a byte`, "none", "Name one.");
  return checkedPrefix(key, name);
}

export function checkedPrefix(prefix: string, name = "prefix"): string {
  const bytes = entryBytes(checkedText(prefix, name));
  const { keyBytesMax } = kvLimits;
  if (bytes > keyBytesMax) throw tooLarge({ name, bytes, most: keyBytesMax }, "Shorten it.");
  return prefix;
}

export function checkedValue(value: string | Uint8Array, name = "value"): Uint8Array {
  const isBytes = value instanceof Uint8Array;
  const bytes = isBytes ? value : encoder.encode(checkedText(value, name, "text or bytes"));
  const { valueBytesMax: most } = kvLimits;
  if (bytes.length <= most) return bytes;
  throw tooLarge({ name, bytes: bytes.length, most }, "Split it, or keep it elsewhere.");
}

/** Without lone surrogates: as UTF-8 all of them are one character, and many keys one key. */
function checkedText(text: unknown, name: string, wanted = "text"): string {
  if (typeof text !== "string") {
    throw wrongArgument(`${name}: ${wanted}`, typeof text, "Convert it.");
  }
  if (text.isWellFormed()) return text;
  const todo = "Write what is no text as hex or base64.";
  throw wrongArgument(`${name}: Unicode text`, "a lone surrogate in it", todo);
}

export function checkedExpected(expected: number): number {
  const todo = "Take the revision of a record; 0 is for a key that is not there.";
  return checkedWhole(expected, { name: "expected", least: 0, todo });
}

export function checkedFence(fence: Condition["fence"] | undefined): Condition["fence"] {
  if (fence === undefined || fence === null) return null;
  const { key, token } = fence;
  const todo = "Take the fence of a lock as it is.";
  return {
    key: checkedKey(key, "fence.key"),
    token: checkedWhole(token, { name: "fence.token", least: 1, todo }),
  };
}

/** A lease that there may be; 0 where none is meant. */
export function checkedLease(lease: number, least: 0 | 1): number {
  return checkedWhole(lease, { name: "lease", least, todo: "Take what grant tells." });
}

export function checkedFrom(from: number): number {
  const todo = "Take the revision of a record or an event; 0 is for all that is kept.";
  return checkedWhole(from, { name: "from", least: 0, todo });
}

export function checkedAfter(after: number): number {
  return checkedWhole(after, { name: "after", least: 0, todo: "Take the number of an event." });
}

export function checkedLimit(limit: number): number {
  const todo = "Ask for more pages, each after the last key of the one before.";
  return checkedWhole(limit, { name: "limit", least: 1, most: kvLimits.pageMax, todo });
}

export function checkedTtl(ttlMs: number): number {
  const { ttlMsMin, ttlMsMax } = kvLimits;
  const todo = "They are milliseconds, up to 30 days.";
  return checkedWhole(ttlMs, { name: "ttlMs", least: ttlMsMin, most: ttlMsMax, todo });
}

/** Up to what a codec takes: what is more would be written, and read by nobody. */
function checkedWhole(value: number, { name, least, most = wholeMax, todo }: Whole): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrongArgument(`${name}: a whole number from ${least} to ${most}`, shown(value), todo);
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : typeof value;
}

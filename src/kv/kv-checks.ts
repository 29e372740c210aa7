/** What users hand to the map, checked before anything of it is published. */
import { entryBytes } from "../codec/batch.ts";
import { tooLarge, wrongArgument } from "./kv-errors.ts";
import { kvLimits } from "./kv-limits.ts";

const encoder = new TextEncoder();

/** @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_TOO_LARGE`. */
export function checkedKey(key: string): string {
  if (typeof key !== "string" || key === "") throw wrongArgument("a key", JSON.stringify(key));
  return checkedPrefix(key);
}

export function checkedPrefix(prefix: string): string {
  if (typeof prefix !== "string") throw wrongArgument("a text", typeof prefix);
  const bytes = entryBytes(prefix);
  if (bytes > kvLimits.keyBytesMax) throw tooLarge("key", bytes, kvLimits.keyBytesMax);
  return prefix;
}

export function checkedValue(value: string | Uint8Array): Uint8Array {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw wrongArgument("a value of text or bytes", typeof value);
  }
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  const { valueBytesMax } = kvLimits;
  if (bytes.length > valueBytesMax) throw tooLarge("value", bytes.length, valueBytesMax);
  return bytes;
}

export function checkedWhole(
  name: string,
  value: number,
  { least, most = Number.MAX_SAFE_INTEGER }: { readonly least: number; readonly most?: number },
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrongArgument(`${name}: a whole number from ${least} to ${most}`, String(value));
}

export function checkedTtl(ttlMs: number): number {
  const { ttlMsMin, ttlMsMax } = kvLimits;
  return checkedWhole("ttlMs", ttlMs, { least: ttlMsMin, most: ttlMsMax });
}

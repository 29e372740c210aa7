/** Checks of what users pass to calls. Each throws before anything is done. */
import type { EntriesOptions } from "./api.ts";
import { KibitzerError } from "./kibitzer-error.ts";

function argumentError(name: string, wanted: string, found: unknown): KibitzerError {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  return new KibitzerError("KBZ_ARGUMENT", `${name}: wanted ${wanted}, found ${shown}.`, {
    retryable: false,
    outcome: "none",
  });
}

export interface ReadingRange {
  readonly from: number;
  readonly to: number;
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What is to be read, with every default written out. @throws {KibitzerError} `KBZ_ARGUMENT`. */
export function checkedReading(options: EntriesOptions): ReadingRange {
  const { from = 1, to = Infinity, follow = true, signal } = options;
  checkRange(from, to);
  const fault = signalFault(signal);
  if (fault !== null) throw fault;
  return { from, to, follow, signal };
}

function checkRange(from: number, to: number): void {
  const wanted = "the index of an entry, a whole number from 1";
  if (!Number.isSafeInteger(from) || from < 1) throw argumentError("from", wanted, from);
  if (to !== Infinity && !Number.isSafeInteger(to)) throw argumentError("to", wanted, to);
}

/** @throws {KibitzerError} `KBZ_ARGUMENT` when a time limit is none. */
export function checkedTimeout(timeoutMs: number): number {
  if (Number.isFinite(timeoutMs) && timeoutMs > 0) return timeoutMs;
  throw argumentError("timeoutMs", "a number of milliseconds above 0", timeoutMs);
}

/** @throws {KibitzerError} `KBZ_ARGUMENT` when it is not from `least` to `most`. */
export function checkedHeartbeat(ms: number, least: number, most: number): number {
  if (Number.isFinite(ms) && ms >= least && ms <= most) return Math.ceil(ms);
  throw argumentError("heartbeatMs", `milliseconds from ${least} to ${most}`, ms);
}

/** Null unless `signal` is something else than an AbortSignal. */
export function signalFault(signal: unknown): KibitzerError | null {
  if (signal === undefined || signal instanceof AbortSignal) return null;
  return argumentError("signal", "an AbortSignal", signal);
}

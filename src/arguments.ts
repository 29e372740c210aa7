/** Checks of what users pass to calls. Each throws before anything is done. */
import type {
  EntriesOptions,
  PromoteOptions,
  PublishOptions,
  QueryOptions,
  WaitOptions,
} from "./api.ts";
import type { BackupOptions } from "./backup/backup-writing.ts";
import { KibitzerError } from "./kibitzer-error.ts";
import { nearest } from "./nearest.ts";

/**
 * The names of all options of a call, and which of them say yes or no; the compiler sees that none
 * is missing.
 */
export type OptionNames<Options> = {
  readonly [Name in keyof NonNullable<Options>]-?: [
    NonNullable<NonNullable<Options>[Name]>,
  ] extends [boolean]
    ? "flag"
    : true;
};

type KnownOptions = Readonly<Record<string, true | "flag">>;

/** Of the calls that node and client have in common. */
export const optionNames: {
  readonly wait: OptionNames<WaitOptions>;
  readonly publish: OptionNames<PublishOptions>;
  readonly entries: OptionNames<EntriesOptions>;
  readonly query: OptionNames<QueryOptions>;
  readonly promote: OptionNames<PromoteOptions>;
  readonly backup: OptionNames<BackupOptions>;
} = {
  wait: { signal: true },
  publish: { signal: true, wait: "flag" },
  entries: { from: true, to: true, follow: "flag", signal: true },
  query: { stale: "flag", index: true, waitMs: true, signal: true },
  promote: { insteadOf: true, signal: true },
  backup: { signal: true, progress: true },
};

/**
 * A name that is none would have no effect, and a text is a yes whatever it says, and nobody would
 * know: a slip is told.
 *
 * @param within What the options are part of, as `timing.`.
 * @throws {KibitzerError} `KBZ_ARGUMENT`, naming the option, and the nearest that there is.
 */
export function checkOptions(options: unknown, known: KnownOptions, within = ""): void {
  const fault = optionsFault(options, known, within);
  if (fault !== null) throw fault;
}

/** Null where `checkOptions` does not throw. */
export function optionsFault(
  options: unknown,
  known: KnownOptions,
  within = "",
): KibitzerError | null {
  if (typeof options !== "object" || options === null) {
    return argumentError(within === "" ? "options" : within.slice(0, -1), "an object", options);
  }
  // Inherited names count, too: a signal in place of the options is a slip of that kind.
  for (const name in options) {
    if (!Object.hasOwn(known, name)) return unknownOption(name, Object.keys(known), within);
    const value: unknown = Reflect.get(options, name);
    const isFlag = value === undefined || typeof value === "boolean";
    if (known[name] === "flag" && !isFlag) {
      return argumentError(within + name, "true or false", value);
    }
  }
  return null;
}

function unknownOption(name: string, known: readonly string[], within: string): KibitzerError {
  const near = nearest(name, known);
  const hint = near === null ? "" : ` Did you mean "${within}${near}"?`;
  const message =
    `Option ${within}${name}: wanted one of ${known.join(", ")}, ` +
    `found a name that is none of them.${hint}`;
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

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

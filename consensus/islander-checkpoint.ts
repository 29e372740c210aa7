/**
 * The whole state of an Islander as plain JSON data: recordings begin with it. Reading one back is
 * strict, because a recording comes from a file. Never holds bytes of entries.
 */
import type { Batch } from "./decree.ts";
import type { Index, PublisherId, Tick } from "./identifiers.ts";
import type { IslanderTiming } from "./islander-timing.ts";
import { limits } from "./limits.ts";

/** A numbered batch that was not told as settled. */
export interface InFlight {
  readonly batch: Batch;
  /** How often it was submitted. */
  readonly attempt: number;
  /** Whether the latest submission may still be answered. */
  readonly outstanding: boolean;
  /** How many of its submissions were refused; what became of the others may not be known. */
  readonly declined: number;
  /** Whether it was last refused for lack of room. */
  readonly isFull: boolean;
  /** Where it was decided; told once all predecessors are known too. */
  readonly index: Index | null;
}

export type Session =
  /** Not opened yet, or over. */
  | { readonly kind: "closed" }
  | {
      readonly kind: "registering";
      readonly nonce: string;
      readonly attempt: number;
      readonly outstanding: boolean;
    }
  | { readonly kind: "open"; readonly publisher: PublisherId; readonly sequenceNext: number };

export interface IslanderCheckpoint {
  readonly kind: "islander";
  readonly timing: IslanderTiming;
  readonly session: Session;
  /** In the order of the sequence, without a hole. */
  readonly inFlight: readonly InFlight[];
  /** How many batches may be outstanding: halved when it is too much, grown by each outcome. */
  readonly window: number;
  /** Setbacks since the last outcome. */
  readonly failures: number;
  /** Since when nothing was heard, while something is outstanding. */
  readonly heardAt: Tick;
  /** When everything without outcome is submitted again; nothing is submitted before. */
  readonly retryAt: Tick | null;
  /** When overtaken batches are asked for again. */
  readonly askAt: Tick | null;
  /** The last index that was told, or 0. */
  readonly indexLast: Index;
}

/** @throws {TypeError} when `value` is not a checkpoint of a possible state; says what is wrong. */
export function readIslanderCheckpoint(value: unknown): IslanderCheckpoint {
  const checkpoint = readCheckpoint(value);
  const { retryTicksMin, retryTicksMax } = checkpoint.timing;
  const fault = retryTicksMin > retryTicksMax ? "the pauses contradict" : faultOf(checkpoint);
  if (fault !== null) throw new TypeError(`the checkpoint is of no possible state: not ${fault}`);
  return checkpoint;
}

/** Which invariant of the state between two steps is broken, or null. */
export function faultOf(
  state: Pick<IslanderCheckpoint, "session" | "inFlight" | "window" | "retryAt">,
): string | null {
  const { session, inFlight, window, retryAt } = state;
  const windowMax = limits.publisherBatchesInFlightMax;
  const paused = retryAt !== null;
  if (inFlight.length > windowMax) return "a bounded number of batches in flight";
  if (window < 1 || window > windowMax) return "something may always be submitted";
  if (session.kind === "open") return faultInFlight(inFlight, session, paused);
  if (inFlight.length > 0) return "only an open session has batches";
  const idle = session.kind === "closed" || session.outstanding;
  return paused === idle ? "either an answer or a pause is waited for" : null;
}

function faultInFlight(
  inFlight: readonly InFlight[],
  { publisher, sequenceNext }: Session & { readonly kind: "open" },
  paused: boolean,
): string | null {
  const head = inFlight[0];
  if (head === undefined) return paused ? "a pause is before a retry" : null;
  if (head.index !== null) return "what is known in order is told";
  let sequence = head.batch.sequence;
  for (const { batch, index, outstanding, attempt, declined } of inFlight) {
    if (declined > attempt) return "what is refused was submitted";
    if (batch.publisher !== publisher) return "one session, one publisher";
    if (batch.sequence !== sequence) return "numbers have no gap";
    if (index !== null && outstanding) return "what is known is not waited for";
    sequence += batch.count;
  }
  if (sequence !== sequenceNext) return "the next number follows the last";
  return paused ? null : faultInOrder(inFlight);
}

/** Without a pause the outstanding ones are the first of those without outcome, at least one. */
function faultInOrder(inFlight: readonly InFlight[]): string | null {
  const unknown = inFlight.filter((item) => item.index === null);
  const idle = unknown.findIndex((item) => !item.outstanding);
  if (idle === 0) return "the first unsettled batch is under way";
  return idle > 0 && unknown.slice(idle).some((item) => item.outstanding)
    ? "submitted in order"
    : null;
}

function readCheckpoint(value: unknown): IslanderCheckpoint {
  const fields = record(value, "checkpoint");
  if (fields["kind"] !== "islander") throw new TypeError("this is not a checkpoint of an Islander");
  return {
    kind: "islander",
    timing: readTiming(record(fields["timing"], "timing")),
    session: readSession(record(fields["session"], "session")),
    inFlight: list(fields["inFlight"], "inFlight").map(readInFlight),
    window: whole(fields["window"], "window", 1),
    failures: whole(fields["failures"], "failures", 0),
    heardAt: whole(fields["heardAt"], "heardAt", 0),
    retryAt: wholeOrNull(fields["retryAt"], "retryAt"),
    askAt: wholeOrNull(fields["askAt"], "askAt"),
    indexLast: whole(fields["indexLast"], "indexLast", 0),
  };
}

function readTiming(fields: Readonly<Record<string, unknown>>): IslanderTiming {
  return {
    retryTicksMin: whole(fields["retryTicksMin"], "retryTicksMin", 1),
    retryTicksMax: whole(fields["retryTicksMax"], "retryTicksMax", 1),
    submissionTimeoutTicks: whole(fields["submissionTimeoutTicks"], "submissionTimeoutTicks", 1),
    overtakenTicks: whole(fields["overtakenTicks"], "overtakenTicks", 1),
  };
}

function readSession(fields: Readonly<Record<string, unknown>>): Session {
  switch (fields["kind"]) {
    case "closed":
      return { kind: "closed" };
    case "registering":
      return {
        kind: "registering",
        nonce: text(fields["nonce"], "nonce"),
        attempt: whole(fields["attempt"], "attempt", 0),
        outstanding: flag(fields["outstanding"], "outstanding"),
      };
    case "open":
      return {
        kind: "open",
        publisher: whole(fields["publisher"], "publisher", 1),
        sequenceNext: whole(fields["sequenceNext"], "sequenceNext", 1),
      };
    default:
      throw new TypeError("the checkpoint's session is of no known kind");
  }
}

function readInFlight(value: unknown): InFlight {
  const fields = record(value, "inFlight");
  const batch = record(fields["batch"], "batch");
  return {
    batch: {
      kind: "batch",
      publisher: whole(batch["publisher"], "publisher", 1),
      sequence: whole(batch["sequence"], "sequence", 1),
      count: whole(batch["count"], "count", 1),
      size: whole(batch["size"], "size", 0),
      checksum: whole(batch["checksum"], "checksum", 0),
    },
    attempt: whole(fields["attempt"], "attempt", 0),
    outstanding: flag(fields["outstanding"], "outstanding"),
    declined: whole(fields["declined"], "declined", 0),
    isFull: flag(fields["isFull"], "isFull"),
    index: wholeOrNull(fields["index"], "index"),
  };
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new TypeError(`the checkpoint's ${name} is not an object`);
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`the checkpoint's ${name} is not an array`);
  return value;
}

function whole(value: unknown, name: string, min: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min) {
    throw new TypeError(`the checkpoint's ${name} is not a whole number from ${min} on`);
  }
  return value;
}

function wholeOrNull(value: unknown, name: string): number | null {
  return value === null ? null : whole(value, name, 0);
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new TypeError(`the checkpoint's ${name} is not a string`);
  return value;
}

function flag(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw new TypeError(`the checkpoint's ${name} is not a boolean`);
  return value;
}

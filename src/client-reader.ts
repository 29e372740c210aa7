/**
 * Follows the log from outside: asks for the next entries where the last ones ended, whichever
 * endpoint answers. Holds one answer and the next one, never more.
 */
import type { EntriesOptions, Entry } from "./api.ts";
import type { ClientAsking } from "./client-asking.ts";
import { entriesOf, faultOf, type Reading } from "./entry-stream.ts";
import { KibitzerError } from "./kibitzer-error.ts";
import type { EntriesBatch } from "./requests.ts";

export interface ClientReaderOptions {
  readonly asking: ClientAsking;
  /** For the next entries of a reading that has an end; one that follows waits for ever. */
  readonly timeoutMs: number;
}

const bytesMax = 1024 * 1024;
const countMax = 65_536;
/** How long a node may wait for the first new entry, and how much longer its answer may take. */
const waitMs = 5000;
const answerMs = 3000;

/** @throws {KibitzerError} `KBZ_ARGUMENT` when `from` or `to` is no index. */
export function readEntries(
  reader: ClientReaderOptions,
  options: EntriesOptions,
): AsyncGenerator<Entry, void, void> {
  const { from = 1, to = Number.POSITIVE_INFINITY } = options;
  if (!Number.isSafeInteger(from) || from < 1) throw notAnIndex("from", from);
  if (to !== Number.POSITIVE_INFINITY && !Number.isSafeInteger(to)) throw notAnIndex("to", to);
  return read(reader, { from, to, follow: options.follow ?? true, signal: options.signal });
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
}

async function* read(
  reader: ClientReaderOptions,
  { from, to, follow, signal }: Range,
): AsyncGenerator<Entry, void, void> {
  const leaving = new AbortController();
  const both = signal === undefined ? [leaving.signal] : [leaving.signal, signal];
  const limit = AbortSignal.any(both);
  const ask = (index: number): Promise<Reading> => fetch(reader, index, { follow, signal: limit });
  try {
    let next = from;
    let last = to;
    let ahead = next > last ? null : ask(next);
    while (ahead !== null) {
      const { batches, indexLast } = await ahead;
      if (!follow) last = Math.min(last, indexLast);
      const first = next;
      next = endOf(batches, first);
      ahead = next > last ? null : ask(next);
      // It is awaited later, or not at all.
      ahead?.catch(ignore);
      for (const entry of entriesIn(batches, first, last)) {
        // Even what is here already ends with the signal.
        signal?.throwIfAborted();
        yield entry;
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    // Whoever closes the client knows that its readings end.
    if (!isClosed(error)) throw error;
  } finally {
    leaving.abort(new Error("nobody reads on"));
  }
}

function* entriesIn(
  batches: readonly EntriesBatch[],
  from: number,
  to: number,
): Generator<Entry, void, void> {
  for (const batch of batches) yield* entriesOf(batch, from, to);
}

async function fetch(
  { asking, timeoutMs }: ClientReaderOptions,
  index: number,
  { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
): Promise<Reading> {
  const patienceMs = follow ? waitMs : 0;
  return await asking.ask({
    request: { method: "entries", index, countMax, bytesMax, waitMs: patienceMs },
    wanted: "entries",
    lane: "bulk",
    needsQuorum: false,
    attemptMs: patienceMs + answerMs,
    timeoutMs: follow ? null : timeoutMs,
    signal,
    faultOf: (reading) => faultOf(reading, index),
  });
}

function isClosed(error: unknown): boolean {
  return error instanceof KibitzerError && error.code === "KBZ_CLOSED";
}

function endOf(batches: readonly EntriesBatch[], next: number): number {
  const last = batches.at(-1);
  return last === undefined ? next : last.index + last.count;
}

function notAnIndex(name: string, found: number): KibitzerError {
  return new KibitzerError(
    "KBZ_ARGUMENT",
    `"${name}" is the index of an entry, a whole number from 1, not ${found}`,
    { retryable: false, outcome: "none" },
  );
}

function ignore(): void {
  // Whoever reads on is told.
}

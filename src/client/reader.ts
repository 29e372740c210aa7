/**
 * Follows the log from outside: asks for the next entries where the last ones ended, whichever
 * endpoint answers. Holds one answer and the next one, never more.
 */
import type { EntriesOptions, Entry } from "../api.ts";
import { checkedReading, type ReadingRange } from "../arguments.ts";
import type { ClientAsking } from "./asking.ts";
import { entriesOf, faultOf, type Reading } from "../codec/entry-stream.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { EntriesBatch } from "../requests.ts";

export interface ClientReaderOptions {
  readonly asking: ClientAsking;
  /** Aborts with `KBZ_CLOSED` when the client is closed. */
  readonly closing: AbortSignal;
  /** For the next entries of a reading that has an end; one that follows waits for ever. */
  readonly timeoutMs: number;
}

const bytesMax = 1024 * 1024;
/** How long a node may wait for the first new entry, and how much longer its answer may take. */
const waitMs = 5000;
const answerMs = 3000;

/**
 * Ends where `options` say. One that follows for ever ends with the client, too; one that has an
 * end and does not get there is told.
 *
 * @throws {KibitzerError} `KBZ_CLOSED`, `KBZ_ARGUMENT`, `KBZ_UNREACHABLE`; the signal's reason.
 */
export async function* readEntries(
  reader: ClientReaderOptions,
  options: EntriesOptions,
): AsyncGenerator<Entry, void, void> {
  const reading = checkedReading(options);
  const { to, follow, signal } = reading;
  if (reader.closing.aborted) throw reader.closing.reason;
  const leaving = new AbortController();
  const both = signal === undefined ? [leaving.signal] : [leaving.signal, signal];
  try {
    for await (const entries of answers(reader, reading, AbortSignal.any(both))) {
      for (const entry of entries) {
        // Even what is here already ends with the signal.
        signal?.throwIfAborted();
        yield entry;
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    // Whoever closes the client knows that what follows for ever ends.
    const isEndless = follow && to === Infinity;
    if (!isEndless || !isClosed(error)) throw error;
  } finally {
    leaving.abort(new Error("nobody reads on"));
  }
}

/** The entries of one answer after the other; the next one is asked for meanwhile. */
async function* answers(
  reader: ClientReaderOptions,
  { from, to, follow }: ReadingRange,
  signal: AbortSignal,
): AsyncGenerator<Iterable<Entry>, void, void> {
  const ask = (index: number): Promise<Reading> => fetch(reader, index, { follow, signal });
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
    yield entriesIn(batches, first, last);
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
    request: { method: "entries", index, bytesMax, waitMs: patienceMs },
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

function ignore(): void {
  // Whoever reads on is told.
}

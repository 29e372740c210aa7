/**
 * Follows the log from outside: asks for the next entries where the last ones ended, whichever
 * endpoint answers. Holds one answer and the next one, never more.
 */
import type { EntriesOptions, Entry } from "../api.ts";
import {
  checkedHeartbeat,
  checkedReading,
  optionNames,
  type OptionNames,
  type ReadingRange,
} from "../arguments.ts";
import type { ClientAsking } from "./asking.ts";
import { entriesOf, faultOf, type Reading as LogReading } from "../codec/entry-stream.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { EntriesBatch } from "../requests.ts";
import type { Clock } from "../world.ts";

export interface ClientReaderOptions {
  readonly asking: ClientAsking;
  readonly clock: Pick<Clock, "now">;
  /** Aborts with `KBZ_CLOSED` when the client is closed. */
  readonly closing: AbortSignal;
  /** For the next entries of a reading that has an end; one that follows waits for ever. */
  readonly timeoutMs: number;
}

export interface ReadingOptions extends EntriesOptions {
  /** How often one that follows is told that there is nothing new; default 5000, 100 to 30,000. */
  readonly heartbeatMs?: number;
}

export const readingNames: OptionNames<ReadingOptions> = {
  ...optionNames.entries,
  heartbeatMs: true,
};

/** What an endpoint gave at a time. Without entries it is a sign of life: nothing new is there. */
export interface Reading {
  /** To be gone through at once or never. */
  readonly entries: Iterable<Entry>;
  /** Up to here all was given: to go on later, read from the next index on. */
  readonly index: number;
  /** The last index that the endpoint had. */
  readonly indexLast: number;
  readonly endpoint: string;
}

const bytesMax = 1024 * 1024;
/** How long a node may wait for the first new entry, and how much longer its answer may take. */
const waitMs = 5000;
const waitMsMin = 100;
const waitMsMax = 30_000;
const answerMs = 3000;
/**
 * How long an endpoint may have nothing new until it is asked whether it reaches a quorum at all:
 * one that is cut off would have nothing new for ever. Not so often that idle readers are a load.
 */
const doubtMs = 15_000;

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
  const { signal } = options;
  for await (const { entries } of readAll(reader, options)) {
    for (const entry of entries) {
      // Even what is here already ends with the signal.
      signal?.throwIfAborted();
      yield entry;
    }
  }
}

/** As `readEntries`, one answer at a time. */
export async function* readAll(
  reader: ClientReaderOptions,
  options: ReadingOptions,
): AsyncGenerator<Reading, void, void> {
  const reading = checkedReading(options);
  const heartbeatMs = checkedHeartbeat(options.heartbeatMs ?? waitMs, waitMsMin, waitMsMax);
  const { to, follow, signal } = reading;
  if (reader.closing.aborted) throw reader.closing.reason;
  const leaving = new AbortController();
  const both = signal === undefined ? [leaving.signal] : [leaving.signal, signal];
  try {
    yield* answers(reader, { ...reading, heartbeatMs }, AbortSignal.any(both));
  } catch (error) {
    signal?.throwIfAborted();
    // Whoever closes the client knows that what follows for ever ends.
    const isEndless = follow && to === Infinity;
    if (!isEndless || !isClosed(error)) throw error;
  } finally {
    leaving.abort(new Error("nobody reads on"));
  }
}

interface Following extends ReadingRange {
  readonly heartbeatMs: number;
}

/** One answer after the other; the next one is asked for meanwhile. */
async function* answers(
  reader: ClientReaderOptions,
  { from, to, follow, heartbeatMs }: Following,
  signal: AbortSignal,
): AsyncGenerator<Reading, void, void> {
  const doubt = new Doubt(reader);
  const patienceMs = follow ? heartbeatMs : null;
  const ask = async (index: number): Promise<Asked> => {
    const asked = await fetch(reader, index, { patienceMs, signal });
    if (follow) await doubt.look(asked.batches.length > 0, signal);
    return asked;
  };
  let next = from;
  let last = to;
  let ahead = next > last ? null : ask(next);
  while (ahead !== null) {
    const { batches, indexLast, endpoint } = await ahead;
    if (!follow) last = Math.min(last, indexLast);
    const first = next;
    next = endOf(batches, first);
    ahead = next > last ? null : ask(next);
    // It is awaited later, or not at all.
    ahead?.catch(ignore);
    const index = Math.min(next - 1, last);
    yield { entries: entriesIn(batches, first, last), index, indexLast, endpoint };
  }
}

/** Whether an endpoint that has nothing new still hears what is decided. */
class Doubt {
  readonly #reader: ClientReaderOptions;
  #since: number;

  constructor(reader: ClientReaderOptions) {
    this.#reader = reader;
    this.#since = reader.clock.now();
  }

  /** Leaves an endpoint that cannot find out, if there is another; resolves in any case. */
  async look(isNews: boolean, signal: AbortSignal): Promise<void> {
    const { asking, clock } = this.#reader;
    const isDue = clock.now() - this.#since >= doubtMs && asking.urls.length > 1;
    if (isNews) this.#since = clock.now();
    if (isNews || !isDue) return;
    if (!(await asking.reachesQuorum(answerMs, signal))) asking.leave();
    this.#since = clock.now();
  }
}

function* entriesIn(
  batches: readonly EntriesBatch[],
  from: number,
  to: number,
): Generator<Entry, void, void> {
  for (const batch of batches) yield* entriesOf(batch, from, to);
}

type Asked = Awaited<ReturnType<typeof fetch>>;

/** @param options.patienceMs How long the node may wait for something new; null: not at all. */
async function fetch(
  { asking, timeoutMs }: ClientReaderOptions,
  index: number,
  options: { readonly patienceMs: number | null; readonly signal: AbortSignal },
): Promise<LogReading & { readonly endpoint: string }> {
  const { patienceMs, signal } = options;
  const ms = patienceMs ?? 0;
  const { batches, indexLast } = await asking.ask({
    request: { method: "entries", index, bytesMax, waitMs: ms },
    wanted: "entries",
    lane: "bulk",
    needsQuorum: false,
    attemptMs: ms + answerMs,
    timeoutMs: patienceMs === null ? timeoutMs : null,
    signal,
    faultOf: (reading) => faultOf(reading, index),
  });
  return { batches, indexLast, endpoint: asking.url };
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

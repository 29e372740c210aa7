/** A body of many entries, one a line, published in order; each outcome in the same order. */
import { assert, limits } from "../../consensus/index.ts";
import { entryHeaderBytes } from "../codec/batch.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { LineTooLong, splitLines } from "../lines.ts";
import { httpLimits } from "./http-limits.ts";
import type { NamedPublisher } from "./named-publisher.ts";
import { badRequest } from "./problem.ts";

/** The index of one entry, or why there is none: then the last one. */
export type LineResult = { readonly index: number } | { readonly error: unknown };

type Chunks = AsyncIterable<Uint8Array>;

/** Room for lines under way, of all bodies together. */
export class LineRoom {
  #free: number;

  constructor(linesMax: number) {
    this.#free = linesMax;
  }

  take(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  giveBack(count: number): void {
    this.#free += count;
  }
}

/** Publishes each line by itself, many at a time. */
export async function* publishLines(
  chunks: Chunks,
  room: LineRoom,
  publish: (line: Uint8Array) => Promise<number>,
): AsyncGenerator<LineResult, void, void> {
  using inFlight = new InFlight(room);
  const settled = async (line: Uint8Array): Promise<LineResult> => {
    return await publish(line).then(
      (index) => ({ index }),
      (error: unknown) => ({ error }),
    );
  };
  try {
    for await (const lines of boundedLines(chunks)) {
      for (const line of lines) {
        inFlight.add(settled(line));
        if (inFlight.makeRoom()) continue;
        const result = await inFlight.take();
        yield result;
        if ("error" in result) return;
      }
    }
  } catch (error) {
    inFlight.add(Promise.resolve({ error }));
  }
  while (inFlight.size > 0) {
    const result = await inFlight.take();
    yield result;
    if ("error" in result) return;
  }
}

/**
 * Lines under way: a ring, since taking the first out of a long array moves all others. The first
 * needs no place among those of all bodies, so that each goes on, however slowly.
 */
class InFlight implements Disposable {
  readonly #results: Promise<LineResult>[] = [];
  readonly #room: LineRoom;
  #places = 0;
  #begun = 0;
  #taken = 0;

  constructor(room: LineRoom) {
    this.#room = room;
  }

  get size(): number {
    return this.#begun - this.#taken;
  }

  add(result: Promise<LineResult>): void {
    assert(this.size < httpLimits.entriesInFlightMax, "what is told leaves room for the next");
    this.#results[this.#begun % httpLimits.entriesInFlightMax] = result;
    this.#begun += 1;
  }

  /** Whether there is room for one more line now. */
  makeRoom(): boolean {
    if (this.size >= httpLimits.entriesInFlightMax) return false;
    if (this.size <= this.#places) return true;
    if (!this.#room.take()) return false;
    this.#places += 1;
    return true;
  }

  [Symbol.dispose](): void {
    this.#room.giveBack(this.#places);
    this.#places = 0;
  }

  /** What became of the first; an error tells for all behind it, too. */
  async take(): Promise<LineResult> {
    const first = this.#at(this.#taken);
    this.#taken += 1;
    const result = await first;
    if (this.#places > this.size) {
      this.#room.giveBack(this.#places - this.size);
      this.#places = this.size;
    }
    if (!("error" in result)) return result;
    const behind = Array.from({ length: this.size }, (_, at) => this.#at(this.#taken + at));
    return { error: await overall(result.error, behind) };
  }

  #at(position: number): Promise<LineResult> {
    const result = this.#results[position % httpLimits.entriesInFlightMax];
    assert(result !== undefined, "only what was begun is taken");
    return result;
  }
}

/**
 * Publishes the lines under the publisher's numbers in batches that depend on nothing but the lines
 * themselves: the same body has the same batches whenever it comes again.
 */
export async function* publishNamed(
  chunks: Chunks,
  publisher: NamedPublisher,
): AsyncGenerator<LineResult, void, void> {
  try {
    for await (const batch of batchesOf(boundedLines(chunks))) {
      const index = await publisher.publish(batch);
      for (let position = 0; position < batch.length; position += 1) {
        yield { index: index + position };
      }
    }
  } catch (error) {
    yield { error };
  }
}

async function* batchesOf(
  chunks: AsyncIterable<readonly Uint8Array[]>,
): AsyncGenerator<readonly Uint8Array[], void, void> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for await (const lines of chunks) {
    for (const line of lines) {
      const more = entryHeaderBytes + line.length;
      const isFull = batch.length >= httpLimits.namedBatchEntriesMax;
      if (batch.length > 0 && (isFull || bytes + more > limits.batchBytesMax)) {
        yield batch;
        [batch, bytes] = [[], 0];
      }
      batch.push(line);
      bytes += more;
    }
  }
  if (batch.length > 0) yield batch;
}

async function* boundedLines(chunks: Chunks): AsyncGenerator<readonly Uint8Array[], void, void> {
  const { bodyLinesMax } = httpLimits;
  let count = 0;
  try {
    for await (const lines of splitLines(chunks, limits.entryBytesMax)) {
      yield lines.slice(0, bodyLinesMax - count);
      count += lines.length;
      if (count > bodyLinesMax) throw tooMany(bodyLinesMax);
    }
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    throw badRequest(`${error.message}. Split it.`, { code: "KBZ_TOO_LARGE" });
  }
}

/** The first error, with the truth about those behind it, which get no line of their own. */
async function overall(first: unknown, behind: readonly Promise<LineResult>[]): Promise<unknown> {
  const rest = await Promise.all(behind);
  const isNone = rest.every((result) => "error" in result && isWithoutEffect(result.error));
  if (isNone || !(first instanceof KibitzerError)) return first;
  const { code, message } = first;
  return new KibitzerError(code, message, { retryable: false, outcome: "unknown", cause: first });
}

function isWithoutEffect(error: unknown): boolean {
  return error instanceof KibitzerError && error.outcome === "none";
}

function tooMany(linesMax: number): Error {
  const message = `Wanted at most ${linesMax} lines, got more. Send the rest by itself.`;
  return badRequest(message, { code: "KBZ_TOO_LARGE" });
}

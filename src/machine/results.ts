/**
 * What the state machine made of the latest batches of each publisher, so that a retry gets the
 * stored answer. A function of the log like the machine itself: its order and its bounds know
 * nothing else.
 */
import { assert, limits } from "../../consensus/index.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { bufferCost, machineLimits, rowCost } from "./machine-limits.ts";

/** Of one entry: its bytes, null for none, dropped for want of room; or skipped: `apply` threw. */
export type EntryResult = Uint8Array | "dropped" | "skipped" | null;

/** Of the entries of one batch, in order; null: none of them has any. */
export type BatchResults = readonly EntryResult[] | null;

interface BatchRow {
  readonly publisher: number;
  /** Of its first entry. */
  readonly sequence: number;
  readonly count: number;
}

export interface ResultRow extends BatchRow {
  readonly results: BatchResults;
}

/**
 * As rows are kept: all results of a batch in one piece. Each array of bytes costs some hundred
 * bytes of memory beside what it holds, and most results are smaller than that.
 */
export interface PackedRow extends BatchRow {
  readonly packed: Uint8Array;
}

/** Of a batch whose results are not kept any more. */
export function droppedResults(count: number): BatchResults {
  return Array.from({ length: count }, () => "dropped");
}

interface KeptRow extends BatchRow {
  readonly cost: number;
  /** Null once it is gone, which it may be some time before it leaves the queue. */
  packed: Uint8Array | null;
}

/** The results of all batches that have none: a shared array. */
const packedNone = Uint8Array.of(0);
const resultKinds = { none: 0, bytes: 1, dropped: 2, skipped: 3 } as const;
const encoder = new TextEncoder();
/** Rows that are gone and may stay in the queue, so that a short one is not made anew each time. */
const queueSlack = 64;

/** Gathers the results of one batch, within their bounds. */
export class ResultGatherer {
  #results: EntryResult[] = [];
  #bytes = 0;
  #isEmpty = true;

  /** @returns what is told of the entry. */
  add(result: Uint8Array | string | undefined): EntryResult {
    const kept = this.#kept(result);
    if (kept !== null) this.#isEmpty = false;
    if (kept instanceof Uint8Array) this.#bytes += kept.length;
    this.#results.push(kept);
    return kept;
  }

  skip(): void {
    this.#isEmpty = false;
    this.#results.push("skipped");
  }

  take(): BatchResults {
    const results = this.#isEmpty ? null : this.#results;
    this.#results = [];
    this.#bytes = 0;
    this.#isEmpty = true;
    return results;
  }

  #kept(result: Uint8Array | string | undefined): EntryResult {
    if (result === undefined) return null;
    // Bytes are copied: the machine may go on with its own.
    const bytes = typeof result === "string" ? encoder.encode(result) : result.slice();
    const isTooLarge =
      bytes.length > machineLimits.resultBytesMax ||
      this.#bytes + bytes.length > machineLimits.batchResultsBytesMax;
    return isTooLarge ? "dropped" : bytes;
  }
}

export class ResultTable {
  /** The latest rows of each publisher, in order. */
  readonly #publishers = new Map<number, KeptRow[]>();
  /** All rows in the order of the log; those that are gone are passed over. */
  #queue: KeptRow[] = [];
  #queueFirst = 0;
  /** Of those in the queue, how many are not gone. */
  #kept = 0;
  #cost = 0;
  readonly #writer = new ByteWriter();

  /** What the rows that are kept cost. */
  get cost(): number {
    return this.#cost;
  }

  add({ results, ...row }: ResultRow): void {
    this.keep({ ...row, packed: results === null ? packedNone : this.#packed(results) });
  }

  keep({ publisher, sequence, count, packed }: PackedRow): void {
    const row = { publisher, sequence, count, packed };
    const rows = this.#publishers.get(row.publisher) ?? [];
    const last = rows.at(-1);
    assert(
      last === undefined || row.sequence >= last.sequence + last.count,
      "a publisher's batches take effect in their order",
    );
    const kept = { ...row, cost: costOf(row) };
    if (rows.length === 0) this.#publishers.set(row.publisher, rows);
    rows.push(kept);
    this.#queue.push(kept);
    this.#kept += 1;
    this.#cost += kept.cost;
    if (rows.length > limits.publisherResultsMax) this.#forget(rows);
    while (this.#cost > machineLimits.resultsCostMax) this.#forgetOldest();
  }

  /** The row of the batch that begins with `sequence`, while it is kept. */
  find(publisher: number, sequence: number): ResultRow | null {
    const rows = this.#publishers.get(publisher);
    const row = rows?.findLast((each) => each.sequence === sequence);
    if (row === undefined || row.packed === null) return null;
    const { count, packed } = row;
    // A copy: whoever is told may write to it.
    const results = readResults(new ByteReader(packed.slice()));
    return { publisher, sequence, count, results };
  }

  /** All that are kept, in the order of the log. */
  rows(): readonly PackedRow[] {
    return this.#queue.slice(this.#queueFirst).flatMap(({ packed, ...row }) => {
      return packed === null ? [] : [{ ...row, packed }];
    });
  }

  /** Of its own: as a part of something larger it would hold all of that. */
  #packed(results: BatchResults): Uint8Array {
    this.#writer.begin();
    writeResults(this.#writer, results);
    return this.#writer.take().slice();
  }

  #forget(rows: KeptRow[]): void {
    const row = rows.shift();
    assert(row !== undefined && row.packed !== null, "a row is forgotten once");
    row.packed = null;
    this.#kept -= 1;
    this.#cost -= row.cost;
    if (rows.length === 0) this.#publishers.delete(row.publisher);
    this.#tidy();
  }

  #forgetOldest(): void {
    this.#tidy();
    const oldest = this.#queue[this.#queueFirst];
    assert(oldest !== undefined, "what costs is in the queue");
    const rows = this.#publishers.get(oldest.publisher);
    assert(rows?.[0] === oldest, "the oldest of all is its publisher's oldest");
    this.#forget(rows);
  }

  /**
   * Passes over what is gone, and lets go of it once it is half of the queue, wherever it stands:
   * one publisher's only row may be first for ever.
   */
  #tidy(): void {
    while (this.#queue[this.#queueFirst]?.packed === null) this.#queueFirst += 1;
    if (this.#queue.length < 2 * this.#kept + queueSlack) return;
    this.#queue = this.#queue.filter(({ packed }) => packed !== null);
    this.#queueFirst = 0;
  }
}

function costOf({ packed }: PackedRow): number {
  return packed === packedNone ? rowCost : rowCost + bufferCost + packed.length;
}

export function writeRow(writer: ByteWriter, row: PackedRow): void {
  writer.whole(row.publisher);
  writer.whole(row.sequence);
  writer.whole(row.count);
  writer.copy(row.packed);
}

/** @throws {DecodeError} when it is not what `writeRow` wrote. */
export function readRow(reader: ByteReader): PackedRow {
  const publisher = reader.whole(1);
  const sequence = reader.whole(1);
  const count = reader.whole(1, limits.batchEntriesMax);
  const start = reader.at;
  const results = readResults(reader);
  if (results === null) return { publisher, sequence, count, packed: packedNone };
  if (results.length !== count) reader.refuse("a result for each entry");
  return { publisher, sequence, count, packed: reader.bytes.slice(start, reader.at) };
}

export function writeResults(writer: ByteWriter, results: BatchResults): void {
  writer.whole(results?.length ?? 0);
  for (const result of results ?? []) {
    if (result === null) writer.byte(resultKinds.none);
    else if (typeof result === "string") writer.byte(resultKinds[result]);
    else {
      writer.byte(resultKinds.bytes);
      writer.chunk(result);
    }
  }
}

/** @throws {DecodeError} */
export function readResults(reader: ByteReader): BatchResults {
  const count = reader.count(limits.batchEntriesMax, 1);
  const results: EntryResult[] = [];
  for (let entry = 0; entry < count; entry += 1) results.push(readResult(reader));
  return count === 0 ? null : results;
}

function readResult(reader: ByteReader): EntryResult {
  switch (reader.byte()) {
    case resultKinds.none:
      return null;
    case resultKinds.dropped:
      return "dropped";
    case resultKinds.skipped:
      return "skipped";
    case resultKinds.bytes:
      return reader.chunk(machineLimits.resultBytesMax);
    default:
      return reader.refuse("a known kind of result");
  }
}

/**
 * Batches of a reading as entries, light ones: views and numbers, text only on demand. The same for
 * what a node reads from its own journal and for what a client was sent.
 */
import type { Entry } from "../api.ts";
import { entryHeaderBytes, readBatch } from "./batch.ts";
import type { EntriesBatch } from "../requests.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

class LogEntry implements Entry {
  readonly index: number;
  readonly slot: number;
  readonly government: number;
  readonly when: number;
  readonly publisher: string;
  readonly sequence: number;
  readonly bytes: Uint8Array;

  constructor(
    { index, slot, government, when, sequence }: EntriesBatch,
    publisher: string,
    position: number,
    bytes: Uint8Array,
  ) {
    this.index = index + position;
    this.slot = slot;
    this.government = government;
    this.when = when;
    this.publisher = publisher;
    this.sequence = sequence + position;
    this.bytes = bytes;
  }

  text(): string {
    return decoder.decode(this.bytes);
  }
}

/**
 * The entries of `batch` with indexes from `from` to `to`, both included.
 * @throws {KibitzerError} `KBZ_ARGUMENT` where its framing is broken; entries before were good.
 */
export function* entriesOf(batch: EntriesBatch, from: number, to: number): Generator<Entry> {
  const publisher = String(batch.publisher);
  let position = 0;
  for (const bytes of readBatch(batch.body, batch.count)) {
    const index = batch.index + position;
    if (index > to) return;
    if (index >= from) yield new LogEntry(batch, publisher, position, bytes);
    position += 1;
  }
}

/** An answer to a request for entries. */
export interface Reading {
  readonly batches: readonly EntriesBatch[];
  readonly indexLast: number;
}

/**
 * What is wrong with `reading` as the continuation at `from`, or null: the first batch holds `from`
 * if the node has it, each follows the one before, and the framing fits.
 */
export function faultOf({ batches, indexLast }: Reading, from: number): string | null {
  if (batches.length === 0) return indexLast < from ? null : `nothing at entry ${from}`;
  let next = from;
  for (const [position, { index, count, body }] of batches.entries()) {
    const follows = position === 0 ? index <= next : index === next;
    if (!follows || index + count <= next) return `entry ${index} where ${next} was wanted`;
    if (!isFramed(body, count)) return `a malformed batch at entry ${index}`;
    next = index + count;
  }
  return next <= indexLast + 1 ? null : `more entries than the ${indexLast} it says it has`;
}

function isFramed(body: Uint8Array, count: number): boolean {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  for (let position = 0; position < count; position += 1) {
    if (at + entryHeaderBytes > body.length) return false;
    at += entryHeaderBytes + view.getUint32(at, true);
  }
  return at === body.length;
}

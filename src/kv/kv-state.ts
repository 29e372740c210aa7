/** The whole state of the map as bytes, in one canonical order; frames of some items each. */
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { frame, readFrame } from "../machine/framing.ts";
import { PieceReader } from "../machine/piece-reader.ts";
import type { Lease } from "./kv-leases.ts";
import { itemBytesMax, kvLimits } from "./kv-limits.ts";
import { readEvent, readRecord, writeEvent, writeRecord } from "./kv-question.ts";
import type { KvEvent, KvRecord } from "./kv-question.ts";

export interface KvState {
  readonly time: number;
  readonly records: readonly KvRecord[];
  readonly leases: readonly Lease[];
  readonly events: readonly KvEvent[];
  readonly past: { readonly numberLast: number; readonly compacted: number };
}

const formatVersion = 1;
const itemCodes = { record: 1, lease: 2, event: 3 } as const;
const frameBytes = 65_536;
/** What is gathered, and one largest item. */
const frameBytesMax = frameBytes + kvLimits.keyBytesMax + kvLimits.valueBytesMax + 2 * itemBytesMax;

export function* stateOf(state: KvState): Generator<Uint8Array, void, void> {
  const writer = new ByteWriter();
  writer.begin();
  writer.byte(formatVersion);
  writer.whole(state.time);
  writer.whole(state.past.numberLast);
  writer.whole(state.past.compacted);
  yield frame(writer.take());
  let begun = begin(writer);
  for (const item of itemsOf(state)) {
    item(writer);
    if (writer.at - begun < frameBytes) continue;
    yield frame(writer.take());
    begun = begin(writer);
  }
  if (writer.at > begun) yield frame(writer.take());
}

function begin(writer: ByteWriter): number {
  writer.begin();
  // Room for a whole frame, so that where it begins stays where it is.
  writer.reserve(frameBytesMax);
  return writer.at;
}

function* itemsOf(state: KvState): Generator<(writer: ByteWriter) => void, void, void> {
  // Records name their leases, and so come after them.
  for (const { id, ttlMs, endsAt } of state.leases) {
    yield (writer) => {
      writer.byte(itemCodes.lease);
      writer.whole(id);
      writer.whole(ttlMs);
      writer.whole(endsAt);
    };
  }
  for (const record of state.records) {
    yield (writer) => {
      writer.byte(itemCodes.record);
      writeRecord(writer, record);
    };
  }
  for (const event of state.events) {
    yield (writer) => {
      writer.byte(itemCodes.event);
      writeEvent(writer, event);
    };
  }
}

/** @throws {DecodeError} when it is not what `stateOf` gave. */
export async function readState(pieces: AsyncIterable<Uint8Array>): Promise<KvState> {
  const source = new PieceReader(pieces);
  const head = new ByteReader(await readFrame(source, frameBytesMax));
  if (head.byte() !== formatVersion) head.refuse(`version ${formatVersion} of a map`);
  const time = head.whole();
  const past = { numberLast: head.whole(), compacted: head.whole() };
  head.end();
  const records: KvRecord[] = [];
  const leases: Lease[] = [];
  const events: KvEvent[] = [];
  while (await source.hasMore()) {
    const reader = new ByteReader(await readFrame(source, frameBytesMax));
    while (reader.left > 0) {
      const code = reader.byte();
      if (code === itemCodes.record) records.push(owned(readRecord(reader)));
      else if (code === itemCodes.event) events.push(owned(readEvent(reader)));
      else if (code === itemCodes.lease) leases.push(readLease(reader));
      else reader.refuse("a known item");
    }
  }
  return { time, records, leases, events, past };
}

function readLease(reader: ByteReader): Lease {
  const id = reader.whole(1);
  const ttlMs = reader.whole();
  return { id, ttlMs, endsAt: reader.whole() };
}

/** With bytes of its own, so that a frame is not kept for one value of it. */
function owned<Item extends { readonly value: Uint8Array }>(item: Item): Item {
  return { ...item, value: item.value.slice() };
}

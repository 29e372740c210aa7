/**
 * Answers as bytes, the counterpart of the codec of requests. Bodies of batches are pieces of their
 * own; only documents are JSON.
 */
import { assert, limits, unreachable } from "../../consensus/index.ts";
import type { Codec } from "../../transport/portable.ts";
import { invert } from "./bytes.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { machineLimits } from "../machine/machine-limits.ts";
import { readResults, writeResults } from "../machine/results.ts";
import type { FramedDecree } from "./decree-codec.ts";
import { readDecrees, writeDecrees } from "./message-codec.ts";
import type { EntriesBatch, Response } from "../requests.ts";
import { protocol } from "../version.ts";
import {
  readCitizen,
  readEffect,
  readReason,
  readRepublic,
  readVersion,
  writeCitizen,
  writeEffect,
  writeReason,
  writeRepublic,
} from "./value-codec.ts";

/** Codes are never reused. */
const kindCodes: Readonly<Record<Response["kind"], number>> = {
  admitted: 1,
  enqueued: 2,
  effect: 3,
  refused: 4,
  barrier: 5,
  entries: 6,
  document: 7,
  answer: 10,
  chunk: 9,
  records: 8,
  decrees: 11,
};

const kinds = invert(kindCodes);
/** Batches in one answer: as many of one entry as a frame holds are never asked for. */
const entriesBatchesMax = 65_536;
/** Bytes of the least that stands for one batch in the head. */
const entriesBatchBytesMin = 15;
const citizenBytesMin = 32;
/** Bytes of a snapshot in one answer. */
const chunkBytesMax = 1_048_576;

const writer = new ByteWriter();
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const responseCodec: Codec<Response> = { encode: encodeResponse, decode: decodeResponse };

function encodeResponse(response: Response, version = protocol.most): readonly Uint8Array[] {
  writer.begin();
  writer.byte(version);
  writer.byte(kindCodes[response.kind]);
  switch (response.kind) {
    case "admitted":
      writeRepublic(writer, response.republic);
      writer.whole(response.slot);
      writer.whole(response.contacts.length);
      for (const contact of response.contacts) writeCitizen(writer, contact);
      break;
    case "enqueued":
      break;
    case "effect":
      writeEffect(writer, response.effect);
      writeResults(writer, response.results);
      break;
    case "refused":
      writeReason(writer, response.reason);
      writer.id(response.leader);
      break;
    case "barrier":
      writer.whole(response.slot);
      writer.whole(response.index);
      break;
    case "entries":
      writer.whole(response.indexLast);
      writeEntries(response.batches);
      return [writer.take(), ...response.batches.map(({ body }) => body)];
    case "answer":
      writer.whole(response.index);
      writer.whole(response.answer.length);
      return [writer.take(), response.answer];
    case "chunk":
      writer.whole(response.offset);
      writer.whole(response.size);
      writer.whole(response.bytes.length);
      return [writer.take(), response.bytes];
    case "records":
      return encodeRecords(response);
    case "decrees":
      return encodeDecrees(response.decrees);
    case "document":
      return [writer.take(), encoder.encode(JSON.stringify(response.document ?? null))];
    default:
      return unreachable(response);
  }
  return [writer.take()];
}

/** @throws {DecodeError} when `bytes` are not an answer of this version. */
function decodeResponse(bytes: Uint8Array, version = protocol.most): Response {
  const reader = new ByteReader(bytes);
  readVersion(reader, version);
  const kind = kinds.get(reader.byte()) ?? reader.refuse("a known kind of answer");
  const response = readFields(reader, kind);
  reader.end();
  return response;
}

function readFields(reader: ByteReader, kind: Response["kind"]): Response {
  switch (kind) {
    case "admitted": {
      const republic = readRepublic(reader);
      const slot = reader.whole(1);
      const count = reader.count(limits.membersMax, citizenBytesMin);
      const contacts = Array.from({ length: count }, () => readCitizen(reader));
      return { kind, republic, slot, contacts };
    }
    case "enqueued":
      return { kind };
    case "effect":
      return { kind, effect: readEffect(reader), results: readResults(reader) };
    case "refused":
      return { kind, reason: readReason(reader), leader: reader.idOrNull() };
    case "barrier":
      return { kind, slot: reader.whole(), index: reader.whole() };
    case "entries": {
      const indexLast = reader.whole();
      return { kind, batches: readEntries(reader), indexLast };
    }
    case "answer":
      return { kind, index: reader.whole(), answer: reader.chunk(machineLimits.answerBytesMax) };
    case "chunk": {
      const offset = reader.whole();
      const size = reader.whole();
      return { kind, offset, size, bytes: reader.chunk(chunkBytesMax) };
    }
    case "records":
      return readRecords(reader);
    case "decrees":
      return { kind, decrees: readDecrees(reader) };
    case "document":
      return { kind, document: readDocument(reader) };
    default:
      return unreachable(kind);
  }
}

type Records = Extract<Response, { readonly kind: "records" }>;

function encodeRecords(response: Records): readonly Uint8Array[] {
  const { decided, length, slotLast, snapshot, damaged, decrees } = response;
  for (const value of [decided, length, slotLast, snapshot]) writer.whole(value);
  writer.whole(damaged.length);
  for (const slot of damaged) writer.whole(slot);
  return encodeDecrees(decrees);
}

function readRecords(reader: ByteReader): Records {
  const decided = reader.whole();
  const length = reader.whole();
  const slotLast = reader.whole();
  const snapshot = reader.whole();
  const count = reader.count(limits.learnSlotsMax, 1);
  const damaged = Array.from({ length: count }, () => reader.whole(1));
  const known = { decided, length, slotLast, snapshot, damaged };
  return { kind: "records", ...known, decrees: readDecrees(reader) };
}

/** Goes on with what `writer` holds already. */
function encodeDecrees(decrees: readonly FramedDecree[]): readonly Uint8Array[] {
  writeDecrees(
    writer,
    decrees.map(({ decree }) => decree),
  );
  return [writer.take(), ...decrees.flatMap(({ body }) => body ?? [])];
}

function writeEntries(batches: readonly EntriesBatch[]): void {
  assert(batches.length <= entriesBatchesMax, "an answer has no more batches than it may");
  writer.whole(batches.length);
  for (const batch of batches) {
    writer.whole(batch.index);
    writer.whole(batch.slot);
    writer.whole(batch.government);
    writer.float(batch.when);
    writer.whole(batch.publisher);
    writer.whole(batch.sequence);
    writer.whole(batch.count);
    writer.whole(batch.body.length);
  }
}

function readEntries(reader: ByteReader): readonly EntriesBatch[] {
  const count = reader.count(entriesBatchesMax, entriesBatchBytesMin);
  const heads = Array.from({ length: count }, () => readEntriesHead(reader));
  return heads.map(({ size, ...head }) => ({ ...head, body: reader.take(size) }));
}

function readEntriesHead(
  reader: ByteReader,
): Omit<EntriesBatch, "body"> & { readonly size: number } {
  return {
    index: reader.whole(1),
    slot: reader.whole(1),
    government: reader.whole(),
    when: reader.instant(),
    publisher: reader.whole(1),
    sequence: reader.whole(1),
    count: reader.whole(1, limits.batchEntriesMax),
    size: reader.whole(0, limits.batchBytesMax),
  };
}

function readDocument(reader: ByteReader): unknown {
  const bytes = reader.take(reader.left);
  try {
    const document: unknown = JSON.parse(decoder.decode(bytes));
    return document;
  } catch {
    return reader.refuse("JSON");
  }
}

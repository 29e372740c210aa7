/**
 * The small values that requests, answers and envelopes share, as bytes: descriptors of batches,
 * effects, refusals, citizens.
 */
import {
  limits,
  unreachable,
  type Batch,
  type Bootstrap,
  type Citizen,
  type Effect,
  type RefusalReason,
  type Registration,
  type RepublicIdentity,
} from "../../consensus/index.ts";
import { invert } from "./bytes.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { valueBytesMax } from "./decree-codec.ts";
import { decodeValue, encodeValue } from "./value-check.ts";

/**
 * The first byte of every request and answer is the version of the protocol that it is written in.
 * @throws {DecodeError} unless it is what both sides of its connection speak.
 */
export function readVersion(reader: ByteReader, version: number): void {
  const found = reader.byte();
  if (found !== version) reader.refuse(`version ${version}, found ${found}`);
}

/** Codes are never reused. */
const effectCodes: Readonly<Record<Effect["kind"], number>> = {
  none: 1,
  government: 2,
  membership: 3,
  registered: 4,
  refusedRegistration: 5,
  applied: 6,
  duplicate: 7,
  gap: 8,
  conflict: 9,
  unknownPublisher: 10,
};

const reasonCodes: Readonly<Record<RefusalReason, number>> = {
  notLeading: 1,
  busy: 2,
  gap: 3,
  idTaken: 4,
  notFound: 5,
  quorum: 6,
  noRepublic: 7,
  departed: 8,
  full: 9,
  notReady: 10,
  unreachable: 11,
  notWaiting: 12,
};

const effectKinds = invert(effectCodes);
const reasons = invert(reasonCodes);

export function writeBatch(writer: ByteWriter, batch: Batch): void {
  writer.whole(batch.publisher);
  writer.whole(batch.sequence);
  writer.whole(batch.count);
  writer.whole(batch.size);
  writer.uint32(batch.checksum);
}

export function readBatch(reader: ByteReader): Batch {
  const publisher = reader.whole(1);
  const sequence = reader.whole(1);
  const count = reader.whole(1, limits.batchEntriesMax);
  if (!Number.isSafeInteger(sequence + count)) reader.refuse("sequence numbers that are whole");
  const size = reader.whole(0, limits.batchBytesMax);
  return { kind: "batch", publisher, sequence, count, size, checksum: reader.uint32() };
}

/** What may be enqueued: a batch, or the registration of a publisher. */
export function writeSubmitted(writer: ByteWriter, value: Batch | Registration): void {
  writer.flag(value.kind === "batch");
  if (value.kind === "batch") writeBatch(writer, value);
  else writer.hex16(value.nonce);
}

export function readSubmitted(reader: ByteReader): Batch | Registration {
  return reader.flag() ? readBatch(reader) : { kind: "registration", nonce: reader.hex16() };
}

// oxlint-disable-next-line complexity -- one case a kind of effect.
export function writeEffect(writer: ByteWriter, effect: Effect): void {
  writer.byte(effectCodes[effect.kind]);
  switch (effect.kind) {
    case "none":
    case "government":
    case "membership":
    case "conflict":
    case "unknownPublisher":
      return;
    case "registered":
      writer.whole(effect.publisher);
      return writer.hex16(effect.nonce);
    case "refusedRegistration":
      return writer.hex16(effect.nonce);
    case "applied":
    case "duplicate":
      return writer.whole(effect.index);
    case "gap":
      return writer.whole(effect.expected);
    default:
      return unreachable(effect);
  }
}

// oxlint-disable-next-line complexity -- one case a kind of effect.
export function readEffect(reader: ByteReader): Effect {
  const kind = effectKinds.get(reader.byte());
  switch (kind) {
    case undefined:
      return reader.refuse("a known kind of effect");
    case "none":
    case "government":
    case "membership":
    case "conflict":
    case "unknownPublisher":
      return { kind };
    case "registered":
      return { kind, publisher: reader.whole(1), nonce: reader.hex16() };
    case "refusedRegistration":
      return { kind, nonce: reader.hex16() };
    case "applied":
    case "duplicate":
      return { kind, index: reader.whole() };
    case "gap":
      return { kind, expected: reader.whole() };
    default:
      return unreachable(kind);
  }
}

export function writeReason(writer: ByteWriter, reason: RefusalReason): void {
  writer.byte(reasonCodes[reason]);
}

export function readReason(reader: ByteReader): RefusalReason {
  return reasons.get(reader.byte()) ?? reader.refuse("a known reason");
}

/**
 * Rare: the JSON of its admission, whose every field is checked. JSON also keeps the order of the
 * fields, over which the hash of the decree is made.
 */
export function writeCitizen(writer: ByteWriter, citizen: Citizen): void {
  writer.chunk(encodeValue({ kind: "admission", citizen }));
}

export function readCitizen(reader: ByteReader): Citizen {
  const value = decodeValue("admission", reader.chunk(valueBytesMax));
  return value.kind === "admission" ? value.citizen : reader.refuse("a citizen");
}

/** As with a citizen: the JSON of its decree, in the order of its fields. */
export function writeBootstrap(writer: ByteWriter, bootstrap: Omit<Bootstrap, "kind">): void {
  const { republic, founder, parliamentSize } = bootstrap;
  writer.chunk(encodeValue({ kind: "bootstrap", republic, founder, parliamentSize }));
}

export function readBootstrap(reader: ByteReader): Bootstrap {
  const value = decodeValue("bootstrap", reader.chunk(valueBytesMax));
  return value.kind === "bootstrap" ? value : reader.refuse("a bootstrap");
}

export function writeRepublic(writer: ByteWriter, republic: RepublicIdentity): void {
  writer.text(republic.name);
  writer.hex16(republic.identity);
}

export function readRepublic(reader: ByteReader): RepublicIdentity {
  return { name: reader.text(limits.urlBytesMax), identity: reader.hex16() };
}

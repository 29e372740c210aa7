/**
 * The replicated state as bytes, in the one form that all nodes give it: in pieces, since its table
 * of publishers may be large. What is read back is checked field by field.
 */
import {
  compareIds,
  limits,
  type Departed,
  type Government,
  type Member,
  type PublisherResult,
  type PublisherState,
  type Refounded,
  type RepublicState,
} from "../../consensus/index.ts";
import type { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import {
  readBatch,
  readCitizen,
  readRepublic,
  writeBatch,
  writeCitizen,
  writeRepublic,
} from "./value-codec.ts";

/** Publishers in one piece: bounds the work between two turns of the event loop. */
const publishersPerPiece = 128;
/** The least that each stands for in the bytes. */
const memberBytesMin = 34;
const departedBytesMin = 12;
const refoundedBytesMin = 18;
const publisherBytesMin = 4;

/** The pieces follow one another without anything between them. */
export function* encodeRepublic(state: RepublicState): Generator<Uint8Array, void, void> {
  const writer = new ByteWriter();
  writer.begin();
  writeHead(writer, state);
  yield writer.take();
  for (let from = 0; from < state.publishers.length; from += publishersPerPiece) {
    writer.begin();
    for (const publisher of state.publishers.slice(from, from + publishersPerPiece)) {
      writePublisher(writer, publisher);
    }
    yield writer.take();
  }
}

/** @throws {DecodeError} when the bytes are not those of `encodeRepublic`. */
export function readRepublicState(reader: ByteReader): RepublicState {
  const republic = reader.flag() ? readRepublic(reader) : null;
  const parliamentSize = reader.whole(0, limits.parliamentSizeMax);
  const slot = reader.whole();
  const hash = reader.hex16();
  const stateHash = reader.hex16();
  const time = reader.whole();
  const index = reader.whole();
  const government = reader.flag() ? readGovernment(reader) : null;
  const members = list(reader, limits.membersMax, memberBytesMin, readMember);
  const departed = list(reader, limits.departedKept, departedBytesMin, readDeparted);
  const refounded = list(reader, limits.refoundedKept, refoundedBytesMin, readRefounded);
  const publishers = list(reader, limits.publishersMax, publisherBytesMin, readPublisher);
  return {
    republic,
    parliamentSize,
    slot,
    hash,
    stateHash,
    time,
    index,
    government,
    members,
    departed,
    refounded,
    publishers,
  };
}

function writeHead(writer: ByteWriter, state: RepublicState): void {
  writer.flag(state.republic !== null);
  if (state.republic !== null) writeRepublic(writer, state.republic);
  writer.whole(state.parliamentSize);
  writer.whole(state.slot);
  writer.hex16(state.hash);
  writer.hex16(state.stateHash);
  writer.whole(state.time);
  writer.whole(state.index);
  writer.flag(state.government !== null);
  if (state.government !== null) writeGovernment(writer, state.government);
  writer.whole(state.members.length);
  for (const member of state.members) writeMember(writer, member);
  writer.whole(state.departed.length);
  for (const { id, cookie, url, slot } of state.departed) {
    writer.id(id);
    writer.hex16(cookie);
    writer.text(url);
    writer.whole(slot);
  }
  writer.whole(state.refounded.length);
  for (const refounded of state.refounded) writeRefounded(writer, refounded);
  writer.whole(state.publishers.length);
}

function list<Item>(
  reader: ByteReader,
  most: number,
  bytesMin: number,
  read: (reader: ByteReader) => Item,
): readonly Item[] {
  const count = reader.count(most, bytesMin);
  return Array.from({ length: count }, () => read(reader));
}

function writeGovernment(writer: ByteWriter, government: Government): void {
  writer.whole(government.number);
  writer.whole(government.parliament.length);
  for (const id of government.parliament) writer.id(id);
  writer.id(government.leader);
  writer.whole(government.leaving.length);
  for (const id of government.leaving) writer.id(id);
  writer.whole(government.slot);
}

function readGovernment(reader: ByteReader): Government {
  const number = reader.whole(1);
  const parliament = list(reader, limits.parliamentSizeMax, 1, readId);
  const leader = reader.id();
  const isSorted = parliament.every(
    (id, at) => at === 0 || compareIds(parliament[at - 1] ?? "", id) < 0,
  );
  if (!isSorted || !parliament.includes(leader)) reader.refuse("a parliament with its leader");
  const leaving = list(reader, limits.membersMax, 1, readId);
  return { number, parliament, leader, leaving, slot: reader.whole(1) };
}

function readId(reader: ByteReader): string {
  return reader.id();
}

function writeMember(writer: ByteWriter, member: Member): void {
  const { id, cookie, url, properties } = member;
  writeCitizen(writer, { id, cookie, url, properties });
  writer.whole(member.admitted);
  writer.flag(member.naturalized);
  writer.flag(member.eligible);
}

function readMember(reader: ByteReader): Member {
  const citizen = readCitizen(reader);
  const admitted = reader.whole(1);
  const naturalized = reader.flag();
  return { ...citizen, admitted, naturalized, eligible: reader.flag() };
}

function readDeparted(reader: ByteReader): Departed {
  const id = reader.id();
  const cookie = reader.hex16();
  const url = reader.text(limits.urlBytesMax);
  return { id, cookie, url, slot: reader.whole(1) };
}

function writeRefounded(writer: ByteWriter, { cause, slot, when, before }: Refounded): void {
  writer.flag(cause === "restored");
  writer.whole(slot);
  writer.float(when);
  writeRepublic(writer, before);
}

function readRefounded(reader: ByteReader): Refounded {
  const cause = reader.flag() ? "restored" : "recovered";
  const slot = reader.whole(1);
  const when = reader.instant();
  return { cause, slot, when, before: readRepublic(reader) };
}

function writePublisher(writer: ByteWriter, publisher: PublisherState): void {
  writer.whole(publisher.publisher);
  writer.whole(publisher.sequenceNext);
  writer.whole(publisher.time);
  writer.whole(publisher.results.length);
  for (const { batch, index } of publisher.results) {
    writeBatch(writer, batch);
    writer.whole(index);
  }
}

function readPublisher(reader: ByteReader): PublisherState {
  const publisher = reader.whole(1);
  const sequenceNext = reader.whole(1);
  const time = reader.whole();
  const results = list(reader, limits.publisherResultsMax, 9, readResult);
  return { publisher, sequenceNext, results, time };
}

function readResult(reader: ByteReader): PublisherResult {
  const batch = readBatch(reader);
  return { batch, index: reader.whole(1) };
}

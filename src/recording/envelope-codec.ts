/**
 * Recorded inputs as bytes: descriptors and checksums, the bodies of batches only when they are
 * given. The live node writes inputs straight from here, without making envelopes of them.
 */
import {
  limits,
  unreachable,
  type Batch,
  type IslanderInput,
  type LegislatorInput,
  type Plain,
  type SubmissionResult,
} from "../../consensus/index.ts";
import { invert } from "../codec/bytes.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import {
  envelopeOf,
  islanderMethod,
  playedOf,
  type CheckpointBody,
  type Envelope,
  type Method,
  type Played,
} from "./envelope.ts";
import { decreesOf, readMessage, writeMessage } from "../codec/message-codec.ts";
import { encodeRepublic, readRepublicState } from "../codec/republic-codec.ts";
import { messageHead } from "../codec/request-codec.ts";
import {
  readBootstrap,
  readCitizen,
  readEffect,
  readReason,
  readRepublic,
  readSubmitted,
  writeBootstrap,
  writeCitizen,
  writeEffect,
  writeReason,
  writeRepublic,
  writeSubmitted,
} from "../codec/value-codec.ts";

/** Codes are never reused. */
const methodCodes: Readonly<Record<Method, number>> = {
  bootstrap: 1,
  join: 2,
  immigrate: 3,
  naturalize: 4,
  exile: 5,
  transfer: 6,
  event: 7,
  receive: 8,
  enqueue: 9,
  persisted: 10,
  sent: 11,
  barrier: 12,
  register: 13,
  publish: 14,
  published: 15,
  resubmit: 16,
  checkpoint: 17,
  applied: 23,
  install: 22,
  room: 18,
  promote: 19,
  demote: 20,
};

const methods = invert(methodCodes);
/** How a submission ended: by an effect, refused, or without an answer. */
const resultCodes = { effect: 1, refused: 2, lost: 3, forbidden: 4 } as const;
const citizenBytesMin = 32;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type Bodies = readonly (Uint8Array | null)[];

/** The bytes of an envelope in pieces: its bodies, if it has any, are not copied. */
export function encodeEnvelope(envelope: Envelope): readonly Uint8Array[] {
  const writer = new ByteWriter();
  writer.begin();
  const bodies = writePlayed(writer, playedOf(envelope));
  return [writer.take(), ...bodies];
}

/** @throws {DecodeError} when `bytes` are none that `encodeEnvelope` gives. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return envelopeOf(readPlayed(new ByteReader(bytes)));
}

/** Writes everything but the bodies; returns those that are to follow. */
function writePlayed(writer: ByteWriter, played: Played): readonly Uint8Array[] {
  switch (played.target) {
    case "legislator":
      return writeLegislatorInput(writer, played.input, played.bodies);
    case "islander":
      writeIslanderInput(writer, played.input);
      return [];
    case "checkpoint":
      writeHead(writer, "checkpoint", false);
      writer.float(played.when);
      writer.copy(encoder.encode(JSON.stringify(played.body)));
      return [];
    default:
      return unreachable(played);
  }
}

/** Reads up to the end. @throws {DecodeError} */
export function readPlayed(reader: ByteReader): Played {
  const method = methods.get(reader.byte()) ?? reader.refuse("a known method");
  const withBodies = reader.flag();
  const when = reader.instant();
  if (withBodies && method !== "receive" && method !== "enqueue") reader.refuse("no bodies");
  const played = readBody(reader, method, { when, withBodies });
  reader.end();
  return played;
}

function writeHead(writer: ByteWriter, method: Method, withBodies: boolean): void {
  writer.byte(methodCodes[method]);
  writer.flag(withBodies);
}

/** As `writePlayed`, for an input of the Legislator. */
export function writeLegislatorInput(
  writer: ByteWriter,
  input: LegislatorInput,
  bodies: Bodies | null,
): readonly Uint8Array[] {
  writeHead(writer, input.kind, bodies !== null);
  writer.float(input.when);
  writer.whole(input.now);
  writeLegislatorFields(writer, input);
  return bodies === null ? [] : bodies.filter((body) => body !== null);
}

// oxlint-disable-next-line complexity -- one case a kind of input.
function writeLegislatorFields(writer: ByteWriter, input: LegislatorInput): void {
  switch (input.kind) {
    case "bootstrap":
      return writeBootstrap(writer, input);
    case "join":
      writeRepublic(writer, input.republic);
      writer.whole(input.contacts.length);
      for (const contact of input.contacts) writeCitizen(writer, contact);
      return;
    case "immigrate":
      return writeCitizen(writer, input.citizen);
    case "naturalize":
      return;
    case "exile":
    case "demote":
      return writer.id(input.id);
    case "promote":
      writer.id(input.id);
      return writer.id(input.insteadOf);
    case "transfer":
    case "sent":
      return writer.id(input.to);
    case "event":
      return writer.float(input.jitter);
    case "receive": {
      writer.id(input.from);
      writer.hex16(input.cookie);
      const head = messageHead(input.message);
      return head === null ? writeMessage(writer, input.message) : writer.copy(head);
    }
    case "enqueue":
      return writeSubmitted(writer, input.value);
    case "persisted":
      return writer.whole(input.write);
    case "room":
      return writer.flag(input.hasRoom);
    case "barrier":
      return writer.whole(input.barrier);
    case "applied":
      writer.whole(input.slot);
      return writer.hex16(input.hash);
    case "install":
      for (const piece of encodeRepublic(input.state)) writer.copy(piece);
      return;
    default:
      return unreachable(input);
  }
}

/** As `writePlayed`, for an input of the Islander. */
export function writeIslanderInput(writer: ByteWriter, input: IslanderInput): void {
  writeHead(writer, islanderMethod(input), false);
  writer.float(input.when);
  writer.whole(input.now);
  switch (input.kind) {
    case "open":
      writer.hex16(input.nonce);
      writer.flag(input.resume !== null);
      if (input.resume === null) return;
      writer.whole(input.resume.publisher);
      return writer.whole(input.resume.sequenceNext);
    case "publish":
      writer.whole(input.count);
      writer.whole(input.size);
      return writer.uint32(input.checksum);
    case "published":
      writer.whole(input.sequence);
      writer.whole(input.attempt);
      writeResult(writer, input.result);
      return writer.float(input.jitter);
    case "event":
      return;
    default:
      return unreachable(input);
  }
}

function writeResult(writer: ByteWriter, result: SubmissionResult): void {
  const { kind } = result;
  if (kind === "lost" || kind === "forbidden") return writer.byte(resultCodes[kind]);
  if (result.kind === "refused") {
    writer.byte(resultCodes.refused);
    return writeReason(writer, result.reason);
  }
  writer.byte(resultCodes.effect);
  return writeEffect(writer, result);
}

function readResult(reader: ByteReader): SubmissionResult {
  switch (reader.byte()) {
    case resultCodes.lost:
      return { kind: "lost" };
    case resultCodes.forbidden:
      return { kind: "forbidden" };
    case resultCodes.refused:
      return { kind: "refused", reason: readReason(reader) };
    case resultCodes.effect:
      return readEffect(reader);
    default:
      return reader.refuse("a known result");
  }
}

interface Head {
  readonly when: number;
  readonly withBodies: boolean;
}

function readBody(reader: ByteReader, method: Method, { when, withBodies }: Head): Played {
  if (method === "checkpoint") return { target: "checkpoint", when, body: readCheckpoint(reader) };
  const stamp = { now: reader.whole(), when };
  if (method === "receive") return readReceive(reader, stamp, withBodies);
  if (method === "enqueue") return readEnqueue(reader, stamp, withBodies);
  if (isIslanderMethod(method)) {
    return { target: "islander", input: readIslanderInput(reader, method, stamp) };
  }
  return { target: "legislator", input: readLegislatorInput(reader, method, stamp), bodies: null };
}

function isIslanderMethod(method: Method): method is IslanderMethod {
  return methodCodes[method] >= methodCodes.register && methodCodes[method] <= methodCodes.resubmit;
}

interface Stamp {
  readonly now: number;
  readonly when: number;
}

function readReceive(reader: ByteReader, stamp: Stamp, withBodies: boolean): Played {
  const from = reader.id();
  const cookie = reader.hex16();
  const { message, bodies } = readMessage(reader, withBodies);
  return {
    target: "legislator",
    input: { kind: "receive", ...stamp, from, cookie, message },
    bodies: withBodies ? bodies : null,
  };
}

function readEnqueue(reader: ByteReader, stamp: Stamp, withBodies: boolean): Played {
  const value = readSubmitted(reader);
  const body = withBodies && value.kind === "batch" ? reader.take(value.size) : null;
  const bodies = withBodies ? [body] : null;
  return { target: "legislator", input: { kind: "enqueue", ...stamp, value }, bodies };
}

type Plainer = Exclude<LegislatorInput["kind"], "receive" | "enqueue">;

function readLegislatorInput(reader: ByteReader, kind: Plainer, stamp: Stamp): LegislatorInput {
  switch (kind) {
    case "bootstrap":
      return { ...readBootstrap(reader), ...stamp };
    case "join": {
      const republic = readRepublic(reader);
      const count = reader.count(limits.membersMax, citizenBytesMin);
      const contacts = Array.from({ length: count }, () => readCitizen(reader));
      return { kind, ...stamp, republic, contacts };
    }
    case "immigrate":
      return { kind, ...stamp, citizen: readCitizen(reader) };
    case "naturalize":
      return { kind, ...stamp };
    case "exile":
    case "demote":
      return { kind, ...stamp, id: reader.id() };
    case "promote":
      return { kind, ...stamp, id: reader.id(), insteadOf: reader.idOrNull() };
    case "transfer":
      return { kind, ...stamp, to: reader.idOrNull() };
    case "event":
      return { kind, ...stamp, jitter: reader.fraction() };
    case "persisted":
      return { kind, ...stamp, write: reader.whole() };
    case "sent":
      return { kind, ...stamp, to: reader.id() };
    case "room":
      return { kind, ...stamp, hasRoom: reader.flag() };
    case "barrier":
      return { kind, ...stamp, barrier: reader.whole() };
    case "applied":
      return { kind, ...stamp, slot: reader.whole(1), hash: reader.hex16() };
    case "install":
      return { kind, ...stamp, state: readRepublicState(reader) };
    default:
      return unreachable(kind);
  }
}

type IslanderMethod = ReturnType<typeof islanderMethod>;

function readIslanderInput(
  reader: ByteReader,
  method: IslanderMethod,
  stamp: Stamp,
): IslanderInput {
  switch (method) {
    case "register": {
      const nonce = reader.hex16();
      const resume = reader.flag()
        ? { publisher: reader.whole(1), sequenceNext: reader.whole(1) }
        : null;
      return { kind: "open", ...stamp, nonce, resume };
    }
    case "publish": {
      const count = reader.whole(1, limits.batchEntriesMax);
      const size = reader.whole(0, limits.batchBytesMax);
      return { kind: "publish", ...stamp, count, size, checksum: reader.uint32() };
    }
    case "published": {
      const sequence = reader.whole();
      const attempt = reader.whole();
      const result = readResult(reader);
      return { kind: "published", ...stamp, sequence, attempt, result, jitter: reader.fraction() };
    }
    case "resubmit":
      return { kind: "event", ...stamp };
    default:
      return unreachable(method);
  }
}

function readCheckpoint(reader: ByteReader): CheckpointBody {
  const bytes = reader.take(reader.left);
  let body: Plain;
  try {
    body = JSON.parse(decoder.decode(bytes));
  } catch {
    return reader.refuse("the JSON of a checkpoint");
  }
  if (typeof body !== "object" || body === null || !("legislator" in body)) {
    return reader.refuse("a checkpoint");
  }
  return { legislator: body["legislator"] ?? null, islander: body["islander"] ?? null };
}

/** The bodies that `input` names, by `bodyOf`; null when one is not at hand. */
export function bodiesOf(
  input: LegislatorInput,
  bodyOf: (batch: Batch) => Uint8Array | null,
): Bodies | null {
  if (input.kind !== "receive" && input.kind !== "enqueue") return null;
  const values =
    input.kind === "enqueue" ? [input.value] : decreesOf(input.message).map(({ value }) => value);
  const bodies: (Uint8Array | null)[] = [];
  for (const value of values) {
    const body = value.kind === "batch" ? bodyOf(value) : null;
    if (value.kind === "batch" && body === null) return null;
    bodies.push(body);
  }
  return bodies;
}

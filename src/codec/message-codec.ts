/**
 * Messages between legislators as bytes, written by hand. The head holds everything but the bodies
 * of batches; on the wire they follow it in their order, in a recording they are left out.
 */
import {
  assert,
  limits,
  unreachable,
  type Decree,
  type Answer,
  type Heard,
  type Message,
  type Report,
} from "../../consensus/index.ts";
import { invert } from "./bytes.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import {
  decodeBodySize,
  decodeDecree,
  decodeDescriptor,
  decreeBody,
  decreeHeaderBytes,
  encodeDecreeHeader,
  encodeDescriptor,
  isBatchHeader,
  type FramedDecree,
} from "./decree-codec.ts";

/** Codes are never reused. */
const kindCodes: Readonly<Record<Message["kind"], number>> = {
  ping: 1,
  pong: 2,
  prepare: 3,
  promised: 4,
  refused: 5,
  synchronize: 6,
  accept: 7,
  accepted: 8,
  resynchronize: 9,
  decide: 10,
  confirm: 11,
  confirmed: 12,
  fetch: 13,
  learn: 14,
  ahead: 15,
  naturalize: 16,
  takeOver: 17,
};

const kinds = invert(kindCodes);

/** More decrees than any message of ours carries: a learn, or all that is undecided, twice. */
const messageDecreesMax: number = 2 * Math.max(limits.learnSlotsMax, limits.slotsInFlightMax);

/** One body for each decree of the message: null where the decree has none, or it was left out. */
export interface FramedMessage {
  readonly message: Message;
  readonly bodies: readonly (Uint8Array | null)[];
}

/** The decrees that `message` carries. */
export function decreesOf(message: Message): readonly Decree[] {
  return "decrees" in message ? message.decrees : [];
}

/** Writes everything but the bodies of batches. */
// oxlint-disable-next-line complexity -- one case a kind of message.
export function writeMessage(writer: ByteWriter, message: Message): void {
  writer.byte(kindCodes[message.kind]);
  switch (message.kind) {
    case "ping":
      writer.whole(message.round);
      writeReport(writer, message.report);
      writer.flag(message.answer !== null);
      return message.answer === null ? undefined : writeAnswer(writer, message.answer);
    case "pong":
      writer.whole(message.round);
      writeReport(writer, message.report);
      return writeAnswer(writer, message.answer);
    case "prepare":
    case "resynchronize":
      writer.ballot(message.ballot);
      return writeExtent(writer, message);
    case "promised":
      writer.ballot(message.ballot);
      writeExtent(writer, message);
      writer.whole(message.intact);
      return writeDecrees(writer, message.decrees);
    case "refused":
      writer.ballot(message.ballot);
      return writer.ballot(message.promised);
    case "synchronize":
      writer.ballot(message.ballot);
      writer.whole(message.slotFirst);
      writer.hex16(message.hashBefore);
      writer.whole(message.decided);
      return writeDecrees(writer, message.decrees);
    case "accept":
      writer.ballot(message.ballot);
      writer.whole(message.decided);
      return writeDecrees(writer, message.decrees);
    case "accepted":
      writer.ballot(message.ballot);
      return writer.whole(message.length);
    case "decide":
      writer.ballot(message.ballot);
      return writer.whole(message.decided);
    case "confirm":
    case "confirmed":
      writer.ballot(message.ballot);
      return writer.whole(message.round);
    case "fetch":
      writer.whole(message.slotFirst);
      return writer.flag(message.follow);
    case "learn":
      writer.whole(message.decided);
      return writeDecrees(writer, message.decrees);
    case "ahead":
      writer.whole(message.government);
      return writer.whole(message.decided);
    case "naturalize":
      return;
    case "takeOver":
      return writer.ballot(message.ballot);
    default:
      return unreachable(message);
  }
}

/**
 * Reads a message up to the end of `reader`; the bodies are views.
 * @throws {DecodeError} when the bytes are not those that `writeMessage` writes.
 */
export function readMessage(reader: ByteReader, withBodies: boolean): FramedMessage {
  const bodies: (Uint8Array | null)[] = [];
  const message = readFields(reader, new DecreeSource(reader, withBodies, bodies));
  reader.end();
  return { message, bodies };
}

// oxlint-disable-next-line complexity -- one case a kind of message.
function readFields(reader: ByteReader, source: DecreeSource): Message {
  const kind = kinds.get(reader.byte());
  switch (kind) {
    case undefined:
      return reader.refuse("a known kind of message");
    case "ping": {
      const [round, report] = [reader.whole(), readReport(reader)];
      return { kind, round, report, answer: reader.flag() ? readAnswer(reader) : null };
    }
    case "pong":
      return {
        kind,
        round: reader.whole(),
        report: readReport(reader),
        answer: readAnswer(reader),
      };
    case "prepare":
    case "resynchronize":
      return { kind, ballot: reader.ballot(), ...readExtent(reader) };
    case "promised": {
      const promise = { ballot: reader.ballot(), ...readExtent(reader), intact: reader.whole() };
      return { kind, ...promise, decrees: source.read() };
    }
    case "refused":
      return { kind, ballot: reader.ballot(), promised: reader.ballot() };
    case "synchronize":
      return readSynchronize(reader, source);
    case "accept": {
      const ballot = reader.ballot();
      const decided = reader.whole();
      return { kind, ballot, decrees: source.read(1), decided };
    }
    case "accepted":
      return { kind, ballot: reader.ballot(), length: reader.whole() };
    case "decide":
      return { kind, ballot: reader.ballot(), decided: reader.whole() };
    case "confirm":
    case "confirmed":
      return { kind, ballot: reader.ballot(), round: reader.whole() };
    case "fetch":
      return { kind, slotFirst: reader.whole(1), follow: reader.flag() };
    case "learn": {
      const decided = reader.whole();
      return { kind, decrees: source.read(), decided };
    }
    case "ahead":
      return { kind, government: reader.whole(), decided: reader.whole() };
    case "naturalize":
      return { kind };
    case "takeOver":
      return { kind, ballot: reader.ballot() };
    default:
      return unreachable(kind);
  }
}

function readSynchronize(reader: ByteReader, source: DecreeSource): Message {
  const ballot = reader.ballot();
  const slotFirst = reader.whole(1);
  const hashBefore = reader.hex16();
  const decided = reader.whole();
  return { kind: "synchronize", ballot, slotFirst, hashBefore, decrees: source.read(), decided };
}

function writeReport(writer: ByteWriter, report: Report): void {
  writer.whole(report.government);
  writer.ballot(report.promised);
  writeExtent(writer, report);
  writer.hex16(report.stateHash);
  writer.ballotOrNull(report.leading);
  writer.flag(report.quorumConnected);
  writer.flag(report.timely);
  writer.flag(report.hasRoom);
  writer.ballotOrNull(report.hearsFit);
  writer.id(report.chooses);
  writer.whole(report.starts);
}

function readReport(reader: ByteReader): Report {
  return {
    government: reader.whole(),
    promised: reader.ballot(),
    ...readExtent(reader),
    stateHash: reader.hex16(),
    leading: reader.ballotOrNull(),
    quorumConnected: reader.flag(),
    timely: reader.flag(),
    hasRoom: reader.flag(),
    hearsFit: reader.ballotOrNull(),
    chooses: reader.idOrNull(),
    starts: reader.whole(),
  };
}

function writeAnswer(writer: ByteWriter, { starts, round, heard }: Answer): void {
  writer.whole(starts);
  writer.whole(round);
  writer.flag(heard !== null);
  if (heard !== null) writeHeard(writer, heard);
}

function readAnswer(reader: ByteReader): Answer {
  const [starts, round] = [reader.whole(), reader.whole()];
  return { starts, round, heard: reader.flag() ? readHeard(reader) : null };
}

/** Of a peer's latest attestation, as in an answer. */
function writeHeard(writer: ByteWriter, heard: Heard): void {
  writer.id(heard.id);
  writer.hex16(heard.cookie);
  writer.whole(heard.starts);
  writer.ballot(heard.promised);
  writer.ballot(heard.accepted);
  writer.whole(heard.length);
}

function readHeard(reader: ByteReader): Heard {
  return {
    id: reader.id(),
    cookie: reader.hex16(),
    starts: reader.whole(),
    promised: reader.ballot(),
    accepted: reader.ballot(),
    length: reader.whole(),
  };
}

type Extent = Pick<Report, "accepted" | "length" | "decided">;

function writeExtent(writer: ByteWriter, { accepted, length, decided }: Extent): void {
  writer.ballot(accepted);
  writer.whole(length);
  writer.whole(decided);
}

function readExtent(reader: ByteReader): Extent {
  return { accepted: reader.ballot(), length: reader.whole(), decided: reader.whole() };
}

/**
 * Headers one after the other; the JSON of a small value right after its header. The bodies of
 * batches are to follow them.
 */
export function writeDecrees(writer: ByteWriter, decrees: readonly Decree[]): void {
  assert(decrees.length <= messageDecreesMax, "a message carries no more than it may");
  writer.whole(decrees.length);
  for (const decree of decrees) {
    if (decree.value.kind === "batch") {
      writer.reserve(decreeHeaderBytes);
      encodeDescriptor(decree, writer.view, writer.at);
      writer.at += decreeHeaderBytes;
    } else {
      const body = decreeBody(decree, null);
      writer.reserve(decreeHeaderBytes + body.length);
      encodeDecreeHeader(decree, body, writer.view, writer.at);
      writer.at += decreeHeaderBytes;
      writer.copy(body);
    }
  }
}

/** Reads decrees and their bodies; these are views. @throws {DecodeError} */
export function readDecrees(reader: ByteReader): readonly FramedDecree[] {
  const bodies: (Uint8Array | null)[] = [];
  const decrees = new DecreeSource(reader, true, bodies).read();
  return decrees.map((decree, at) => ({ decree, body: bodies[at] ?? null }));
}

/** Reads the decrees at the end of a message, whose bodies follow all headers. */
class DecreeSource {
  readonly #reader: ByteReader;
  readonly #withBodies: boolean;
  readonly #bodies: (Uint8Array | null)[];

  constructor(reader: ByteReader, withBodies: boolean, bodies: (Uint8Array | null)[]) {
    this.#reader = reader;
    this.#withBodies = withBodies;
    this.#bodies = bodies;
  }

  read(least = 0): readonly Decree[] {
    const reader = this.#reader;
    const { bytes, view } = reader;
    const count = reader.count(messageDecreesMax, decreeHeaderBytes);
    if (count < least) reader.refuse(`at least ${least} decrees`);
    const headers = Array.from({ length: count }, () => this.#skipHeader());
    return headers.map((at) => {
      const isBatch = isBatchHeader(view, at);
      if (isBatch && !this.#withBodies) {
        this.#bodies.push(null);
        return decodeDescriptor(view, at);
      }
      const bodyAt = isBatch ? reader.at : at + decreeHeaderBytes;
      const { decree, body } = decodeDecree(bytes, view, at, bodyAt);
      if (isBatch) reader.at += decodeBodySize(view, at);
      this.#bodies.push(body);
      return decree;
    });
  }

  /** Where the header stands that the reader was at. */
  #skipHeader(): number {
    const reader = this.#reader;
    const { at, view } = reader;
    const size = decodeBodySize(view, at);
    reader.take(decreeHeaderBytes + (isBatchHeader(view, at) ? 0 : size));
    return at;
  }
}

/** Where the head of a message ends whose decrees have these bodies, all of them at its end. */
export function headEnd(bytes: Uint8Array, bodies: readonly (Uint8Array | null)[]): number {
  return bodies.reduce((end, body) => end - (body?.length ?? 0), bytes.length);
}

/**
 * Requests and answers between nodes, and between clients and nodes, as bytes. Bodies of batches
 * are pieces of their own, never copied; what is decoded keeps views into the frame.
 */
import { assert, limits, unreachable, type Message } from "../../consensus/index.ts";
import type { Codec } from "../../transport/portable.ts";
import { invert } from "./bytes.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { decreesOf, headEnd, readMessage, writeMessage } from "./message-codec.ts";
import { machineLimits } from "../machine/machine-limits.ts";
import type { ReceiveRequest, Request } from "../requests.ts";
import { protocol } from "../version.ts";
import {
  readBatch,
  readCitizen,
  readRepublic,
  readVersion,
  writeBatch,
  writeCitizen,
  writeRepublic,
} from "./value-codec.ts";

/** Codes are never reused. */
const methodCodes: Readonly<Record<Request["method"], number>> = {
  receive: 1,
  immigrate: 2,
  enqueue: 3,
  register: 4,
  barrier: 5,
  entries: 6,
  status: 7,
  report: 8,
  exile: 9,
  transfer: 10,
  query: 16,
  snapshot: 15,
  promote: 11,
  demote: 12,
  invite: 13,
  repair: 14,
  decrees: 17,
};

const methods = invert(methodCodes);
const { questionBytesMax } = machineLimits;
/** More than any node of this protocol sends: a request is forwarded at most once. */
const hopsMax = 255;
const writer = new ByteWriter();

/**
 * The heads of messages that carry decrees: one message to several receivers is written once, and
 * one that was received is recorded as it came.
 */
const heads = new WeakMap<Message, Uint8Array>();
/** What stands before the message in the head of a receive: version and method. */
const headPrefixBytes = 2;

/**
 * The message as `writeMessage` writes it, if a `receive` of it is at hand as bytes of the latest
 * version: a peer may speak an earlier one.
 */
export function messageHead(message: Message): Uint8Array | null {
  const head = heads.get(message);
  return head?.[0] === protocol.most ? head.subarray(headPrefixBytes) : null;
}

export const requestCodec: Codec<Request> = { encode: encodeRequest, decode: decodeRequest };

function wholes(...values: readonly number[]): void {
  for (const value of values) writer.whole(value);
}

function encodeRequest(request: Request, version = protocol.most): readonly Uint8Array[] {
  if (request.method === "receive") return encodeReceive(request, version);
  begin(request.method, version);
  switch (request.method) {
    case "immigrate":
      writer.flag(request.republic !== null);
      if (request.republic !== null) writer.text(request.republic);
      writeCitizen(writer, request.citizen);
      writer.whole(request.hops);
      break;
    case "enqueue":
      assert(request.body.length === request.batch.size, "a batch travels with its body");
      writeBatch(writer, request.batch);
      writer.whole(request.hops);
      return [writer.take(), request.body];
    case "register":
      writer.hex16(request.nonce);
      writer.whole(request.hops);
      break;
    case "barrier":
      writer.whole(request.hops);
      break;
    case "exile":
    case "demote":
      writer.id(request.id);
      writer.hex16(request.cookie);
      writer.whole(request.hops);
      break;
    case "promote":
      writer.id(request.id);
      writer.hex16(request.cookie);
      writer.id(request.insteadOf);
      writer.whole(request.hops);
      break;
    case "invite":
      writer.flag(request.republic !== null);
      if (request.republic !== null) writeRepublic(writer, request.republic);
      writer.text(request.url);
      break;
    case "transfer":
      writer.id(request.to);
      writer.whole(request.hops);
      break;
    case "entries":
      wholes(request.index, request.bytesMax, request.waitMs);
      break;
    case "query":
      writer.flag(request.isStale);
      writer.whole(request.index);
      writer.whole(request.waitMs);
      writer.whole(request.question.length);
      return [writer.take(), request.question];
    case "snapshot":
      wholes(request.slot, request.offset, request.bytesMax);
      break;
    case "repair":
      writer.whole(request.slotFirst);
      writer.whole(request.slotLast);
      break;
    case "decrees":
      wholes(request.slotFirst, request.slotLast, request.bytesMax);
      break;
    case "status":
    case "report":
      break;
    default:
      return unreachable(request);
  }
  return [writer.take()];
}

function begin(method: Request["method"], version: number): void {
  writer.begin();
  writer.byte(version);
  writer.byte(methodCodes[method]);
}

function encodeReceive(
  { message, bodies }: ReceiveRequest,
  version: number,
): readonly Uint8Array[] {
  const decrees = decreesOf(message);
  assert(bodies.length === decrees.length, "each decree has its body beside it, or null");
  let head = heads.get(message);
  if (head?.[0] !== version) {
    begin("receive", version);
    writeMessage(writer, message);
    head = writer.take();
    if (decrees.length > 0) heads.set(message, head);
  }
  const pieces = [head];
  decrees.forEach(({ value }, position) => {
    if (value.kind !== "batch") return;
    const body = bodies[position];
    assert(body?.length === value.size, "a batch travels with its body");
    pieces.push(body);
  });
  return pieces;
}

/** @throws {DecodeError} when `bytes` are not a request of this version. */
function decodeRequest(bytes: Uint8Array, version = protocol.most): Request {
  const reader = new ByteReader(bytes);
  readVersion(reader, version);
  const method = methods.get(reader.byte()) ?? reader.refuse("a known method");
  if (method === "receive") return decodeReceive(reader);
  const request = readFields(reader, method);
  reader.end();
  return request;
}

function decodeReceive(reader: ByteReader): ReceiveRequest {
  const { bytes } = reader;
  const { message, bodies } = readMessage(reader, true);
  if (bodies.length > 0) heads.set(message, bytes.subarray(0, headEnd(bytes, bodies)));
  return { method: "receive", message, bodies };
}

function readFields(reader: ByteReader, method: Exclude<Request["method"], "receive">): Request {
  switch (method) {
    case "immigrate": {
      const republic = reader.flag() ? reader.text(limits.urlBytesMax) : null;
      const citizen = readCitizen(reader);
      return { method, republic, citizen, hops: reader.whole(0, hopsMax) };
    }
    case "enqueue": {
      const batch = readBatch(reader);
      const hops = reader.whole(0, hopsMax);
      return { method, batch, body: reader.take(batch.size), hops };
    }
    case "register":
      return { method, nonce: reader.hex16(), hops: reader.whole(0, hopsMax) };
    case "barrier":
      return { method, hops: reader.whole(0, hopsMax) };
    case "exile":
    case "demote": {
      const id = reader.id();
      return { method, id, cookie: reader.hex16(), hops: reader.whole(0, hopsMax) };
    }
    case "promote": {
      const id = reader.id();
      const cookie = reader.hex16();
      const insteadOf = reader.idOrNull();
      return { method, id, cookie, insteadOf, hops: reader.whole(0, hopsMax) };
    }
    case "invite": {
      const republic = reader.flag() ? readRepublic(reader) : null;
      return { method, republic, url: reader.text(limits.urlBytesMax) };
    }
    case "transfer":
      return { method, to: reader.idOrNull(), hops: reader.whole(0, hopsMax) };
    case "entries":
      return {
        method,
        // What a user asks for is compared, never counted on from.
        index: reader.whole(0, Number.MAX_SAFE_INTEGER),
        bytesMax: reader.whole(0, Number.MAX_SAFE_INTEGER),
        waitMs: reader.whole(0, Number.MAX_SAFE_INTEGER),
      };
    case "query": {
      const isStale = reader.flag();
      const index = reader.whole(0, Number.MAX_SAFE_INTEGER);
      const waitMs = reader.whole(0, Number.MAX_SAFE_INTEGER);
      return { method, question: reader.chunk(questionBytesMax), isStale, index, waitMs };
    }
    case "snapshot":
      return {
        method,
        slot: reader.whole(1),
        offset: reader.whole(),
        bytesMax: reader.whole(),
      };
    case "repair":
      return { method, slotFirst: reader.whole(1), slotLast: reader.whole(1) };
    case "decrees":
      return {
        method,
        slotFirst: reader.whole(1),
        slotLast: reader.whole(1),
        bytesMax: reader.whole(0, Number.MAX_SAFE_INTEGER),
      };
    case "status":
    case "report":
      return { method };
    default:
      return unreachable(method);
  }
}

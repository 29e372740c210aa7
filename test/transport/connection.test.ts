/** The handshake, the writes and the end of one connection, on both ends, without a network. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../../src/codec/crc32.ts";
import { Connection } from "../../transport/connection.ts";
import type { ConnectionEvents } from "../../transport/connection.ts";
import { frameKinds, FrameParser } from "../../transport/framing.ts";
import type { Frame } from "../../transport/framing.ts";
import { encodeHello } from "../../transport/hello.ts";
import { transportLimits } from "../../transport/index.ts";
import type { Callee, Hello, TransportError } from "../../transport/index.ts";
import { Outbox } from "../../transport/outbox.ts";
import { Places } from "../../transport/places.ts";
import { Visit } from "../../transport/visit.ts";
import { helloOf, parcelCodec, parcelOptions } from "../conformance/caller.ts";
import type { Parcel } from "../conformance/caller.ts";
import { FakeWire, ManualTiming } from "./fake-wire.ts";
import { settingsOf } from "../../transport/transport-settings.ts";

const protocol = { least: 1, most: 1 };
const framing = { version: 1, checksum: crc32 };

interface End {
  readonly wire: FakeWire;
  readonly timing: ManualTiming;
  readonly connection: Connection;
  readonly opened: Hello[];
  readonly frames: Frame[];
  readonly lost: TransportError[];
}

function makeEnd(hello: Hello = helloOf("a")): End {
  const wire = new FakeWire();
  const timing = new ManualTiming();
  const opened: Hello[] = [];
  const frames: Frame[] = [];
  const lost: TransportError[] = [];
  const events: ConnectionEvents = {
    hello: () => hello,
    opened: (remote) => opened.push(remote),
    frame: (frame) => frames.push(frame),
    drained: () => undefined,
    lost: (error) => lost.push(error),
  };
  const settings = { limits: transportLimits, timing, protocol, checksum: crc32 };
  const connection = new Connection(wire, "bulk", settings, events);
  return { wire, timing, connection, opened, frames, lost };
}

function frameOf(kind: Frame["kind"], id: number, body: Uint8Array): Uint8Array {
  const outbox = new Outbox(framing);
  outbox.append(kind, id, [body]);
  return Buffer.concat(outbox.take());
}

function kindsIn(bytes: Uint8Array): readonly number[] {
  const parser = new FrameParser(framing, transportLimits.frameBytesMax);
  const kinds: number[] = [];
  parser.push(bytes);
  for (let frame = parser.next(); frame !== null; frame = parser.next()) kinds.push(frame.kind);
  return kinds;
}

const helloFrame = frameOf(frameKinds.hello, 0, encodeHello(helloOf("b"), null));

test("hello is the first frame, and everything of one turn is one write", () => {
  const { wire, timing, connection, opened } = makeEnd();
  assert.deepEqual(wire.writes, []);
  wire.events?.opened();
  assert.deepEqual(wire.writes.map(kindsIn), [[frameKinds.hello]]);
  wire.events?.data(helloFrame);
  assert.deepEqual(opened, [helloOf("b")]);
  for (let id = 0; id < 500; id += 1) connection.send(frameKinds.tell, id, [new Uint8Array(id)]);
  assert.equal(wire.writes.length, 1);
  timing.turn();
  assert.equal(wire.writes.length, 2);
  assert.equal(kindsIn(wire.writes[1]!).length, 500);
  timing.turn();
  assert.equal(wire.writes.length, 2);
  assert.equal(timing.timers, 0);
});

test("a silent peer is given up, told so, and cut within the linger time", async () => {
  const { wire, timing, connection, lost } = makeEnd();
  wire.events?.opened();
  timing.advance(transportLimits.dialMs - 1);
  assert.equal(lost.length, 0);
  timing.advance(1);
  assert.deepEqual(
    lost.map(({ code }) => code),
    ["KBZ_TIMEOUT"],
  );
  assert.deepEqual(kindsIn(wire.writes[1]!), [frameKinds.bye]);
  assert.deepEqual([wire.ended, wire.destroyed], [true, false]);
  timing.advance(transportLimits.lingerMs);
  assert.equal(wire.destroyed, true);
  await connection.gone;
  assert.equal(timing.timers, 0);
});

test("a wire that never opens is given up without a word", () => {
  const { wire, timing, lost } = makeEnd();
  timing.advance(transportLimits.dialMs - 1);
  assert.equal(lost.length, 0);
  timing.advance(1);
  assert.deepEqual(
    lost.map(({ code, outcome }) => `${code} ${outcome}`),
    ["KBZ_TIMEOUT none"],
  );
  assert.deepEqual([wire.writes.length, wire.destroyed], [0, true]);
});

test("nothing large is waited for before the hello", () => {
  const { wire, lost } = makeEnd();
  wire.events?.opened();
  wire.events?.data(Uint8Array.of(0, 1, 0, 0));
  assert.deepEqual(
    lost.map(({ code }) => code),
    ["KBZ_TOO_LARGE"],
  );
});

test("a second hello, and a frame before the first, end the connection", () => {
  for (const frames of [
    [helloFrame, helloFrame],
    [frameOf(frameKinds.tell, 0, new Uint8Array(1))],
  ]) {
    const { wire, lost } = makeEnd();
    wire.events?.opened();
    for (const frame of frames) wire.events?.data(frame);
    assert.deepEqual(
      lost.map(({ code }) => code),
      ["KBZ_MALFORMED"],
    );
  }
});

/** One bit of its body is another. */
function damaged(frame: Uint8Array): Uint8Array {
  return frame.map((byte, at) => (at === frame.length - 1 ? byte ^ 1 : byte));
}

test("a damaged frame ends the connection, before the hello and after", () => {
  const tell = frameOf(frameKinds.tell, 0, new Uint8Array(9));
  for (const chunks of [[damaged(helloFrame)], [helloFrame, tell, damaged(tell), tell]]) {
    const { wire, frames, lost } = makeEnd();
    wire.events?.opened();
    for (const chunk of chunks) wire.events?.data(chunk);
    assert.deepEqual([frames.length, wire.ended], [chunks.length === 1 ? 0 : 1, true]);
    assert.deepEqual(
      lost.map(({ code }) => code),
      ["KBZ_MALFORMED"],
    );
    assert.match(lost[0]?.message ?? "", /damaged on its way/);
  }
});

test("whatever comes, nothing is thrown and the end is told once", () => {
  const chunk = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(new Uint8Array(helloFrame)));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), (chunks) => {
      const { wire, timing, lost } = makeEnd();
      wire.events?.opened();
      for (const one of chunks) wire.events?.data(one);
      timing.advance(60_000);
      wire.events?.closed(new Error("reset"));
      assert.equal(lost.length, 1);
      assert.equal(timing.timers, 0);
    }),
  );
});

interface Guest {
  readonly wire: FakeWire;
  readonly timing: ManualTiming;
  readonly refused: Error[];
  readonly asked: Parcel[];
}

/** A visit whose callee never answers by itself, after the handshake. */
function makeGuest(answer: (request: Parcel) => Promise<Parcel>, queuedBytesMax = 10_000): Guest {
  const wire = new FakeWire();
  const timing = new ManualTiming();
  const refused: Error[] = [];
  const asked: Parcel[] = [];
  const callee: Callee<Parcel, Parcel> = {
    hello: () => helloOf("b"),
    answer(request) {
      asked.push(request);
      return answer(request);
    },
    hear: (request) => asked.push(request),
    refused: ({ error }) => refused.push(error),
  };
  const callsInFlightMax = { control: 2, bulk: 3 };
  const limits = { ...transportLimits, queuedBytesMax, callsInFlightMax };
  const settings = settingsOf({ ...parcelOptions, limits, protocol }, timing);
  const places = new Places(limits, callee);
  const visit = new Visit({ wire, settings, callee, places });
  assert.ok(visit instanceof Visit);
  wire.events?.opened();
  wire.events?.data(helloFrame);
  return { wire, timing, refused, asked };
}

const request = (verb: string, size = 0): Uint8Array =>
  Buffer.concat(parcelCodec.encode({ verb, body: new Uint8Array(size) }));
const never = (): Promise<Parcel> => new Promise(() => undefined);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a callee refuses what one connection asks beyond its bounds", () => {
  const { wire, timing, refused, asked } = makeGuest(never);
  for (let id = 1; id <= 5; id += 1) wire.events?.data(frameOf(frameKinds.call, id, request("x")));
  timing.turn();
  assert.equal(asked.length, 3);
  assert.deepEqual(kindsIn(wire.writes[1]!), [frameKinds.failure, frameKinds.failure]);
  // Giving up does not end the work: the bound still holds.
  wire.events?.data(frameOf(frameKinds.abort, 1, new Uint8Array(0)));
  wire.events?.data(frameOf(frameKinds.call, 6, request("x")));
  assert.equal(asked.length, 3);
  assert.equal(refused.length, 0);
});

test("who asks on and reads nothing is cut off", () => {
  const { wire, refused } = makeGuest(never);
  for (let id = 1; id <= 5; id += 1) wire.events?.data(frameOf(frameKinds.call, id, request("x")));
  wire.queued = 10_000;
  wire.events?.data(frameOf(frameKinds.call, 6, request("x")));
  assert.equal(wire.ended, true);
  assert.equal(refused.length, 1);
});

test("answers wait for a slow reader, but not for ever", async () => {
  const big: Parcel = { verb: "big", body: new Uint8Array(6000) };
  const { wire, timing, refused } = makeGuest(() => Promise.resolve(big));
  wire.queued = 10_000;
  wire.events?.data(frameOf(frameKinds.call, 1, request("x")));
  await settled();
  timing.turn();
  assert.equal(wire.writes.length, 1);
  wire.queued = 0;
  wire.events?.drained();
  await settled();
  timing.turn();
  assert.deepEqual(kindsIn(wire.writes[1]!), [frameKinds.answer]);
  assert.equal(timing.timers, 0);
  wire.queued = 10_000;
  wire.events?.data(frameOf(frameKinds.call, 2, request("x")));
  await settled();
  timing.advance(transportLimits.stallMs);
  assert.equal(refused.length, 1);
  assert.equal(wire.ended, true);
});

test("a guest that sends anything at all is refused at most once, and nothing is thrown", () => {
  const frame = fc
    .record({
      kind: fc.constantFrom(...Object.values(frameKinds)),
      id: fc.integer({ min: 0, max: 5 }),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 20 }),
        fc.constant(new Uint8Array(request("v", 3))),
      ),
    })
    .map(({ kind, id, body }) => frameOf(kind, id, body));
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), (frames) => {
      const { wire, timing, refused, asked } = makeGuest(never);
      for (const one of frames) wire.events?.data(one);
      timing.advance(120_000);
      wire.events?.closed(null);
      assert.ok(refused.length <= 1);
      assert.ok(asked.length <= frames.length);
      assert.equal(timing.timers, 0);
    }),
  );
});

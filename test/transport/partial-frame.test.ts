/** Frames that do not come to their end: what they may hold, for how long, and all together. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { WebSocket } from "ws";
import { crc32 } from "../../src/codec/crc32.ts";
import {
  coveredHeaderBytes,
  frameHeaderBytes,
  FrameParser,
  frameKinds,
  writeFrameChecksum,
  writeFrameHead,
} from "../../transport/framing.ts";
import type { FrameKind } from "../../transport/framing.ts";
import { encodeHello } from "../../transport/hello.ts";
import { createTransport, TransportError, transportLimits } from "../../transport/index.ts";
import { SharedRoom } from "../../transport/partial-body.ts";
import { Reception } from "../../transport/reception.ts";
import { helloOf, parcelOptions } from "../conformance/caller.ts";
import { FakeWire, ManualTiming } from "./fake-wire.ts";
import { settingsOf } from "../../transport/transport-settings.ts";

const version = 1;
const framing = { version, checksum: crc32 };
const { partialMs, partialBytesMin, frameBytesMax } = transportLimits;
const MiB = 1024 * 1024;

/** The header of a frame with this body, or with so many zeros. */
function headOf(of: Uint8Array | number, kind: FrameKind = frameKinds.tell): Uint8Array {
  const body = typeof of === "number" ? new Uint8Array(of) : of;
  const head = new Uint8Array(frameHeaderBytes);
  writeFrameHead(head, { version, kind, id: 0, bodyBytes: body.length });
  writeFrameChecksum(head, 0, crc32(body, crc32(head.subarray(0, coveredHeaderBytes))));
  return head;
}

const helloBody = encodeHello(helloOf("b"), null);
const helloFrame = Buffer.concat([headOf(helloBody, frameKinds.hello), helloBody]);

interface Door {
  readonly timing: ManualTiming;
  readonly codes: string[];
  /** A connection after its handshake. */
  readonly enter: () => FakeWire;
}

function makeDoor(changes: Partial<typeof transportLimits> = {}): Door {
  const timing = new ManualTiming();
  const codes: string[] = [];
  const limits = { ...transportLimits, ...changes };
  const settings = settingsOf({ ...parcelOptions, protocol: version, limits }, timing);
  const reception = new Reception(settings, {
    hello: () => helloOf("a"),
    answer: (request) => Promise.resolve(request),
    hear: () => undefined,
    refused: ({ error }) => codes.push(error instanceof TransportError ? error.code : error.name),
  });
  const enter = (): FakeWire => {
    const wire = new FakeWire();
    reception.accept(wire);
    wire.events?.opened();
    wire.events?.data(helloFrame);
    return wire;
  };
  return { timing, codes, enter };
}

test("a frame that does not come to its end ends its connection, told once", () => {
  for (const bytes of [headOf(100).subarray(0, 3), headOf(100), headOf(frameBytesMax - 12)]) {
    const { timing, codes, enter } = makeDoor();
    const wire = enter();
    assert.equal(timing.timers, 0);
    wire.events?.data(bytes);
    timing.advance(partialMs - 1);
    assert.deepEqual([codes, wire.ended], [[], false]);
    timing.advance(1);
    assert.deepEqual([codes, wire.ended], [["KBZ_TIMEOUT"], true]);
    timing.advance(transportLimits.lingerMs);
    assert.deepEqual([wire.destroyed, timing.timers], [true, 0]);
  }
});

test("drops of a frame do not keep it, a slow stream does", () => {
  const { timing, codes, enter } = makeDoor();
  const [dripping, slow] = [enter(), enter()];
  for (const wire of [dripping, slow]) wire.events?.data(headOf(MiB));
  for (let second = 0; second < 59; second += 1) {
    timing.advance(1000);
    dripping.events?.data(new Uint8Array(100));
    slow.events?.data(new Uint8Array(3000));
  }
  assert.deepEqual([codes, dripping.ended, slow.ended], [["KBZ_TIMEOUT"], true, false]);
});

test("frames that each end in time follow one another in parts for ever", () => {
  const { timing, codes, enter } = makeDoor();
  const wire = enter();
  const body = Uint8Array.of(1, 120, 0, 0, 0, 0);
  wire.events?.data(headOf(body));
  for (let time = 0; time < 10; time += 1) {
    timing.advance(partialMs - 1);
    wire.events?.data(Buffer.concat([body, headOf(body)]));
  }
  assert.deepEqual([codes, wire.ended], [[], false]);
  wire.events?.data(body);
  timing.advance(2 * partialMs);
  assert.deepEqual([codes, wire.ended, timing.timers], [[], false, 0]);
});

test("memory comes with the bytes, not with the word of a header", () => {
  const parts = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(parts, (lengths) => {
      const parser = new FrameParser(framing, frameBytesMax);
      parser.push(headOf(frameBytesMax - 12));
      assert.equal(parser.next(), null);
      let came = 0;
      for (const length of lengths) {
        assert.ok(parser.heldBytes <= Math.max(partialBytesMin, 4 * came));
        parser.push(new Uint8Array(length));
        assert.equal(parser.next(), null);
        came += length;
      }
      assert.ok(parser.heldBytes >= came);
      parser.release();
      assert.equal(parser.heldBytes, 0);
    }),
    { numRuns: 20 },
  );
});

test("all room that frames in parts took together is given back, whole or not", () => {
  const body = fc.integer({ min: 0, max: 400_000 });
  const streams = fc.array(fc.record({ body, sent: fc.nat(400_000) }), { maxLength: 12 });
  fc.assert(
    fc.property(streams, fc.integer({ min: 1000, max: 90_000 }), (list, chunkBytes) => {
      const shared = new SharedRoom(MiB);
      const parsers = list.map(({ body, sent }) => {
        const room = { shared, ownBytes: partialBytesMin };
        const parser = new FrameParser(framing, frameBytesMax, room);
        parser.push(headOf(body));
        parser.next();
        try {
          for (let left = Math.min(body, sent); left > 0; left -= chunkBytes) {
            parser.push(new Uint8Array(Math.min(left, chunkBytes)));
            parser.next();
          }
        } catch (error) {
          assert.ok(error instanceof TransportError && error.code === "KBZ_BUSY");
        }
        return parser;
      });
      const own = parsers.length * partialBytesMin;
      const held = parsers.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
      assert.ok(held <= own + shared.bytes && shared.bytes <= MiB);
      for (const parser of parsers) parser.release();
      assert.equal(shared.bytes, 0);
    }),
  );
});

test("whoever wants more than all may have is cut off; small frames and later ones pass", () => {
  const { timing, codes, enter } = makeDoor({ partialBytesMax: 4 * MiB });
  const load = (): FakeWire => {
    const wire = enter();
    wire.events?.data(headOf(2 * MiB));
    wire.events?.data(new Uint8Array(MiB));
    return wire;
  };
  const [first, second, third] = [load(), load(), load()];
  assert.deepEqual(
    [first.ended, second.ended, third.ended, codes],
    [false, false, true, ["KBZ_BUSY"]],
  );
  const small = enter();
  small.events?.data(headOf(60_000));
  small.events?.data(new Uint8Array(59_999));
  assert.equal(small.ended, false);
  timing.advance(2 * partialMs);
  assert.equal(first.ended && second.ended, true);
  assert.equal(load().ended, false);
});

test("ws: a message has its own bound, in bytes and in parts", async () => {
  const codes: string[] = [];
  const bothTold = Promise.withResolvers<void>();
  await using listener = await createTransport(parcelOptions).listen("ws://127.0.0.1:0", {
    hello: () => helloOf("b"),
    answer: (request) => Promise.resolve(request),
    hear: () => undefined,
    refused({ error }) {
      codes.push(error instanceof TransportError ? error.code : error.name);
      if (codes.length === 2) bothTold.resolve();
    },
  });
  const large = new WebSocket(listener.url);
  await once(large, "open");
  large.send(new Uint8Array(transportLimits.messageBytesMax + 1));
  await once(large, "close");
  const parts = new WebSocket(listener.url);
  await once(parts, "open");
  for (let part = 0; part <= transportLimits.messagePartsMax; part += 1)
    parts.send(new Uint8Array(1), { fin: false });
  await once(parts, "close");
  await bothTold.promise;
  assert.deepEqual(codes, ["KBZ_MALFORMED", "KBZ_MALFORMED"]);
});

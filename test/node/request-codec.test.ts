/** Requests, answers and the messages in them as bytes: exact both ways, strict on the way in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Message } from "../../consensus/index.ts";
import { DecodeError } from "../../src/codec/bytes.ts";
import { messageHead, requestCodec } from "../../src/codec/request-codec.ts";
import { responseCodec } from "../../src/codec/response-codec.ts";
import type { ReceiveRequest, Request, Response } from "../../src/requests.ts";
import { batchOf } from "../storage/samples.ts";
import {
  assertCutsRefused,
  assertFlipsRefusedOrEqual,
  assertRefusedOrEqual,
  assertRoundTrip,
  flips,
  joined,
  owned,
} from "./codec-harness.ts";
import { bodiesBeside, messages, requests, responses } from "./consensus-arbitraries.ts";

function receiveOf(message: Message): ReceiveRequest {
  return { method: "receive", message, bodies: bodiesBeside(message) };
}

for (const [kind, arbitrary] of Object.entries<fc.Arbitrary<Message>>(messages)) {
  test(`a ${kind} goes through the wire unchanged, and no cut or flip of it is taken`, () => {
    fc.assert(
      fc.property(arbitrary, flips, (message, drawn) => {
        const received = receiveOf(message);
        assertRoundTrip<Request>(requestCodec, received);
        assertCutsRefused<Request>(requestCodec, received);
        assertFlipsRefusedOrEqual<Request>(requestCodec, received, drawn);
      }),
      { numRuns: 60 },
    );
  });
}

for (const [method, arbitrary] of Object.entries<fc.Arbitrary<Request>>(requests)) {
  test(`a request to ${method} goes through the wire unchanged`, () => {
    fc.assert(
      fc.property(arbitrary, flips, (value, drawn) => {
        assertRoundTrip(requestCodec, value);
        assertCutsRefused(requestCodec, value);
        assertFlipsRefusedOrEqual(requestCodec, value, drawn);
      }),
      { numRuns: 60 },
    );
  });
}

for (const [kind, arbitrary] of Object.entries<fc.Arbitrary<Response>>(responses)) {
  test(`the answer ${kind} goes through the wire unchanged`, () => {
    fc.assert(
      fc.property(arbitrary, flips, (value, drawn) => {
        if (value.kind === "document") {
          // Documents are JSON: one document has many forms, and some of its cuts are documents.
          const decoded = responseCodec.decode(joined(responseCodec.encode(value)));
          assert.deepEqual(decoded, owned(value));
          return;
        }
        assertRoundTrip(responseCodec, value);
        assertCutsRefused(responseCodec, value);
        assertFlipsRefusedOrEqual(responseCodec, value, drawn);
      }),
      { numRuns: 60 },
    );
  });
}

test("rubbish is refused by type", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (rubbish, code) => {
      const led = Uint8Array.from([1, code, ...rubbish]);
      assertRefusedOrEqual(requestCodec, rubbish);
      assertRefusedOrEqual(requestCodec, led);
      if (code !== 7) assertRefusedOrEqual(responseCodec, led);
    }),
    { numRuns: 2000 },
  );
  assert.throws(() => responseCodec.decode(Uint8Array.of(1, 7, 0x7b)), DecodeError);
  const deep = new TextEncoder().encode("__".concat("[".repeat(200_000)));
  deep.set([1, 7]);
  assert.throws(() => responseCodec.decode(deep), DecodeError);
});

function decide(decided: number): Uint8Array {
  const ballot = { government: 1, round: 2, id: "a" };
  const message = { kind: "decide", ballot, decided } as const;
  return joined(requestCodec.encode({ method: "receive", message, bodies: [] }));
}

test("a number that leaves no room to count on is refused", () => {
  assert.doesNotThrow(() => requestCodec.decode(decide(2 ** 52)));
  assert.throws(() => requestCodec.decode(decide(2 ** 52 + 1)), DecodeError);
  assert.throws(() => requestCodec.decode(decide(Number.MAX_SAFE_INTEGER)), DecodeError);
});

test("an exile and a transfer have these bytes, in version 1", () => {
  const cookie = "0123456789abcdef";
  const golden: readonly (readonly [Request, string])[] = [
    [{ method: "exile", id: "b", cookie, hops: 1 }, "0109016267452301efcdab8901"],
    [{ method: "transfer", to: "b", hops: 0 }, "010a016200"],
    [{ method: "transfer", to: null, hops: 0 }, "010a0000"],
  ];
  for (const [request, hex] of golden) {
    assert.equal(Buffer.from(joined(requestCodec.encode(request))).toString("hex"), hex);
  }
  const nobody = Uint8Array.from(Buffer.from("01090067452301efcdab8901", "hex"));
  assert.throws(() => requestCodec.decode(nobody), DecodeError);
  const badId = Uint8Array.from(Buffer.from("010a014200", "hex"));
  assert.throws(() => requestCodec.decode(badId), DecodeError);
});

test("another version is refused", () => {
  const [barrier] = requestCodec.encode({ method: "barrier", hops: 0 });
  assert.ok(barrier !== undefined);
  const later = Uint8Array.from(barrier);
  later[0] = 2;
  assert.throws(() => requestCodec.decode(later), /version 1, found 2/);
});

test("a count that the bytes cannot hold is refused before anything is allocated for it", () => {
  const accept = [1, 1, 7, 1, 1, 1, 0x61, 0];
  const learn = [1, 1, 14, 0];
  const counts = [[0xff, 0x07], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], [1]];
  const hostile = counts.flatMap((count) =>
    [accept, learn].map((head) => Uint8Array.from([...head, ...count])),
  );
  const before = process.memoryUsage();
  for (let round = 0; round < 1000; round += 1) {
    for (const bytes of hostile) assert.throws(() => requestCodec.decode(bytes), DecodeError);
  }
  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < 4 * 2 ** 20);
  assert.ok(after.heapUsed - before.heapUsed < 64 * 2 ** 20);
});

/** Two batches of four bytes with an opening between them. */
function sample(): ReceiveRequest {
  const bodies = [Uint8Array.of(1, 2, 3, 4), null, Uint8Array.of(5, 6, 7, 8)];
  const decrees = bodies.map((body, position) => ({
    slot: position + 5,
    time: 40,
    when: 1_700_000_000_000,
    value: body === null ? ({ kind: "opening" } as const) : batchOf(body, position + 1),
    hash: "0123456789abcdef",
  }));
  const ballot = { government: 1, round: 2, id: "a" };
  return { method: "receive", message: { kind: "accept", ballot, decrees, decided: 4 }, bodies };
}

test("a body that does not match its checksum is refused", () => {
  const bytes = joined(requestCodec.encode(sample()));
  const at = bytes.length - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  assert.throws(() => requestCodec.decode(bytes), DecodeError);
});

test("bodies are copied neither on the way out nor on the way in", () => {
  const request = sample();
  const pieces = requestCodec.encode(request);
  assert.equal(pieces.length, 3);
  assert.equal(pieces[1], request.bodies[0]);
  assert.equal(pieces[2], request.bodies[2]);
  const bytes = joined(pieces);
  const decoded = requestCodec.decode(bytes);
  assert.ok(decoded.method === "receive");
  assert.equal(decoded.bodies[0]?.buffer, bytes.buffer);
  assert.equal(decoded.bodies[1], null);
});

test("one message to several receivers is written once", () => {
  const { message, bodies } = sample();
  const [first] = requestCodec.encode({ method: "receive", message, bodies });
  const [second] = requestCodec.encode({ method: "receive", message, bodies });
  assert.equal(second, first);
});

test("a received message is remembered as the bytes it came as", () => {
  const bytes = joined(requestCodec.encode(sample()));
  const decoded = requestCodec.decode(bytes);
  assert.ok(decoded.method === "receive");
  const head = messageHead(decoded.message);
  assert.equal(head?.buffer, bytes.buffer);
  assert.deepEqual(head, bytes.subarray(2, bytes.length - 8));
});

test("the body of an enqueue has the length that its batch says", () => {
  const body = Uint8Array.of(1, 2, 3, 4);
  const batch = batchOf(body, 1);
  const bytes = joined(requestCodec.encode({ method: "enqueue", batch, body, hops: 0 }));
  assert.throws(() => requestCodec.decode(Uint8Array.from([...bytes, 0])), DecodeError);
  assert.throws(() => requestCodec.decode(bytes.slice(0, -1)), DecodeError);
});

/**
 * Frames come out as they went in, however the stream is split; damage is noticed, never trusted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../../src/codec/crc32.ts";
import {
  frameHeaderBytes,
  FrameParser,
  frameKinds,
  joinPieces,
  versionOf,
} from "../../transport/framing.ts";
import type { Frame } from "../../transport/framing.ts";
import { Outbox } from "../../transport/outbox.ts";
import { TransportError } from "../../transport/transport-error.ts";

const version = 7;
const framing = { version, checksum: crc32 };
const frameBytesMax = 64 * 1024;

const frames = fc.array(
  fc.record({
    kind: fc.constantFrom(...Object.values(frameKinds)),
    id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    // Around the border between pieces that are copied together and those that are not.
    body: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 4090, max: 5000 }).map((length) => new Uint8Array(length).fill(length)),
    ),
  }),
  { maxLength: 12 },
);
const cuts = fc.array(fc.integer({ min: 1, max: 6000 }), { maxLength: 40 });

function encode(list: readonly Frame[]): Uint8Array {
  const outbox = new Outbox(framing);
  for (const { kind, id, body } of list) {
    const middle = body.length >>> 1;
    outbox.append(kind, id, [body.subarray(0, middle), body.subarray(middle)]);
  }
  const bytes = outbox.bytes;
  const joined = joinPieces(outbox.take());
  assert.equal(joined.length, bytes);
  assert.equal(outbox.bytes, 0);
  return joined;
}

function split(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (const length of lengths) {
    chunks.push(bytes.subarray(start, start + length));
    start += length;
  }
  chunks.push(bytes.subarray(start));
  return chunks;
}

/** The frames, and the code of the error that ended them. */
function parse(chunks: readonly Uint8Array[]): { frames: Frame[]; code: string | null } {
  const parser = new FrameParser(framing, frameBytesMax);
  const found: Frame[] = [];
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      for (let frame = parser.next(); frame !== null; frame = parser.next()) found.push(frame);
    }
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return { frames: found, code: error.code };
  }
  return { frames: found, code: null };
}

const plain = (list: readonly Frame[]): unknown =>
  list.map(({ kind, id, body }) => ({ kind, id, body: Buffer.from(body).toString("hex") }));

test("any split of the stream gives the same frames", () => {
  fc.assert(
    fc.property(frames, cuts, (list, lengths) => {
      const { frames: found, code } = parse(split(encode(list), lengths));
      assert.equal(code, null);
      assert.deepEqual(plain(found), plain(list));
    }),
  );
});

test("single bytes give the same frames", () => {
  fc.assert(
    fc.property(frames, (list) => {
      const bytes = encode(list.map((frame) => ({ ...frame, body: frame.body.subarray(0, 30) })));
      const chunks = [...bytes].map((byte) => Uint8Array.of(byte));
      const { frames: found, code } = parse(chunks);
      assert.equal(code, null);
      assert.equal(found.length, list.length);
    }),
  );
});

/** How many frames have come to their end before the byte `end`. */
function wholeBefore(list: readonly Frame[], end: number): number {
  let used = 0;
  for (const [index, { body }] of list.entries()) {
    used += frameHeaderBytes + body.length;
    if (used > end) return index;
  }
  return list.length;
}

test("a stream cut anywhere gives its whole frames, and no more", () => {
  fc.assert(
    fc.property(frames, cuts, fc.nat(), (list, lengths, seed) => {
      const bytes = encode(list);
      const end = bytes.length === 0 ? 0 : seed % bytes.length;
      const { frames: found, code } = parse(split(bytes.subarray(0, end), lengths));
      assert.equal(code, null);
      assert.deepEqual(plain(found), plain(list.slice(0, wholeBefore(list, end))));
    }),
  );
});

test("whatever bits flip, no frame comes that was not sent at its place", () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1 });
  fc.assert(
    fc.property(frames, cuts, flips, (list, lengths, flips) => {
      const sent = encode(list);
      const bytes = sent.slice();
      for (const [at, bits] of flips) {
        if (sent.length > 0) bytes[at % sent.length] = (bytes[at % sent.length] ?? 0) ^ bits;
      }
      const damage = bytes.findIndex((byte, at) => byte !== sent[at]);
      fc.pre(damage !== -1);
      const whole = wholeBefore(list, damage);
      const { frames: found, code } = parse(split(bytes, lengths));
      assert.deepEqual(plain(found), plain(list.slice(0, whole)));
      const start = encode(list.slice(0, whole)).length;
      // Only a wrong length may leave it waiting for more.
      if (code === null) assert.ok(damage < start + 4);
      else assert.match(code, /^KBZ_(MALFORMED|VERSION|TOO_LARGE)$/);
    }),
    { numRuns: 500 },
  );
});

const header = (...bytes: number[]): string | null => parse([Uint8Array.from(bytes)]).code;
const rest = [0, 0, 0, 0, 0, 0, 0, 0];

test("each wrong header has its own error, as soon as it can be known", () => {
  assert.equal(header(0, 0, 0, 0), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 11), "KBZ_MALFORMED");
  assert.equal(header(255, 255, 255, 255), "KBZ_TOO_LARGE");
  assert.equal(header(0, 1, 0, 1), "KBZ_TOO_LARGE");
  assert.equal(header(0, 1, 0, 0), null);
  // None of these has come to its end, nor has the right checksum.
  assert.equal(header(0, 0, 0, 13, version + 1, 2, 0, 0, ...rest), "KBZ_VERSION");
  assert.equal(header(0, 0, 0, 13, version, 0, 0, 0, ...rest), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 13, version, 8, 0, 0, ...rest), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 13, version, 2, 0, 1, ...rest), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 13, version, 2, 0, 0, ...rest), null);
  // Introductions and goodbyes are of one version for ever, whatever else is spoken.
  for (const kind of [frameKinds.hello, frameKinds.bye]) {
    assert.equal(header(0, 0, 0, 13, version, kind, 0, 0, ...rest), "KBZ_VERSION");
    assert.equal(header(0, 0, 0, 13, 1, kind, 0, 0, ...rest), null);
  }
});

test("a wrong checksum is noticed once the body is whole, of a hello too", () => {
  for (const kind of Object.values(frameKinds)) {
    const of = versionOf(kind, framing);
    assert.equal(header(0, 0, 0, 12, of, kind, 0, 0, ...rest), "KBZ_MALFORMED");
    assert.equal(header(0, 0, 0, 13, of, kind, 0, 0, ...rest, 1), "KBZ_MALFORMED");
  }
});

test("the checksum is the CRC-32 of the twelve bytes before it, then of the body", () => {
  const bytes = encode([{ kind: frameKinds.tell, id: 0x01020304, body: Uint8Array.of(9, 8, 7) }]);
  const covered = [0, 0, 0, 15, version, 5, 0, 0, 1, 2, 3, 4];
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
  assert.deepEqual([...bytes.subarray(0, 12)], covered);
  assert.equal(checksum, crc32(Uint8Array.from([...covered, 9, 8, 7])));
});

test("a body in pieces of any size has the checksum of the whole", () => {
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 3000, max: 5000 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.array(sizes, { minLength: 1, maxLength: 4 }), (bodies) => {
      const outbox = new Outbox(framing);
      for (const [id, lengths] of bodies.entries()) {
        const pieces = lengths.map((length, at) => new Uint8Array(length).fill(at + 1));
        outbox.append(frameKinds.tell, id, pieces);
      }
      const stream = joinPieces(outbox.take());
      const parser = new FrameParser(framing, 1024 * 1024);
      parser.push(stream);
      for (const lengths of bodies) {
        const size = lengths.reduce((sum, length) => sum + length, 0);
        assert.equal(parser.next()?.body.length, size);
      }
      assert.equal(parser.next(), null);
    }),
  );
});

test("a body inside of one chunk is not copied", () => {
  const body = new Uint8Array(10_000).fill(9);
  const bytes = encode([{ kind: frameKinds.tell, id: 0, body }]);
  const [frame] = parse([bytes]).frames;
  assert.equal(frame?.body.buffer, bytes.buffer);
});

test("an outbox takes large pieces as they are, and joins small ones", () => {
  const outbox = new Outbox(framing);
  const large = new Uint8Array(5000);
  for (let index = 0; index < 100; index += 1)
    outbox.append(frameKinds.tell, 0, [new Uint8Array(20)]);
  outbox.append(frameKinds.tell, 0, [new Uint8Array(3), large]);
  outbox.append(frameKinds.tell, 0, []);
  const pieces = outbox.take();
  assert.equal(pieces.length, 3);
  assert.equal(pieces[1], large);
});

/**
 * Frames come out as they went in, however the stream is split; damage is noticed, never trusted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameParser, frameKinds, joinPieces } from "../../transport/framing.ts";
import type { Frame } from "../../transport/framing.ts";
import { Outbox } from "../../transport/outbox.ts";
import { TransportError } from "../../transport/transport-error.ts";

const version = 7;
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
  const outbox = new Outbox(version);
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
  const parser = new FrameParser(version, frameBytesMax);
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

test("a stream cut anywhere gives its whole frames, and no more", () => {
  fc.assert(
    fc.property(frames, cuts, fc.nat(), (list, lengths, seed) => {
      const bytes = encode(list);
      const end = bytes.length === 0 ? 0 : seed % bytes.length;
      const { frames: found, code } = parse(split(bytes.subarray(0, end), lengths));
      assert.equal(code, null);
      let whole = 0;
      let used = 0;
      for (const { body } of list) {
        used += 12 + body.length;
        if (used <= end) whole += 1;
      }
      assert.deepEqual(plain(found), plain(list.slice(0, whole)));
    }),
  );
});

test("flipped bytes give frames or a typed error, never more memory than the limit", () => {
  fc.assert(
    fc.property(frames, cuts, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (list, lengths, flips) => {
      const bytes = encode(list);
      for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value;
      const { frames: found, code } = parse(split(bytes, lengths));
      const total = found.reduce((sum, { body }) => sum + body.length + 12, 0);
      assert.ok(total <= bytes.length);
      if (code !== null) assert.match(code, /^KBZ_(MALFORMED|VERSION|TOO_LARGE)$/);
    }),
    { numRuns: 300 },
  );
});

const header = (...bytes: number[]): string | null => parse([Uint8Array.from(bytes)]).code;

test("each wrong header has its own error, as soon as it can be known", () => {
  assert.equal(header(0, 0, 0, 0), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 7), "KBZ_MALFORMED");
  assert.equal(header(255, 255, 255, 255), "KBZ_TOO_LARGE");
  assert.equal(header(0, 1, 0, 1), "KBZ_TOO_LARGE");
  assert.equal(header(0, 1, 0, 0), null);
  assert.equal(header(0, 0, 0, 8, version + 1, 1, 0, 0, 0, 0, 0, 0), "KBZ_VERSION");
  assert.equal(header(0, 0, 0, 8, version, 0, 0, 0, 0, 0, 0, 0), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 8, version, 8, 0, 0, 0, 0, 0, 0), "KBZ_MALFORMED");
  assert.equal(header(0, 0, 0, 8, version, 1, 0, 1, 0, 0, 0, 0), "KBZ_MALFORMED");
});

test("a body inside of one chunk is not copied", () => {
  const body = new Uint8Array(10_000).fill(9);
  const bytes = encode([{ kind: frameKinds.tell, id: 0, body }]);
  const [frame] = parse([bytes]).frames;
  assert.equal(frame?.body.buffer, bytes.buffer);
});

test("an outbox takes large pieces as they are, and joins small ones", () => {
  const outbox = new Outbox(version);
  const large = new Uint8Array(5000);
  for (let index = 0; index < 100; index += 1)
    outbox.append(frameKinds.tell, 0, [new Uint8Array(20)]);
  outbox.append(frameKinds.tell, 0, [new Uint8Array(3), large]);
  outbox.append(frameKinds.tell, 0, []);
  const pieces = outbox.take();
  assert.equal(pieces.length, 3);
  assert.equal(pieces[1], large);
});

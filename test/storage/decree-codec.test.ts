/** Decrees as bytes: there and back, and whatever is not a decree is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits, type Citizen } from "../../consensus/index.ts";
import { DecodeError, viewOf } from "../../src/codec/bytes.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import {
  decodeDecree,
  decreeBody,
  decreeHeaderBytes,
  encodeDecreeHeader,
} from "../../src/codec/decree-codec.ts";
import { batchOf, bodyOf, decreeOf, plain } from "./samples.ts";

const hex16 = fc.stringMatching(/^[0-9a-f]{16}$/);
const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
const citizen: fc.Arbitrary<Citizen> = fc.record({
  id,
  cookie: hex16,
  url: fc.webUrl(),
  properties: fc.dictionary(
    fc.string().filter((key) => key !== "__proto__"),
    fc.string(),
    { noNullPrototype: true, maxKeys: 5 },
  ),
});

const value = fc.oneof(
  fc.record({
    kind: fc.constant("bootstrap" as const),
    republic: fc.record({ name: fc.string({ minLength: 1 }), identity: hex16 }),
    founder: citizen,
    parliamentSize: fc.constantFrom(1, 3, 5),
  }),
  fc.record({ kind: fc.constant("opening" as const) }),
  fc.record({ kind: fc.constant("admission" as const), citizen }),
  fc.record({ kind: fc.constant("naturalization" as const), id, cookie: hex16 }),
  fc.record({
    kind: fc.constant("eligibility" as const),
    id,
    cookie: hex16,
    eligible: fc.boolean(),
  }),
  citizen.map(
    ({ url }) => ({ kind: "relocation", id: "b", cookie: "00112233445566aa", url }) as const,
  ),
  fc.record({ kind: fc.constant("exile" as const), id, cookie: hex16 }),
  fc.uniqueArray(id, { minLength: 1, maxLength: 5 }).map((ids) => ({
    kind: "succession" as const,
    government: ids.length,
    parliament: ids.toSorted((left, right) => (left < right ? -1 : 1)),
    leader: ids[0]!,
    leaving: [],
  })),
  fc.record({ kind: fc.constant("registration" as const), nonce: hex16 }),
  fc.record({
    kind: fc.constant("refounding" as const),
    cause: fc.constantFrom("recovered" as const, "restored" as const),
    republic: fc.record({ name: fc.string({ minLength: 1 }), identity: hex16 }),
    founder: citizen,
    government: fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }),
  }),
);

const hash = hex16;
const place = fc.record({
  slot: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  time: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  when: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
});

const framed: fc.Arbitrary<FramedDecree> = fc.oneof(
  fc
    .tuple(place, value, hash)
    .map(([at, small, hash]) => ({ decree: { ...at, value: small, hash }, body: null })),
  fc
    .tuple(place, fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 2 ** 40 }), hash)
    .map(([at, body, sequence, hash]) => ({
      decree: { ...at, value: batchOf(body, sequence), hash },
      body: Uint8Array.from(body),
    })),
);

function encode({ decree, body }: FramedDecree): Uint8Array {
  const content = decreeBody(decree, body);
  const bytes = new Uint8Array(decreeHeaderBytes + content.length);
  encodeDecreeHeader(decree, content, viewOf(bytes), 0);
  bytes.set(content, decreeHeaderBytes);
  return bytes;
}

function decode(bytes: Uint8Array): FramedDecree {
  return plain(decodeDecree(bytes, viewOf(bytes), 0));
}

test("what was encoded is decoded", () => {
  fc.assert(
    fc.property(framed, (one) => {
      const found = decode(encode(one));
      // Through JSON, since fast-check's dictionaries have a prototype of their own.
      assert.equal(JSON.stringify(found), JSON.stringify(one));
    }),
  );
});

test("every cut is refused, and every flip is refused or decodes to what encodes to it", () => {
  fc.assert(
    fc.property(framed, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, offset, mask) => {
      const bytes = encode(one);
      const at = offset % bytes.length;
      assert.throws(() => decode(bytes.subarray(0, at)), DecodeError);
      bytes[at] = (bytes[at] ?? 0) ^ mask;
      try {
        assert.deepEqual(encode(decode(bytes)), bytes);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: 1000 },
  );
});

test("rubbish is refused, never an assertion", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 200 }), (bytes) => {
      assert.throws(() => decode(bytes), DecodeError);
    }),
  );
});

const refused: readonly (readonly [string, unknown])[] = [
  ["an unknown field", { kind: "opening", extra: 1 }],
  ["another kind", { kind: "registration" }],
  ["a nonce that is no hex", { kind: "registration", nonce: "zz" }],
  [
    "a parliament out of order",
    { kind: "succession", government: 2, parliament: ["b", "a"], leader: "a", leaving: [] },
  ],
  [
    "a leader outside",
    { kind: "succession", government: 2, parliament: ["a"], leader: "b", leaving: [] },
  ],
  [
    "an even parliament",
    {
      kind: "bootstrap",
      republic: { name: "r", identity: "00112233445566aa" },
      founder: { id: "a", cookie: "00112233445566aa", url: "ws://x", properties: {} },
      parliamentSize: 2,
    },
  ],
  [
    "a first government that is no birth",
    {
      kind: "refounding",
      cause: "recovered",
      republic: { name: "r", identity: "00112233445566aa" },
      founder: { id: "a", cookie: "00112233445566aa", url: "ws://x", properties: {} },
      government: 1,
    },
  ],
  ["a bad id", { kind: "exile", id: "A", cookie: "00112233445566aa" }],
  ["no flag", { kind: "eligibility", id: "a", cookie: "00112233445566aa", eligible: "yes" }],
  ["no endpoint", { kind: "relocation", id: "a", cookie: "00112233445566aa", url: "" }],
];

for (const [name, document] of refused) {
  test(`a value with ${name} is refused`, () => {
    const kinds = [
      "bootstrap",
      "opening",
      "admission",
      "naturalization",
      "exile",
      "succession",
      "registration",
      "batch",
      "eligibility",
      "refounding",
      "relocation",
    ];
    const body = new TextEncoder().encode(JSON.stringify(document));
    const kind = (document as { kind: string }).kind;
    const bytes = new Uint8Array(decreeHeaderBytes + body.length);
    const view = viewOf(bytes);
    encodeDecreeHeader(decreeOf(1, { kind: "opening" }), body, view, 0);
    view.setUint32(4, kinds.indexOf(kind) + 1, true);
    bytes.set(body, decreeHeaderBytes);
    assert.throws(() => decode(bytes), DecodeError);
  });
}

test("bodies and counts beyond the limits are refused", () => {
  const body = bodyOf(1, 20);
  const bytes = encode({ decree: decreeOf(1, batchOf(body, 1)), body });
  viewOf(bytes).setUint32(56, limits.batchEntriesMax + 1, true);
  assert.throws(() => decode(bytes), DecodeError);
  viewOf(bytes).setUint32(56, 1, true);
  assert.equal(decode(bytes).decree.slot, 1);
  viewOf(bytes).setUint32(0, limits.batchBytesMax + 1, true);
  assert.throws(() => decode(bytes), /within the limit/);
  assert.equal(crc32(body), batchOf(body, 1).checksum);
});

/** Envelopes: an input and its envelope are one thing in two arrangements, and exact as bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { IslanderInput, LegislatorInput } from "../../consensus/index.ts";
import { bodiesOf, decodeEnvelope, encodeEnvelope } from "../../src/recording/envelope-codec.ts";
import { envelopeOf, playedOf, type Envelope, type Played } from "../../src/recording/envelope.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { batchOf, bodyOf, decreeOf } from "../storage/samples.ts";
import {
  assertCutsRefused,
  assertFlipsRefusedOrEqual,
  assertRoundTrip,
  flips,
  joined,
  owned,
} from "./codec-harness.ts";
import { bodiesBeside, islanderInputs, legislatorInputs } from "./consensus-arbitraries.ts";

const codec = { encode: encodeEnvelope, decode: decodeEnvelope };

function stands(played: Played, drawn: readonly (readonly [number, number])[]): void {
  const envelope = envelopeOf(played);
  assert.equal(envelope.module, "kibitz");
  assert.deepEqual(owned(playedOf(envelope)), owned(played));
  assertRoundTrip<Envelope>(codec, envelope);
  assertCutsRefused<Envelope>(codec, envelope);
  assertFlipsRefusedOrEqual<Envelope>(codec, envelope, drawn);
}

for (const [kind, arbitrary] of Object.entries<fc.Arbitrary<LegislatorInput>>(legislatorInputs)) {
  test(`an input ${kind} of the legislator goes through its envelope unchanged`, () => {
    fc.assert(
      fc.property(arbitrary, flips, fc.boolean(), (input, drawn, recordBodies) => {
        const withBodies = recordBodies && input.kind === "receive";
        const bodies = withBodies ? bodiesBeside(input.message) : null;
        stands({ target: "legislator", input, bodies }, drawn);
      }),
      { numRuns: 60 },
    );
  });
}

for (const [kind, arbitrary] of Object.entries<fc.Arbitrary<IslanderInput>>(islanderInputs)) {
  test(`an input ${kind} of the islander goes through its envelope unchanged`, () => {
    fc.assert(
      fc.property(arbitrary, flips, (input, drawn) => stands({ target: "islander", input }, drawn)),
      { numRuns: 60 },
    );
  });
}

test("every envelope has module, method, when and a body that carries now", () => {
  const input: IslanderInput = {
    kind: "open",
    now: 5,
    when: 7,
    nonce: "0".repeat(16),
    resume: null,
  };
  assert.deepEqual(envelopeOf({ target: "islander", input }), {
    module: "kibitz",
    method: "register",
    when: 7,
    body: { now: 5, nonce: "0".repeat(16), resume: null },
  });
});

test("a checkpoint goes through its bytes unchanged", () => {
  const body = { legislator: { some: ["state", 1, null] }, islander: null };
  const envelope: Envelope = { module: "kibitz", method: "checkpoint", when: 3, body };
  assertRoundTrip<Envelope>(codec, envelope);
});

test("the order of a founder's fields survives: the hash of its decree is over it", () => {
  const founder = { url: "u", properties: { b: "1", a: "2" }, cookie: "0".repeat(16), id: "a" };
  const republic = { identity: "1".repeat(16), name: "r" };
  const input = {
    kind: "bootstrap",
    now: 1,
    when: 2,
    republic,
    founder,
    parliamentSize: 3,
  } as const;
  const bytes = joined(encodeEnvelope(envelopeOf({ target: "legislator", input, bodies: null })));
  const played = playedOf(decodeEnvelope(bytes));
  assert.ok(played.target === "legislator" && played.input.kind === "bootstrap");
  assert.equal(JSON.stringify(played.input.founder), JSON.stringify(founder));
  assert.equal(JSON.stringify(played.input.republic), JSON.stringify(republic));
});

test("bodies are recorded only when asked for, and then all of them", () => {
  const body = bodyOf(4, 9);
  const batch = batchOf(body, 1);
  const decrees = [decreeOf(4, batch), decreeOf(5, { kind: "opening" })];
  const stamp = { now: 1, when: 2 };
  const message = { kind: "learn", decrees, decided: 5 } as const;
  const receive = {
    kind: "receive",
    ...stamp,
    from: "a",
    cookie: "0".repeat(16),
    message,
  } as const;
  const enqueue = { kind: "enqueue", ...stamp, value: batch } as const;
  const find = (): Uint8Array => body;
  assert.deepEqual(bodiesOf(receive, find), [body, null]);
  assert.deepEqual(bodiesOf(enqueue, find), [body]);
  assert.equal(
    bodiesOf(receive, () => null),
    null,
  );
  for (const input of [receive, enqueue]) {
    const bodies = bodiesOf(input, find);
    const without = joined(
      encodeEnvelope(envelopeOf({ target: "legislator", input, bodies: null })),
    );
    const all = joined(encodeEnvelope(envelopeOf({ target: "legislator", input, bodies })));
    assert.equal(all.length, without.length + body.length);
    const decoded = playedOf(decodeEnvelope(all));
    assert.ok(decoded.target === "legislator");
    assert.deepEqual(owned(decoded.bodies), bodies);
    assert.deepEqual(decoded.input, input);
  }
});

test("what is no envelope of ours is refused by type", () => {
  const strange = { module: "kibitz", method: "abdicate", when: 1, body: { now: 1 } };
  assert.throws(
    () => playedOf(strange as unknown as Envelope),
    (error) => error instanceof KibitzerError && error.code === "KBZ_ARGUMENT",
  );
});

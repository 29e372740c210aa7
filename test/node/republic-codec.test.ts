/** The replicated state as bytes: a republic survives them whole, and goes on as if nothing was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Value } from "../../consensus/decree.ts";
import { emptyRepublic, Republic } from "../../consensus/republic.ts";
import type { RepublicState } from "../../consensus/republic-state.ts";
import { ByteReader } from "../../src/codec/byte-reader.ts";
import { encodeRepublic, readRepublicState } from "../../src/codec/republic-codec.ts";
import { cookieOf, decreesAfter } from "../consensus/seated-member.ts";

function throughBytes(state: RepublicState): RepublicState {
  const reader = new ByteReader(Buffer.concat([...encodeRepublic(state)]));
  const read = readRepublicState(reader);
  reader.end();
  return read;
}

type Step = (republic: Republic) => readonly Value[];

const someId: fc.Arbitrary<string> = fc.constantFrom("a", "b", "c", "d");
const cookies = someId.map((each) => cookieOf(each));
const citizen = fc.record({
  id: someId,
  cookie: cookies,
  url: someId.map((each) => `memory:${each}`),
  properties: fc.dictionary(someId, fc.string({ maxLength: 5 }), { noNullPrototype: true }),
});

/** Of a member as it is, or of whoever never was one. */
function member(republic: Republic, id: string): { readonly id: string; readonly cookie: string } {
  return { id, cookie: republic.member(id)?.cookie ?? cookieOf("e") };
}

function always(value: fc.Arbitrary<Value>): fc.Arbitrary<Step> {
  return value.map((each) => () => [each]);
}

const succession: fc.Arbitrary<Step> = fc
  .tuple(fc.uniqueArray(someId, { maxLength: 3 }), fc.uniqueArray(someId, { maxLength: 2 }))
  .map(([wanted, leaving]) => (republic) => {
    const ids = republic.members.map(({ id }) => id);
    const seats = ids.filter((id) => wanted.includes(id) || id === ids[0]).toSorted();
    const government = (republic.government?.number ?? 0) + 1;
    const gone = leaving.filter((id) => !seats.includes(id));
    const [leader = "a"] = seats;
    return [{ kind: "succession", government, parliament: seats, leader, leaving: gone }];
  });

const refounding: fc.Arbitrary<Step> = fc
  .tuple(citizen, cookies, fc.constantFrom("recovered" as const, "restored" as const))
  .map(([founder, identity, cause]) => (republic) => {
    const government = (republic.government?.number ?? 0) + 3;
    return [{ kind: "refounding", cause, republic: { name: "r", identity }, founder, government }];
  });

const batches: fc.Arbitrary<Step> = fc
  .record({ count: fc.integer({ min: 1, max: 9 }), checksum: fc.nat(), gap: fc.nat({ max: 1 }) })
  .map(({ count, checksum, gap }) => (republic) => {
    const row = republic.state().publishers.at(-1);
    if (row === undefined) return [];
    const { publisher, sequenceNext } = row;
    const sequence = sequenceNext + gap;
    return [{ kind: "batch", publisher, sequence, count, size: 24 * count, checksum }];
  });

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    always(citizen.map((each) => ({ kind: "admission", citizen: each }))),
    always(fc.constant({ kind: "registration", nonce: cookieOf("f") })),
    someId.map((id): Step => (republic) => [{ kind: "naturalization", ...member(republic, id) }]),
    fc
      .tuple(someId, fc.boolean())
      .map(([id, eligible]): Step => (republic) => [
        { kind: "eligibility", ...member(republic, id), eligible },
      ]),
    fc
      .tuple(someId, someId)
      .map(([id, url]): Step => (republic) => [
        { kind: "relocation", ...member(republic, id), url: `memory:${url}` },
      ]),
    someId.map((id): Step => (republic) => [{ kind: "exile", ...member(republic, id) }]),
    succession,
    refounding,
    batches,
  ),
  { maxLength: 40 },
);

const founder = { id: "a", cookie: cookieOf("a"), url: "memory:a", properties: {} };
const identity = { name: "r", identity: cookieOf("e") };

test("a republic survives its bytes whole, wherever its log is cut", () => {
  const met = new Set<string>();
  fc.assert(
    fc.property(steps, fc.nat(), (drawn, cut) => {
      const whole = new Republic(emptyRepublic());
      const born = { kind: "bootstrap", republic: identity, founder, parliamentSize: 3 } as const;
      for (const decree of decreesAfter(whole, [born])) whole.apply(decree);
      let again: Republic | null = null;
      for (const [at, step] of drawn.entries()) {
        if (at === cut % drawn.length) {
          const state = throughBytes(whole.state());
          assert.deepEqual(state, whole.state());
          again = new Republic(state);
        }
        for (const decree of decreesAfter(whole, step(whole))) {
          const { effect } = whole.apply(decree);
          met.add(`${decree.value.kind} ${effect.kind}`);
          if (again !== null) assert.deepEqual(again.apply(decree).effect, effect);
        }
      }
      assert.deepEqual((again ?? whole).state(), whole.state());
      assert.deepEqual(throughBytes(whole.state()), whole.state());
    }),
    { numRuns: 400, seed: 11 },
  );
  const needed = ["eligibility membership", "relocation membership", "refounding government"];
  for (const each of [...needed, "exile membership", "batch applied", "batch gap"]) {
    assert.ok(met.has(each), `${each} was met`);
  }
});

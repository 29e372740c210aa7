/** The digest of an outcome: the same for the same, another as soon as any field differs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hashDecree, hashZero } from "../../consensus/index.ts";
import type { Batch, Decree, IslanderOutcome, Outcome } from "../../consensus/index.ts";
import { quiet } from "../../simulations/core/quiet-outcome.ts";
import { digestIslanderOutcome, digestOutcome } from "../../src/recording/outcome-digest.ts";
import {
  ballot,
  effect,
  framedBatch,
  heard,
  hex16,
  id,
  message,
  messages,
  reason,
  whole,
} from "./consensus-arbitraries.ts";

const batch: fc.Arbitrary<Batch> = framedBatch.map(({ value }) => value);
const decree: fc.Arbitrary<Decree> = messages.accept.map(({ decrees }) => decrees[0]!);
const few = { maxLength: 3 };

const reply = fc.oneof(
  fc.constant({ kind: "enqueued" } as const),
  fc.record({ kind: fc.constant("admitted" as const), slot: whole }),
  fc.record({ kind: fc.constant("settled" as const), effect }),
  fc.record({ kind: fc.constant("refused" as const), reason, leader: fc.option(id) }),
);

const halt = fc.oneof(
  fc.record({ kind: fc.constant("diverged" as const), slot: whole, peers: fc.array(id, few) }),
  fc.record({ kind: fc.constant("staleDisk" as const), peer: id }),
  fc.record({ kind: fc.constant("exiled" as const), slot: whole }),
);

const outcome: fc.Arbitrary<Outcome> = fc.record({
  send: fc.array(
    fc.record({ to: id, lane: fc.constantFrom("control" as const, "bulk" as const), message }),
    few,
  ),
  persist: fc.option(
    fc.record({
      number: whole,
      promised: fc.option(ballot),
      accepted: ballot,
      slotFirst: whole,
      decrees: fc.array(decree, few),
      decided: whole,
      heard: fc.option(fc.array(heard, few)),
      lostUpTo: whole,
    }),
  ),
  sendSlots: fc.array(
    fc.record({ to: id, slotFirst: whole, slotLast: whole, decided: whole }),
    few,
  ),
  applied: fc.array(fc.record({ decree, effect, government: whole, stateHash: hex16 }), few),
  barriers: fc.array(fc.record({ barrier: whole, slot: fc.option(whole) }), few),
  reply: fc.option(reply),
  halt: fc.option(halt),
  deadline: fc.option(whole),
});

const islanderOutcome: fc.Arbitrary<IslanderOutcome> = fc.record({
  register: fc.option(fc.record({ nonce: hex16, attempt: whole })),
  submit: fc.array(fc.record({ batch, attempt: whole }), few),
  settled: fc.array(fc.record({ batch, index: whole }), few),
  refused: fc.array(batch, few),
  failed: fc.option(
    fc.record({
      reason: fc.constantFrom("conflict" as const, "unknownPublisher" as const),
      batches: fc.array(batch, few),
    }),
  ),
  room: whole,
  deadline: fc.option(whole),
});

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/**
 * Every leaf and every list below `holder`. What has a kind is told by its fields as well, and a
 * decree by its slot and its hash.
 */
function places(holder: unknown): Place[] {
  if (typeof holder !== "object" || holder === null) return [];
  const fields = holder as Record<string, unknown>;
  if ("hash" in fields) return ["slot", "hash"].map((key) => ({ holder: fields, key }));
  return Object.entries(fields).flatMap(([key, value]) => {
    const own = key === "kind" ? [] : [{ holder: fields, key }];
    if (typeof value !== "object" || value === null) return own;
    return Array.isArray(value) && value.length > 0 ? [...own, ...places(value)] : places(value);
  });
}

/** Another value of the same type. */
function changed(value: unknown): unknown {
  if (typeof value === "number") return value === Number.MAX_SAFE_INTEGER ? value - 1 : value + 1;
  if (typeof value === "string") return `${value}x`;
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return value.slice(1);
  return value;
}

function isSensitive<Value>(digest: (value: Value) => string, value: Value): void {
  const copy = structuredClone(value);
  assert.equal(digest(copy), digest(value), "the same outcome has the same digest");
  for (const { holder, key } of places(copy)) {
    const before = holder[key];
    holder[key] = changed(before);
    if (before !== null) assert.notEqual(digest(copy), digest(value), `${key} is folded in`);
    holder[key] = before;
  }
}

test("any change of an outcome of the legislator changes its digest", () => {
  fc.assert(
    fc.property(outcome, (value) => isSensitive(digestOutcome, value)),
    { numRuns: 200 },
  );
});

function hashOf(unhashed: Omit<Decree, "hash">): string {
  return hashDecree(hashZero, unhashed);
}

test("any change of a decree changes the hash that stands for it in a digest", () => {
  fc.assert(
    fc.property(decree, ({ slot, time, when, value }) =>
      isSensitive(hashOf, { slot, time, when, value }),
    ),
    { numRuns: 200 },
  );
});

test("any change of an outcome of the islander changes its digest", () => {
  fc.assert(
    fc.property(islanderOutcome, (value) => isSensitive(digestIslanderOutcome, value)),
    { numRuns: 200 },
  );
});

test("what is absent differs from what is there", () => {
  const none: Outcome = quiet;
  const variants: readonly Outcome[] = [
    none,
    { ...none, deadline: 0 },
    { ...none, barriers: [{ barrier: 0, slot: null }] },
    { ...none, barriers: [{ barrier: 0, slot: 0 }] },
    { ...none, reply: { kind: "enqueued" } },
    { ...none, reply: { kind: "refused", reason: "busy", leader: null } },
    { ...none, reply: { kind: "refused", reason: "busy", leader: "a" } },
    { ...none, send: [{ to: "a", lane: "control", message: { kind: "naturalize" } }] },
    { ...none, send: [{ to: "a", lane: "bulk", message: { kind: "naturalize" } }] },
  ];
  assert.equal(new Set(variants.map(digestOutcome)).size, variants.length);
});

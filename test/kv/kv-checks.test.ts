/** What users hand to the map is refused before anything of it gets into the log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KibitzerErrorCode } from "../../src/index.ts";
import { decodeCommand, encodeResult } from "../../src/kv/kv-command.ts";
import { KvEvents } from "../../src/kv/kv-events.ts";
import { Kv, KvMachine, type KvLog } from "../../src/kv/index.ts";
import { kvLimits } from "../../src/kv/kv-limits.ts";
import type { KvAnswer } from "../../src/kv/kv-question.ts";

/** A log that nothing may be published to, before a map that is empty. */
const machine = new KvMachine();
const log: KvLog = {
  query: async (question) => ({ index: 0, bytes: machine.query(question) }),
  publish: () => assert.fail("it was published"),
};
const kv = new Kv(log);
const lone = "k\ud800";
const long = "x".repeat(kvLimits.keyBytesMax + 1);
/** One more than a codec takes. */
const huge = 2 ** 52 + 1;
const token = 1;
const key = "lock";
const ttlMs = 1000;

type Call = readonly [name: string, call: () => Promise<unknown>, message: RegExp];

const wholes: readonly Call[] = [-1, 1.5, Number.NaN, huge].flatMap((wrong): readonly Call[] => [
  ["fence", () => kv.put("k", "v", { fence: { key, token: wrong } }), /fence\.token.*from 1/],
  ["expected", () => kv.cas("k", wrong, "v"), /expected.*record/],
  ["delete", () => kv.delete("k", { expected: wrong }), /expected.*record/],
  ["put lease", () => kv.put("k", "v", { lease: wrong }), /lease.*grant/],
  ["lease", () => kv.lease(wrong), /lease.*grant/],
  ["keepAlive", () => kv.keepAlive(wrong), /lease.*grant/],
  ["revoke", () => kv.revoke(wrong), /lease.*grant/],
  ["from", async () => await kv.watch("k", { from: wrong }).next(), /from.*event/],
  ["after", async () => await kv.watch("k", { after: wrong }).next(), /after.*event/],
  ["limit", () => kv.list("", { limit: wrong }), /limit.*pages/],
  ["grant", () => kv.grant(wrong), /ttlMs.*milliseconds/],
  ["lock", () => kv.lock("k", { ttlMs: wrong }), /ttlMs.*milliseconds/],
]);

const texts = (wrong: string, message: RegExp): readonly Call[] => [
  ["get", () => kv.get(wrong), message],
  ["put", () => kv.put(wrong, "v"), message],
  ["cas", () => kv.cas(wrong, 0, "v"), message],
  ["delete", () => kv.delete(wrong), message],
  ["lock", () => kv.lock(wrong, { ttlMs }), message],
  ["watch", async () => await kv.watch(wrong).next(), message],
  ["fence of a put", () => kv.put("k", "v", { fence: { key: wrong, token } }), message],
  ["fence of a delete", () => kv.delete("k", { fence: { key: wrong, token } }), message],
];

const prefixes = (wrong: string, message: RegExp): readonly Call[] => [
  ...texts(wrong, message),
  ["list", () => kv.list(wrong), message],
  ["list after", () => kv.list("", { after: wrong }), message],
  ["watch prefix", async () => await kv.watch(wrong, { prefix: true }).next(), message],
];

async function refused(code: KibitzerErrorCode, calls: readonly Call[]): Promise<void> {
  for (const [name, call, message] of calls) {
    await assert.rejects(call, { code, outcome: "none", retryable: false, message }, name);
  }
}

test("numbers that are none of theirs are refused, with what is wanted", async () => {
  await refused("KBZ_ARGUMENT", wholes);
  await refused("KBZ_ARGUMENT", [
    ["nobody's token", () => kv.put("k", "v", { fence: { key, token: 0 } }), /found 0/],
  ]);
});

test("keys that are empty, too long or no text are refused, those of fences, too", async () => {
  await refused("KBZ_ARGUMENT", texts("", /at least a byte, found none/));
  await refused("KBZ_TOO_LARGE", prefixes(long, /at most 1024 bytes, this one 1025. Shorten/));
  await refused("KBZ_ARGUMENT", prefixes(lone, /Unicode text, found a lone surrogate/));
  const value = new Uint8Array(kvLimits.valueBytesMax + 1);
  await refused("KBZ_ARGUMENT", [
    ["value", () => kv.put("k", lone), /value: Unicode/],
    ["owner", () => kv.lock("k", { ttlMs, owner: lone }), /owner: Unicode/],
  ]);
  await refused("KBZ_TOO_LARGE", [
    ["value", () => kv.put("k", value), /Split it/],
    ["owner", () => kv.lock("k", { ttlMs, owner: "x".repeat(value.length) }), /Split it/],
  ]);
});

test("the largest of all are taken", async () => {
  const taken: KvLog = {
    ...log,
    publish: async (entry) => {
      assert.ok(entry instanceof Uint8Array && decodeCommand(entry) !== null);
      return { index: 1, result: encodeResult({ status: "ok", number: 1 }) };
    },
  };
  const most = 2 ** 52;
  const map = new Kv(taken);
  const fence = { key: "\u{1f600}".repeat(kvLimits.keyBytesMax / 4), token: most };
  await map.put(fence.key, new Uint8Array(kvLimits.valueBytesMax), { fence, lease: most });
  await map.delete(fence.key, { fence, expected: most });
});

test("a watch from a revision that a refusal names, or from 0, is not refused", () => {
  const value = new Uint8Array(0);
  const events = new KvEvents();
  assert.equal(from(events, 0).kind, "events");
  for (const key of ["a", "b"]) events.add({ kind: "expire", key, value, revision: 5 });
  const told = from(events, 0);
  assert.equal(told.kind === "events" && told.events.length, 2);
  for (let at = 1; at < kvLimits.eventsKept; at += 1) {
    events.add({ kind: "put", key: "k", value, revision: 5 + at });
  }
  assert.deepEqual(from(events, 0), { kind: "compacted", revisionFirst: 6 });
  assert.deepEqual(from(events, 5), { kind: "compacted", revisionFirst: 6 });
  assert.equal(from(events, 6).kind, "events");
});

function from(events: KvEvents, revision: number): KvAnswer {
  return events.watch({ kind: "watch", name: "", isPrefix: true, place: { from: revision } });
}

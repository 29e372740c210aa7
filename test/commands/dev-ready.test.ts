/** When a development cluster counts as ready. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../src/api.ts";
import { missingOf, seatsOf, untilReady } from "../../src/commands/dev-ready.ts";

function statusWith(parliament: readonly string[], leader: string | null, members = 3): Status {
  const at = { slot: 1, index: 0 };
  return {
    republic: { name: "dev", identity: "0" },
    government: { number: 1, leader, parliament, constituents: [], parliamentSize: 5 },
    ballot: { government: 1, round: 1, id: "a" },
    decided: at,
    members: Array.from({ length: members }, (_, position) => ({
      id: String.fromCharCode(97 + position),
      url: "ws://127.0.0.1:1",
      role: "member" as const,
      reachable: true,
      naturalized: true,
      eligible: true,
      decided: at,
      applied: at,
      hash: { slot: 1, value: "0" },
      cookie: "0",
      version: "0",
    })),
  };
}

test("seats are the largest odd number up to five", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 26].map(seatsOf), [1, 1, 3, 3, 5, 5, 5, 5]);
});

test("it says what is missing", () => {
  assert.match(missingOf(statusWith(["a"], "a", 2), 3) ?? "", /2 of 3 nodes/);
  assert.match(missingOf(statusWith(["a"], "a"), 3) ?? "", /1 of 3 seats/);
  assert.match(missingOf(statusWith(["a", "b", "c"], null), 3) ?? "", /leader/);
  assert.equal(missingOf(statusWith(["a", "b", "c"], "b"), 3), null);
});

test("every node must know, and a barrier must pass", async () => {
  const whole = statusWith(["a", "b", "c"], "a");
  const missing: string[] = [];
  let laterAsks = 0;
  let barriers = 0;
  const early = {
    status: async () => whole,
    barrier: async () => {
      barriers += 1;
      if (barriers === 1) throw new Error("no quorum yet");
      return { index: 0, slot: 1 };
    },
  };
  const late = {
    ...early,
    status: async () => {
      laterAsks += 1;
      return laterAsks === 1 ? statusWith(["a"], "a") : whole;
    },
  };
  const { signal } = new AbortController();
  await untilReady(
    () => [early, late],
    () => 3,
    { signal, waiting: (text) => missing.push(text) },
  );
  assert.deepEqual(missing, ["1 of 3 seats filled", "no quorum yet"]);
});

test("a node that is found to be exiled is not waited for", async () => {
  const log = {
    status: async () => statusWith(["a", "c"], "a", 2),
    barrier: async () => ({ index: 0, slot: 1 }),
  };
  let nodes = 3;
  const waiting = (missing: string): void => {
    assert.equal(missing, "2 of 3 nodes admitted");
    nodes = 2;
  };
  const { signal } = new AbortController();
  await untilReady(
    () => [log],
    () => nodes,
    { signal, waiting },
  );
  assert.equal(nodes, 2);
});

test("it can be given up", async () => {
  const controller = new AbortController();
  const waiting = (): void => controller.abort(new Error("stopped"));
  await assert.rejects(
    untilReady(
      () => [],
      () => 3,
      { signal: controller.signal, waiting },
    ),
  );
});

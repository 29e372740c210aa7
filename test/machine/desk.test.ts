/** What a node does with its state machine, without the node: attaching, and what it is asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { MachineDesk } from "../../src/machine/machine-desk.ts";
import { LogReader } from "../../src/node/log-reader.ts";
import { systemClock } from "../../src/system/system-clock.ts";
import { Ledger } from "./ledger.ts";

const never = new AbortController().signal;

function deskWith(add: () => Promise<number>, over: AbortSignal): MachineDesk {
  return new MachineDesk({
    clock: systemClock(),
    reader: new LogReader(systemClock()),
    over,
    parts: { add },
    isLeading: () => false,
    publish: async () => undefined,
    marked: () => undefined,
    skipped: () => undefined,
    failed: () => undefined,
  });
}

test("a machine that cannot be attached is not waited for, and another one can be", async () => {
  const over = new AbortController();
  const gone = new KibitzerError("KBZ_TRUNCATED", "gone", { retryable: false, outcome: "none" });
  const answers = [Promise.reject(gone), Promise.resolve(0)];
  const desk = deskWith(async () => (await answers.shift()) ?? 0, over.signal);
  await assert.rejects(desk.attach(new Ledger()), gone);
  assert.equal(desk.applied, null);
  assert.ok(await desk.reached(1, never));
  await desk.attach(new Ledger());
  assert.deepEqual(desk.applied, { slot: 0, index: 0 });
  await assert.rejects(desk.attach(new Ledger()), { code: "KBZ_ARGUMENT" });
  over.abort();
});

test("while one machine is being attached there is no room for another", async () => {
  const over = new AbortController();
  const { promise, resolve } = Promise.withResolvers<number>();
  const desk = deskWith(async () => await promise, over.signal);
  const attaching = desk.attach(new Ledger());
  await assert.rejects(desk.attach(new Ledger()), { code: "KBZ_ARGUMENT" });
  // Nobody waits for it before it is there.
  assert.ok(await desk.reached(1, never));
  resolve(0);
  await attaching;
  assert.notEqual(desk.applied, null);
  over.abort();
});

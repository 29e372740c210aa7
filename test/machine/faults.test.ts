/** State machines that throw where they should not: what their users and operators are told. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer, KibitzerClient, type StateMachine } from "../../src/index.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { machineLimits } from "../../src/machine/machine-limits.ts";
import { Waker } from "../../src/machine/waker.ts";
import { systemClock } from "../../src/system/system-clock.ts";
import { eventually } from "../processes/kit.ts";
import { gather, hostOver, WrittenLog } from "./host-scene.ts";
import { Ledger } from "./ledger.ts";

const never = new AbortController().signal;

const sound: StateMachine = {
  apply: () => undefined,
  snapshot: () => [],
  restore: async () => undefined,
};

function fail(): never {
  throw new TypeError("cannot do it");
}

async function open(t: TestContext, machine: StateMachine): Promise<Kibitzer> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-faults-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = [`unix:${directory}/a.socket`];
  const node = await Kibitzer.open({ id: "a", directory, listen, record: false, machine });
  t.after(async () => await node.close());
  await node.bootstrap("faults");
  return node;
}

for (const [what, query, found] of [
  ["that throws", fail, /cannot do it/],
  // What a user without types may do.
  ["that gives no bytes", () => JSON.parse('"text"'), /query returned string/],
] as const) {
  test(`a query ${what} fails for who asked, and the node goes on`, async (t) => {
    const node = await open(t, { ...sound, query });
    await using client = await KibitzerClient.connect([node.url]);
    const question = new Uint8Array(1);
    const failed = { code: "KBZ_MACHINE", outcome: "none", retryable: false, message: found };
    await assert.rejects(node.query(question), failed);
    await assert.rejects(client.query(question), failed);
    await assert.rejects(client.query(question, { stale: true }), failed);
    assert.deepEqual(await client.publish("entry"), { index: 1 });
  });
}

test("a snapshot that throws for the hash stops the node, and blames the machine", async () => {
  const log = new WrittenLog();
  const { host, failures, over } = hostOver(log, { ...sound, snapshot: fail });
  log.append(["a"], { gap: machineLimits.stateHashSlotsMin });
  const failure = await eventually("a failure", async () => failures[0] ?? null);
  assert.ok(failure instanceof KibitzerError);
  assert.equal(failure.code, "KBZ_MACHINE");
  assert.match(failure.message, /failed in snapshot at entry 1 \(slot 1024\): cannot do it/);
  assert.equal(host.index, 0);
  over.abort();
});

for (const lag of [0, 1]) {
  test(`a snapshot that throws when one is made, ${lag} slots later, costs only that`, async () => {
    const log = new WrittenLog();
    const { host, part, failures, over } = hostOver(log, { ...sound, snapshot: fail });
    log.append(["a"]);
    await host.reached({ slot: log.slot }, never);
    if (lag > 0) log.append(["b"]);
    await assert.rejects(gather(part.write(log.slot, never)), /cannot do it/);
    log.append(["c"]);
    await host.reached({ slot: log.slot }, never);
    assert.deepEqual(failures, []);
    over.abort();
  });
}

test("a snapshot that is damaged is no fault of the machine, and another one may do", async () => {
  const { host, over } = hostOver(new WrittenLog(), new Ledger(), false);
  const details = { retryable: false, outcome: "none" } as const;
  const damaged = new KibitzerError("KBZ_DAMAGED", "bits have flipped", details);
  async function* pieces(): AsyncGenerator<Uint8Array, void, void> {
    yield Buffer.from("[");
    throw damaged;
  }
  const head = { index: 5, time: 5, hash: "0000000000000000", stateHashSlot: 1024, rows: [] };
  await assert.rejects(host.restore(7, head, pieces()), damaged);
  over.abort();
});

test("a wake that throws stops the node, whenever it is asked", async () => {
  for (const calls of [0, 1]) {
    const over = new AbortController();
    const failures: unknown[] = [];
    let left = calls;
    const wake = (): { readonly time: number; readonly entry: string } => {
      left -= 1;
      return left < 0 ? fail() : { time: 1, entry: "tick" };
    };
    const waker = new Waker(
      {
        clock: systemClock(),
        over: over.signal,
        isLeading: () => true,
        publish: async () => undefined,
        failed: (error) => failures.push(error),
      },
      { machine: { ...sound, wake }, time: 0, slot: 3, index: 2 },
    );
    waker.look();
    const failure = await eventually("a failure", async () => failures[0] ?? null);
    assert.ok(failure instanceof KibitzerError);
    assert.equal(failure.code, "KBZ_MACHINE");
    assert.match(failure.message, /failed in wake at entry 2 \(slot 3\): cannot do it/);
    over.abort();
  }
});

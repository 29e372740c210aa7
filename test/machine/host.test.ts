/** The host of a state machine: order, marks, snapshots at any slot (S2, S5), what it refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { machineLimits } from "../../src/machine/machine-limits.ts";
import { cut, gather, hostOver, WrittenLog } from "./host-scene.ts";
import { Ledger } from "./ledger.ts";

const never = new AbortController().signal;

test("a snapshot at any slot, restored, goes on as the machine itself does", async () => {
  const batches = fc.array(
    fc.record({
      texts: fc.array(fc.string({ maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      publisher: fc.integer({ min: 1, max: 3 }),
      gap: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 2, maxLength: 12 },
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(), sizes, async (drawn, at, pieces) => {
      const log = new WrittenLog();
      const live = hostOver(log, new Ledger());
      const half = 1 + (at % (drawn.length - 1));
      for (const { texts, ...place } of drawn.slice(0, half)) log.append(texts, place);
      const { slot } = log;
      const written = gather(live.part.write(slot, never));
      for (const { texts, ...place } of drawn.slice(half)) log.append(texts, place);
      await live.host.reached({ slot: log.slot }, never);
      const bytes = await written;

      const ledger = new Ledger();
      const restored = hostOver(log, ledger, false);
      await restored.part.restore(cut(bytes, pieces), slot);
      assert.equal(restored.host.slot, slot);
      assert.deepEqual(await gather(restored.part.write(slot, never)), bytes, "S5");
      void restored.host.run();
      await restored.host.reached({ slot: log.slot }, never);
      assert.equal(restored.host.hash, live.host.hash, "S2");
      const end = await gather(live.part.write(log.slot, never));
      assert.deepEqual(await gather(restored.part.write(log.slot, never)), end, "S2");
      for (const { publisher, sequence } of log.batches) {
        const found = restored.host.resultsOf(publisher, sequence);
        assert.deepEqual(found, live.host.resultsOf(publisher, sequence));
      }
      live.over.abort();
      restored.over.abort();
    }),
    { numRuns: 40 },
  );
});

test("nodes mark the same slots, however they get there", async () => {
  const log = new WrittenLog();
  const fast = hostOver(log, new Ledger());
  for (let batch = 0; batch < 300; batch += 1) {
    log.append([`entry ${batch}`]);
    if (batch % 7 === 0) await fast.host.reached({ slot: log.slot }, never);
  }
  await fast.host.reached({ slot: log.slot }, never);
  const slow = hostOver(log, new Ledger());
  await slow.host.reached({ slot: log.slot }, never);
  await new Promise((resolve) => setTimeout(resolve, 3 * machineLimits.markQuietMs));
  assert.deepEqual(
    fast.marks.map(({ slot }) => slot),
    [64, 128, 192, 256, 300],
  );
  assert.deepEqual(slow.marks, fast.marks);
  fast.over.abort();
  slow.over.abort();
});

test("the state goes into the hash, too, though no result tells of it", async () => {
  const hashes: string[] = [];
  for (const secret of ["one", "other"]) {
    const log = new WrittenLog();
    const { host, over } = hostOver(log, {
      apply: () => undefined,
      snapshot: () => [Buffer.from(secret)],
      restore: async () => undefined,
    });
    log.append(["a"], { gap: machineLimits.stateHashSlotsMin - 1 });
    await host.reached({ slot: log.slot }, never);
    hashes.push(host.hash);
    log.append(["b"]);
    await host.reached({ slot: log.slot }, never);
    hashes.push(host.hash);
    over.abort();
  }
  assert.equal(hashes[0], hashes[2]);
  assert.notEqual(hashes[1], hashes[3]);
});

for (const [what, result, found] of [
  ["a promise", Promise.resolve("later"), /returned a promise/],
  ["a number", 7, /returned number/],
] as const) {
  test(`apply that gives ${what} is refused`, async () => {
    const log = new WrittenLog();
    const { host, failures, over } = hostOver(log, {
      // What a user without types may do.
      apply: () => JSON.parse("null") ?? (result as unknown as string),
      snapshot: () => [],
      restore: async () => undefined,
    });
    const end = new AbortController();
    log.append(["a"]);
    const reached = host.reached({ index: 1 }, end.signal);
    while (failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
    end.abort();
    assert.equal(await reached, false);
    assert.match(String(failures[0]), found);
    over.abort();
  });
}

/** Takes longer than it has to be quiet before a mark, twice: the first look sees a change. */
function* slowly(): Generator<Uint8Array, void, void> {
  const end = performance.now() + 4 * machineLimits.markQuietMs;
  while (performance.now() < end) {
    const piece = performance.now() + machineLimits.sliceMsMax + 1;
    while (performance.now() < piece);
    yield new Uint8Array(1);
  }
}

test("what is marked while the state goes into the hash is the slot before", async () => {
  const before = machineLimits.stateHashSlotsMin - 1;
  const hashes: (string | undefined)[] = [];
  for (const isQuiet of [true, false]) {
    const log = new WrittenLog();
    const { host, marks, over } = hostOver(log, {
      apply: (entry) => entry.text(),
      snapshot: slowly,
      restore: async () => undefined,
    });
    const marked = (): string | undefined => marks.find(({ slot }) => slot === before)?.hash;
    log.append(["a"], { gap: before });
    await host.reached({ slot: before }, never);
    if (isQuiet) {
      while (marked() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    log.append(["b"]);
    await host.reached({ slot: log.slot }, never);
    hashes.push(marked());
    over.abort();
  }
  assert.notEqual(hashes[0], undefined);
  assert.equal(hashes[1], hashes[0]);
});

test("a question amid a large batch is answered after all of it", async () => {
  const log = new WrittenLog();
  const ledger = new Ledger();
  const { host, over } = hostOver(log, ledger);
  const told: (readonly [number, number])[] = [];
  const count = (): number => ledger.lines.length;
  const ask = async (): Promise<void> => {
    const answer = await host.ask(count, never);
    assert.ok(answer !== null);
    told.push([answer.index, answer.value]);
  };
  const entries = Array.from({ length: 4 * machineLimits.sliceEntriesMax }, () => "entry");
  for (let batch = 0; batch < 3; batch += 1) log.append(entries);
  let amid = 0;
  while (host.index < log.indexLast) {
    const before = ledger.lines.length;
    if (before % entries.length > 0) amid += 1;
    void ask();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(amid > 0);
  for (const [index, value] of told) assert.equal(value, index);
  over.abort();
});

test("a question ends with its signal, and when the state is replaced meanwhile", async () => {
  const log = new WrittenLog();
  const { promise, resolve } = Promise.withResolvers<void>();
  const machine = { apply: () => "", snapshot: () => [], restore: async () => await promise };
  const { host, over } = hostOver(log, machine, false);
  const head = { index: 5, time: 5, hash: "0000000000000000", stateHashSlot: 1024, rows: [] };
  const restoring = host.restore(7, head, (async function* () {})());
  const end = new AbortController();
  const given = host.ask(() => "up", end.signal);
  const asked = host.ask(() => "there", never);
  end.abort();
  assert.equal(await given, null);
  resolve();
  await restoring;
  assert.deepEqual(await asked, { index: 5, value: "there" });
  over.abort();
});

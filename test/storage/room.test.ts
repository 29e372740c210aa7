/** A journal whose disk is full: what waits, what it tells, what it does when there is room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock, Timer } from "../../src/world.ts";
import { MemoryFiles, systemError } from "./memory-files.ts";
import { openJournal, readAll, Writer } from "./samples.ts";

/** Time passes when told. */
class StepClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((each) => each !== timer)) };
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
    for (let turn = 0; turn < 30; turn += 1) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }
}

const first = 32 * 512;
const max = 64 * 512;

test("a full disk costs nothing until the segment ends, then writes wait for room", async () => {
  const files = new MemoryFiles();
  const clock = new StepClock();
  const writer = new Writer();
  const opened = await openJournal(files, { first, max, clock });
  const { journal, persisted, failures, rooms } = opened;
  files.bytesMax = files.bytes;
  let taken = 0;
  for (; persisted.length === taken; taken += 1) {
    journal.append(writer.write([100]), writer.bodies);
    await clock.pass(1);
  }
  assert.deepEqual(failures, []);
  assert.deepEqual(rooms, [false]);
  assert.ok(taken > 10, `${taken} were written after all`);
  await clock.pass(2000);
  assert.equal(persisted.length, taken - 1, "the last one waits");
  files.bytesMax = Infinity;
  await clock.pass(500);
  assert.deepEqual(rooms, [false, true]);
  assert.equal(persisted.length, taken);
  await journal.close();
  const again = await openJournal(files, { first, max, expected: true });
  assert.deepEqual(await readAll(again.journal), writer.log);
  await again.journal.close();
});

/** Where the space ends: after so many bytes, or at a call. */
const ends: readonly (number | string)[] = [
  ...Array.from({ length: 40 }, (_, step) => step * 1000),
  "rename",
  "open /data/journal/segment",
  "open /data/journal/manifest",
];

test("wherever the space ends, the next segment is made when there is some", async () => {
  for (const end of ends) {
    const files = new MemoryFiles();
    const clock = new StepClock();
    const writer = new Writer();
    const { journal, persisted, failures, rooms } = await openJournal(files, { first, max, clock });
    if (typeof end === "number") files.bytesMax = files.bytes + end;
    files.before = (call) => {
      const isRefused = typeof end === "string" && call.startsWith(end);
      if (isRefused) throw systemError("ENOSPC", call);
    };
    for (let count = 0; count < 60; count += 1) {
      journal.append(writer.write([100]), writer.bodies);
      await clock.pass(count % 5);
    }
    assert.deepEqual(rooms, [false], `space ends at ${end}`);
    files.bytesMax = Infinity;
    files.before = () => {};
    await clock.pass(600);
    assert.deepEqual([failures, rooms], [[], [false, true]], `space ends at ${end}`);
    assert.equal(persisted.at(-1), writer.number);
    await journal.close();
    const again = await openJournal(files, { first, max, expected: true });
    assert.deepEqual(await readAll(again.journal), writer.log);
    await again.journal.close();
  }
});

test("closing gives up what waits for room, and what was reported is there", async () => {
  const files = new MemoryFiles();
  const clock = new StepClock();
  const writer = new Writer();
  const { journal, persisted } = await openJournal(files, { first, max, clock });
  files.bytesMax = files.bytes;
  for (let count = 0; count < 40; count += 1) {
    journal.append(writer.write([300]), writer.bodies);
    await clock.pass(1);
  }
  const reported = persisted.at(-1) ?? 0;
  assert.ok(reported > 0 && reported < writer.number);
  await journal.close();
  assert.equal(persisted.at(-1), reported);
  files.bytesMax = Infinity;
  const again = await openJournal(files, { first, max, expected: true });
  assert.equal(again.recovered.length, reported);
  await again.journal.close();
});

test("a disk that hangs has no room for more once too much waits for it", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const clock = new StepClock();
  const { journal, rooms, persisted } = await openJournal(files, { clock, backlog: 32_768 });
  const hanging = Promise.withResolvers<void>();
  files.before = async (call) => {
    if (call.startsWith("datasync")) await hanging.promise;
  };
  for (let count = 0; count < 40; count += 1) {
    journal.append(writer.write([1024]), writer.bodies);
    await clock.pass(1);
    assert.deepEqual(rooms, count < 26 ? [] : [false]);
  }
  assert.deepEqual(persisted, []);
  hanging.resolve();
  while (persisted.at(-1) !== writer.number) await clock.pass(1);
  assert.deepEqual(rooms, [false, true]);
  await journal.close();
});

test("a lack of space told by a sync, or within a segment, is final", async () => {
  const ways: readonly ((call: string) => boolean)[] = [
    (call) => call.startsWith("datasync"),
    (call) => call.startsWith("write") && call.includes("segment-00000001"),
  ];
  for (const isRefused of ways) {
    const files = new MemoryFiles();
    const writer = new Writer();
    const clock = new StepClock();
    const { journal, failures, rooms, persisted } = await openJournal(files, { clock });
    files.before = (call) => {
      if (isRefused(call)) throw systemError("ENOSPC", call);
    };
    journal.append(writer.write([10]), writer.bodies);
    await clock.pass(1);
    assert.equal(failures[0]?.code, "KBZ_JOURNAL_FAILED");
    assert.deepEqual([rooms, persisted], [[], []]);
    await journal.close();
  }
});

test("a start on a full disk makes do with a small segment, or says why not", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const clock = new StepClock();
  const before = await openJournal(files, { first: 2 ** 20 });
  before.journal.append(writer.write([100]), writer.bodies);
  await before.reached(1);
  await before.journal.close();
  for (const bytesMax of [65_536, 300_000]) {
    const copy = files.killed();
    copy.bytesMax = copy.bytes + bytesMax + 4096;
    const { journal, recovered, failures } = await openJournal(copy, {
      expected: true,
      first: 2 ** 20,
      clock,
    });
    assert.equal(recovered.length, 1);
    assert.deepEqual(
      copy.paths().filter((path) => path.endsWith(".tmp")),
      [],
    );
    const next = new Writer(recovered);
    journal.append(next.write([100], { slotFirst: 2 }), next.bodies);
    await clock.pass(1);
    assert.deepEqual(failures, []);
    await journal.close();
  }
  const full = files.killed();
  full.bytesMax = full.bytes + 10_000;
  await assert.rejects(openJournal(full, { expected: true, first: 2 ** 20 }), { code: "ENOSPC" });
  full.bytesMax = Infinity;
  const again = await openJournal(full, { expected: true, first: 2 ** 20 });
  assert.equal(again.recovered.length, 1);
  await again.journal.close();
});

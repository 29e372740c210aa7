/** The journal in ordinary life: order, groups, reading, restarts, failures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Heard, Write } from "../../consensus/index.ts";
import { sectorBytes } from "../../src/storage/segment.ts";
import { everything, MemoryFiles, nothing, systemError } from "./memory-files.ts";
import { ballot, noRecovery, openJournal, plain, readAll, Writer } from "./samples.ts";

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => void setImmediate(resolve));
}

test("a new journal is empty and makes both copies of the promise", async () => {
  const files = new MemoryFiles();
  const { journal, recovered } = await openJournal(files);
  assert.deepEqual(recovered, noRecovery);
  await journal.close();
  assert.deepEqual(files.paths(), [
    "/data/journal/manifest",
    "/data/journal/manifest-2",
    "/data/journal/segment-00000001",
    "/data/promise-1",
    "/data/promise-2",
  ]);
});

test("what was appended is read back, durable or not yet, and after a restart", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const first = await openJournal(files);
  first.journal.append(
    writer.values([{ kind: "opening" }, { kind: "registration", nonce: "0123456789abcdef" }]),
    writer.bodies,
  );
  first.journal.append(writer.write([0, 1, 511, 512, 5000, 70_000]), writer.bodies);
  assert.equal(first.journal.length, 8);
  assert.deepEqual(await readAll(first.journal), writer.log);
  await first.reached(2);
  assert.deepEqual(await readAll(first.journal), writer.log);
  await first.journal.close();
  assert.deepEqual(first.persisted, [2]);

  const second = await openJournal(files.killed(), { expected: true });
  assert.equal(second.recovered.length, 8);
  assert.deepEqual(second.recovered.accepted, ballot);
  assert.ok(second.recovered.writeLast > 2);
  assert.deepEqual(await readAll(second.journal), writer.log);
  await second.journal.close();
});

test("writes that come during a sync are one group: one write, one sync", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, persisted, reached } = await openJournal(files, { first: 2 ** 20 });
  const calls = files.calls.length;
  journal.append(writer.write([10]), writer.bodies);
  let isLate = true;
  files.before = (call) => {
    if (!call.startsWith("datasync") || !isLate) return;
    isLate = false;
    for (let count = 0; count < 5; count += 1) {
      journal.append(writer.write([10, 5000]), writer.bodies);
    }
  };
  await reached(6);
  // The handle was opened under the name that the segment had while it was filled.
  const segment = "/data/journal/segment-00000001.tmp";
  assert.deepEqual(persisted, [1, 6]);
  assert.deepEqual(files.calls.slice(calls), [
    `write ${segment}`,
    `datasync ${segment}`,
    `write ${segment}`,
    `datasync ${segment}`,
  ]);
  await journal.close();
});

test("a promise is kept twice, one copy after the other, before it is reported", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, persisted, reached } = await openJournal(files);
  const calls = files.calls.length;
  const promised = { government: 1, round: 9, id: "b" };
  const early: number[] = [];
  files.before = () => void early.push(persisted.length);
  journal.append(writer.write([10], { promised }), writer.bodies);
  await reached(1);
  assert.deepEqual(
    files.calls.slice(calls).map((call) => call.replace("/data/", "")),
    [
      "write journal/segment-00000001.tmp",
      "datasync journal/segment-00000001.tmp",
      ...["1", "2"].flatMap((copy) => [`write promise-${copy}`, `datasync promise-${copy}`]),
    ],
  );
  assert.ok(early.every((count) => count === 0));
  await journal.close();
  const again = await openJournal(files.powerLost(nothing));
  assert.deepEqual(again.recovered.promised, promised);
  await again.journal.close();
});

test("a promise never recovers below the ballot of the log", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files);
  journal.append(writer.write([10], { promised: ballot }), writer.bodies);
  files.before = (call) => {
    if (call.includes("promise")) throw systemError("EIO", call);
  };
  await reached(1);
  const again = await openJournal(files.powerLost(nothing));
  assert.deepEqual(again.recovered.promised, ballot);
  assert.match(
    Buffer.from(files.powerLost(nothing).bytesOf("/data/promise-1")).toString(),
    /"round":0/,
  );
  await again.journal.close();
});

test("an idle journal marks its last group without a sync", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  let idle: (() => void) | null = null;
  const { journal, reached } = await openJournal(files, {
    first: 2 ** 20,
    clock: {
      now: () => 0,
      wall: () => 0,
      soon: (callback) => callback(),
      after: (_, callback) => {
        idle = callback;
        return { cancel: () => {} };
      },
    },
  });
  journal.append(writer.write([10]), writer.bodies);
  await reached(1);
  await nextTurn();
  const calls = files.calls.length;
  const marked = (): boolean => idle !== null;
  assert.ok(marked());
  (idle as unknown as () => void)();
  await nextTurn();
  assert.deepEqual(files.calls.slice(calls), ["write /data/journal/segment-00000001.tmp"]);
  const killed = files.killed();
  const image = await openJournal(killed);
  // What is marked need not be written again: the first segment keeps it, cut behind it.
  assert.equal(killed.bytesOf("/data/journal/segment-00000001").length, 2 * sectorBytes);
  assert.deepEqual(await readAll(image.journal), writer.log);
  await image.journal.close();
  journal.append(writer.write([10]), writer.bodies);
  await reached(2);
  await journal.close();
  const again = await openJournal(files);
  assert.deepEqual(await readAll(again.journal), writer.log);
  await again.journal.close();
});

test("a failed sync is final: told once, nothing reported after, nothing retried", async () => {
  for (const failing of ["write", "datasync"]) {
    const files = new MemoryFiles();
    const writer = new Writer();
    const { journal, persisted, failures, reached } = await openJournal(files);
    journal.append(writer.write([10]), writer.bodies);
    await reached(1);
    files.before = (call) => {
      if (call.startsWith(failing)) throw systemError("EIO", call);
    };
    journal.append(writer.write([10]), writer.bodies);
    await reached(2);
    files.before = () => {};
    const calls = files.calls.length;
    journal.append(writer.write([10]), writer.bodies);
    await journal.close();
    assert.deepEqual(persisted, [1]);
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.code, "KBZ_JOURNAL_FAILED");
    assert.equal(failures[0].retryable, false);
    assert.match(String(failures[0].cause), /EIO/);
    assert.equal(files.calls.length, calls);
  }
});

test("segments follow one another, the next one ready before it is named", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const first = await openJournal(files, { first: 4 * 512, max: 16 * 512 });
  for (let count = 0; count < 60; count += 1) {
    first.journal.append(writer.write([300 + count]), writer.bodies);
    await first.reached(writer.number);
  }
  first.journal.append(writer.write([40_000]), writer.bodies);
  await first.reached(writer.number);
  assert.deepEqual(first.failures, []);
  assert.ok(files.paths().length > 6);
  assert.deepEqual(await readAll(first.journal), writer.log);
  const lost = files.powerLost(nothing);
  await first.journal.close();
  for (const left of [files, lost]) {
    const second = await openJournal(left, { first: 4 * 512, max: 16 * 512, expected: true });
    assert.deepEqual(await readAll(second.journal), writer.log);
    await second.journal.close();
  }
});

test("a read gives at least one decree and no more than asked for", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files);
  journal.append(writer.write([1000, 1000, 1000, 1000]), writer.bodies);
  await reached(1);
  assert.equal((await journal.read(2, 4, 1)).length, 1);
  assert.equal((await journal.read(1, 4, 2500)).length, 2);
  assert.deepEqual((await journal.read(2, 3, 1e6)).map(plain), writer.log.slice(1, 3));
  await journal.close();
});

/** What was heard of a peer. */
function note(id: string, length: number): Heard {
  return {
    id,
    cookie: "0123456789abcdef",
    starts: 1,
    promised: ballot,
    accepted: ballot,
    length,
  };
}

test("notes of peers and the decided mark survive, the latest for each peer", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal } = await openJournal(files);
  journal.append(writer.write([1], { heard: [note("c", 1), note("b", 1)] }), writer.bodies);
  journal.append(writer.write([1], { heard: [note("c", 2)], decided: 1 }), writer.bodies);
  await journal.close();
  const again = await openJournal(files);
  assert.deepEqual(again.recovered.heard, [note("b", 1), note("c", 2)]);
  assert.equal(again.recovered.decided, 1);
  await again.journal.close();
});

test("write numbers are not used again, lost ones included", async () => {
  let files = new MemoryFiles();
  const used = new Set<number>();
  for (let life = 0; life < 4; life += 1) {
    const { journal, recovered } = await openJournal(files);
    const writer = new Writer(recovered);
    const write = writer.writeOf([], {}, recovered.length + 1);
    assert.ok(!used.has(write.number));
    used.add(write.number);
    journal.append(write, writer.bodies);
    const lost = files.powerLost(nothing);
    await journal.close();
    files = lost;
  }
  assert.equal(used.size, 4);
});

/** A history of writes, some of which replace a suffix; `kill` ends a life without a close. */
const history = fc.array(
  fc.record({
    sizes: fc.array(fc.nat({ max: 6000 }), { maxLength: 4 }),
    back: fc.nat({ max: 3 }),
    waits: fc.boolean(),
    end: fc.constantFrom("none", "none", "none", "close", "kill"),
  }),
  { maxLength: 25 },
);

test("whatever is written and replaced, over restarts, is what is read", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      let files = new MemoryFiles();
      const options = { first: 16 * 512, max: 64 * 512 };
      let opened = await openJournal(files, options);
      const writer = new Writer(opened.recovered);
      for (const { sizes, back, waits, end } of steps) {
        const slotFirst = Math.max(1, writer.log.length + 1 - back);
        const write: Write = writer.write(sizes, { slotFirst });
        opened.journal.append(write, writer.bodies);
        if (waits || end === "kill") await opened.reached(write.number);
        if (end === "none") continue;
        if (end === "close") await opened.journal.close();
        files = end === "kill" ? files.powerLost(everything) : files.killed();
        opened = await openJournal(files, { ...options, expected: true });
        writer.number = opened.recovered.writeLast;
        assert.deepEqual(await readAll(opened.journal), writer.log);
      }
      assert.deepEqual(await readAll(opened.journal), writer.log);
      await opened.journal.close();
      assert.deepEqual(await readAll((await openJournal(files, options)).journal), writer.log);
    }),
    { numRuns: 60 },
  );
});

test("a sync of the next segment that fails in the background is not asked for again", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const first = 400 * sectorBytes;
  const { journal, failures, reached } = await openJournal(files, { first, max: first });
  let syncs = 0;
  files.before = async (call) => {
    if (call !== "datasync /data/journal/segment-00000002.tmp") return;
    syncs += 1;
    // The group that has no room in the old segment is there before the failure is.
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    journal.append(writer.write([200 * sectorBytes]), writer.bodies);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    throw systemError("EIO", call);
  };
  journal.append(writer.write([300 * sectorBytes]), writer.bodies);
  await reached(2);
  await journal.close();
  assert.equal(syncs, 1);
  assert.deepEqual(
    failures.map(({ code }) => code),
    ["KBZ_JOURNAL_FAILED"],
  );
});

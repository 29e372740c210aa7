/** A journal that relies on snapshots: read from there on, cut off behind, and made good again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { emptyRepublic, type RepublicState } from "../../consensus/index.ts";
import type { Journal } from "../../src/storage/journal.ts";
import { MemoryFiles, systemError } from "./memory-files.ts";
import { openJournal, plain, Writer, type Opened } from "./samples.ts";

const sizes = { first: 8 * 512, max: 8 * 512 };
const everything = { bytes: 0, ageMs: null };
const atOnce = async (): Promise<void> => {};

const ballotHeard = { government: 1, round: 1, id: "b" };
/** What a peer has told of its disk. */
const note = {
  id: "b",
  cookie: "b".repeat(16),
  starts: 3,
  promised: ballotHeard,
  accepted: ballotHeard,
  length: 7,
};

const rest = { government: 1, stateHash: "" };

function stateAt(slot: number): RepublicState {
  return { ...emptyRepublic(), slot, index: slot };
}

/** Relies on a state after `slot`, of which nothing but the slot matters to a journal. */
async function rely(journal: Journal, slot: number): Promise<void> {
  await journal.past.relyOn(stateAt(slot));
}

async function fill(opened: Opened, writer: Writer, count: number): Promise<void> {
  const { journal, reached } = opened;
  for (let at = 0; at < count; at += 1) {
    const write = writer.write([300], { decided: writer.log.length });
    journal.append(write, writer.bodies);
    await reached(write.number);
    const applied = write.decrees.map((decree) => {
      return { decree, effect: { kind: "applied", index: decree.slot }, ...rest } as const;
    });
    journal.past.note(applied);
  }
}

async function open(files: MemoryFiles, snapshots: readonly number[]): Promise<Opened> {
  return await openJournal(files, {
    ...sizes,
    expected: true,
    snapshot: async (slot) => (snapshots.includes(slot) ? stateAt(slot) : null),
  });
}

async function segmentsIn(files: MemoryFiles): Promise<number> {
  const names = await files.list("/data/journal");
  return names.filter((name) => name.startsWith("segment-")).length;
}

/** A journal of 40 slots, with snapshots after 15 and 30. */
async function sample(): Promise<{
  readonly files: MemoryFiles;
  readonly opened: Opened;
  readonly writer: Writer;
}> {
  const files = new MemoryFiles();
  const opened = await openJournal(files, sizes);
  const writer = new Writer();
  await fill(opened, writer, 20);
  await rely(opened.journal, 15);
  await fill(opened, writer, 20);
  await rely(opened.journal, 30);
  return { files, opened, writer };
}

test("slots are read as before, from wherever their places stand", async () => {
  const { opened, writer } = await sample();
  const { journal } = opened;
  assert.equal(journal.past.base, 30);
  for (const [from, to] of [
    [1, 40],
    [14, 17],
    [29, 32],
    [40, 40],
  ] as const) {
    const framed = await journal.read(from, to, 1_000_000);
    assert.deepEqual(framed.map(plain), writer.log.slice(from - 1, to));
  }
  await journal.close();
});

test("without what is kept the log begins later, also after a restart", async () => {
  const { files, opened, writer } = await sample();
  const before = await segmentsIn(files);
  assert.ok((await opened.journal.past.truncate(everything, 0, atOnce)) > 0);
  const { slotFirst } = opened.journal.past;
  assert.ok(slotFirst > 1 && slotFirst <= 16, "nothing after the older snapshot goes");
  assert.ok((await segmentsIn(files)) < before);
  await assert.rejects(opened.journal.read(1, 1, 1), { code: "KBZ_TRUNCATED" });
  assert.equal(await opened.journal.past.truncate(everything, 0, atOnce), 0, "no more than that");
  await opened.journal.close();
  const again = await open(files, [15, 30]);
  assert.equal(again.journal.past.slotFirst, slotFirst);
  const framed = await again.journal.read(slotFirst, 40, 1_000_000);
  assert.deepEqual(framed.map(plain), writer.log.slice(slotFirst - 1));
  await again.journal.close();
});

test("without space for the list slots are settled once, and files go later", async () => {
  const { files, opened, writer } = await sample();
  const { journal } = opened;
  await fill(opened, writer, 20);
  const fails = async (work: () => Promise<unknown>): Promise<void> => {
    // The next segment is made in the background, and needs the list, too.
    for (let turn = 0; turn < 100; turn += 1) await setImmediate();
    files.before = (call) => {
      if (/(create|write) .*manifest/.test(call)) throw systemError("ENOSPC", call);
    };
    await assert.rejects(work(), { code: "ENOSPC" });
    files.before = () => {};
  };
  await fails(async () => await rely(journal, 45));
  await rely(journal, 50);
  const framed = await journal.read(1, 60, 1_000_000);
  assert.deepEqual(framed.map(plain), writer.log);
  const before = await segmentsIn(files);
  await fails(async () => await journal.past.truncate(everything, 0, atOnce));
  assert.equal(await segmentsIn(files), before);
  await fill(opened, writer, 10);
  await rely(journal, 65);
  assert.ok((await segmentsIn(files)) < before, "what the list does not name any more is gone");
  const { slotFirst } = journal.past;
  await journal.close();
  const again = await open(files, [50, 65]);
  assert.equal(again.journal.past.slotFirst, slotFirst);
  const rest = await again.journal.read(slotFirst, 70, 1_000_000);
  assert.deepEqual(rest.map(plain), writer.log.slice(slotFirst - 1));
  await again.journal.close();
});

test("a restart reads what follows the newest snapshot, and no segment before it", async () => {
  const { files, opened } = await sample();
  await opened.journal.close();
  const reads = new Set<string>();
  files.before = (call) => {
    const path = /^read (.*segment-\d+)$/.exec(call)?.[1];
    if (path !== undefined) reads.add(path);
  };
  const all = await segmentsIn(files);
  const again = await open(files, [15, 30]);
  assert.equal(again.recovered.length, 40);
  assert.equal(again.recovered.republic.slot, 39);
  assert.ok(reads.size < all / 2, `${reads.size} of ${all} segments were read`);
  await again.journal.close();
});

test("one damaged snapshot costs time, two are missed only once the log was cut", async () => {
  for (const [left, isCut, missing] of [
    [[15], true, 0],
    [[15], false, 0],
    [[], false, 0],
    [[], true, 30],
  ] as const) {
    const { files, opened, writer } = await sample();
    if (isCut) await opened.journal.past.truncate(everything, 0, atOnce);
    await opened.journal.close();
    const { journal, recovered } = await open(files, left);
    assert.equal(recovered.length, 40);
    assert.equal(recovered.missing, missing);
    const named = recovered.findings.filter(({ path }) => path.includes("/snapshots/snapshot-"));
    assert.equal(named.length, 2 - left.length);
    const { slotFirst } = journal.past;
    const framed = await journal.read(slotFirst, 40, 1_000_000);
    assert.deepEqual(framed.map(plain), writer.log.slice(slotFirst - 1));
    await journal.close();
  }
});

test("an index that is missing or damaged is made again of its segments", async () => {
  for (const harm of ["missing", "damaged"]) {
    const { files, opened, writer } = await sample();
    await opened.journal.close();
    const path = "/data/journal/index-0000000000000001";
    if (harm === "missing") await files.remove(path);
    else {
      const file = await files.open(path, "write");
      await file.write([Uint8Array.of(255)], 5);
      await file.close();
    }
    const { journal } = await open(files, [15, 30]);
    const framed = await journal.read(1, 15, 1_000_000);
    assert.deepEqual(framed.map(plain), writer.log.slice(0, 15));
    assert.ok(await files.exists(path));
    await journal.close();
  }
});

test("without space for an index that is made again its slots are read all the same", async () => {
  for (const refused of ["open", "write"]) {
    const { files, opened, writer } = await sample();
    const path = "/data/journal/index-0000000000000001";
    await opened.journal.close();
    await files.remove(path);
    files.before = (call) => {
      if (call === `${refused} ${path}.tmp`) throw systemError("ENOSPC", call);
    };
    const full = await open(files, [15, 30]);
    const framed = await full.journal.read(1, 15, 1_000_000);
    assert.deepEqual(framed.map(plain), writer.log.slice(0, 15));
    assert.deepEqual(await full.journal.past.batches(7, 1), [
      { index: 7, count: 1, slot: 7, government: 1 },
    ]);
    assert.ok(!(await files.exists(path)));
    await full.journal.close();
    files.before = () => {};
    const again = await open(files, [15, 30]);
    await again.journal.read(1, 15, 1_000_000);
    assert.ok(await files.exists(path), "it is made as soon as there is space");
    await again.journal.close();
  }
});

test("a crash at any call of a truncation loses nothing, and leaves nothing over", async () => {
  for (let crash = 0; ; crash += 1) {
    const { files, opened, writer } = await sample();
    let calls = 0;
    files.before = () => {
      calls += 1;
      if (calls > crash) throw new Error("the process has ended");
    };
    const cut = opened.journal.past.truncate(everything, 0, atOnce);
    const isWhole = await cut.then(
      () => true,
      () => false,
    );
    files.before = () => {};
    const left = files.killed();
    const { journal } = await open(left, [15, 30]);
    const { slotFirst } = journal.past;
    const framed = await journal.read(slotFirst, 40, 1_000_000);
    assert.deepEqual(framed.map(plain), writer.log.slice(slotFirst - 1), `after ${crash} calls`);
    await journal.past.truncate(everything, 0, atOnce);
    assert.ok((await segmentsIn(left)) < 22);
    await journal.close();
    if (isWhole) break;
  }
});

/** Where the bytes of a slot's body are: no two bodies are alike. */
async function findBody(files: MemoryFiles, body: Uint8Array): Promise<[string, number]> {
  for (const name of await files.list("/data/journal")) {
    const at = Buffer.from(files.bytesOf(`/data/journal/${name}`)).indexOf(body);
    if (at >= 0) return [`/data/journal/${name}`, at];
  }
  throw new Error("no file holds it");
}

test("a settled slot that was mended is found where it is now, by later starts, too", async () => {
  const { files, opened, writer } = await sample();
  const [seventh] = writer.log.slice(6, 7);
  assert.ok(seventh?.body);
  const [path, at] = await findBody(files, seventh.body);
  const file = await files.open(path, "write");
  await file.write([Uint8Array.of((seventh.body[0] ?? 0) ^ 1)], at);
  await file.close();
  const { journal } = opened;
  const isWhole = async (one: Journal): Promise<void> => {
    const framed = await one.read(1, 40, 1_000_000);
    assert.deepEqual(framed.map(plain), writer.log.slice(0, 40));
  };
  await fill(opened, writer, 1);
  assert.deepEqual((await journal.readWhole(1, 40, 1_000_000)).damaged, [7]);
  await journal.mend([seventh]);
  await isWhole(journal);
  await isWhole((await open(files.killed(), [15, 30])).journal);
  await fill(opened, writer, 20);
  await rely(journal, 50);
  await rely(journal, 60);
  await isWhole(journal);
  await journal.close();
  const again = await open(files, [50, 60]);
  await isWhole(again.journal);
  await again.journal.close();
});

test("a snapshot of others stands for what is damaged, durably, and the log goes on", async () => {
  const { files, opened, writer } = await sample();
  await opened.journal.past.truncate(everything, 0, atOnce);
  await opened.journal.close();
  const { journal, recovered } = await open(files, []);
  assert.equal(recovered.missing, 30);
  await journal.past.replaceBy({ slot: 35, index: 35 });
  const tail = writer.log.slice(35, 40);
  assert.deepEqual((await journal.read(36, 40, 1_000_000)).map(plain), tail);
  await assert.rejects(journal.read(35, 35, 1), { code: "KBZ_TRUNCATED" });
  await journal.past.truncate(everything, 0, atOnce);
  await journal.close();
  const again = await open(files, [35]);
  assert.equal(again.recovered.missing, 0);
  assert.equal(again.recovered.republic.slot, 39);
  assert.deepEqual((await again.journal.read(36, 40, 1_000_000)).map(plain), tail);
  await again.journal.close();
});

test("after an installed snapshot the log begins behind it, durably", async () => {
  const { files, opened, writer } = await sample();
  const base = { slot: 90, hash: "9".repeat(16) };
  const write = { ...writer.writeOf([], {}, 91), base, decided: 90 };
  opened.journal.append(write, writer.bodies);
  await opened.reached(write.number);
  opened.journal.past.restart({ slot: 90, index: 5 });
  const { recovered } = await open(files.killed(), [15, 30]);
  assert.equal(recovered.missing, 90);
  const early = await open(files.killed(), [15, 30, 90]);
  assert.deepEqual(early.journal.past.snapshots, [90]);
  await opened.journal.past.relyOn(stateAt(90));
  await opened.journal.past.truncate({ bytes: null, ageMs: null }, 0, atOnce);
  assert.ok((await segmentsIn(files)) <= 2, "what was before is gone, without being asked");
  await opened.journal.close();
  const again = await open(files, [90]);
  assert.equal(again.journal.past.slotFirst, 91);
  assert.equal(again.recovered.republic.slot, 90);
});

test("a start in a segment that nothing was written to tells what went before", async () => {
  const { files, opened, writer } = await sample();
  const noted = writer.writeOf([], { decided: 39, heard: [note] }, 41);
  opened.journal.append(noted, writer.bodies);
  await opened.reached(noted.number);
  await opened.journal.close();
  const idle = await open(files, [15, 30]);
  assert.deepEqual(idle.recovered.heard, [note]);
  await rely(idle.journal, 40);
  await idle.journal.close();
  const again = await open(files, [30, 40]);
  for (const known of ["accepted", "promised", "heard", "length"] as const)
    assert.deepEqual(again.recovered[known], idle.recovered[known], known);
  const continued = new Writer(again.recovered);
  continued.log.push(...writer.log);
  await fill(again, continued, 5);
  await rely(again.journal, 42);
  assert.equal(again.journal.past.base, 42);
  const framed = await again.journal.read(41, 45, 1_000_000);
  assert.deepEqual(framed.map(plain), continued.log.slice(40));
  await again.journal.close();
});

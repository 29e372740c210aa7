/** Every flipped byte, every missing file: noticed, and never another value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { Journal } from "../../src/storage/journal.ts";
import { sectorBytes } from "../../src/storage/segment.ts";
import { MemoryFiles } from "./memory-files.ts";
import { openJournal, plain, Writer } from "./samples.ts";

const options = { first: 5 * sectorBytes, max: 6 * sectorBytes, expected: true };
const refusals = new Set(["KBZ_DAMAGED", "KBZ_REPUBLIC", "KBZ_VERSION"]);

/** Three groups, the last one alone in its segment. */
async function small(): Promise<{
  readonly files: MemoryFiles;
  readonly log: readonly FramedDecree[];
  readonly close: () => Promise<void>;
}> {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files, { ...options, expected: false });
  for (const sizes of [[200, 30], [600], [90, 500]]) {
    journal.append(writer.write(sizes), writer.bodies);
    await reached(writer.number);
  }
  return { files, log: writer.log, close: async () => journal.close() };
}

function flipped(files: MemoryFiles, path: string, offset: number): MemoryFiles {
  const copy = files.killed();
  const bytes = copy.bytesOf(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8));
  return copy;
}

interface Contents {
  /** What can be read, and what is known to be damaged. */
  readonly found: readonly FramedDecree[];
  readonly lost: readonly number[];
  readonly length: number;
}

/** What the journal of `files` holds, or null when it refuses to open. */
async function contents(files: MemoryFiles): Promise<Contents | null> {
  try {
    const { journal } = await openJournal(files, options);
    const { length } = journal;
    const { framed, damaged } = await journal.readWhole(1, length, 1_000_000);
    await journal.close();
    const found = framed.map(plain).filter(({ decree }) => !damaged.includes(decree.slot));
    return { found, lost: damaged, length };
  } catch (error) {
    if (error instanceof KibitzerError && refusals.has(error.code)) return null;
    throw error;
  }
}

/** Nothing else than `log`, less the slots that are known to be damaged. */
function assertPartOf(log: readonly FramedDecree[], { found, lost, length }: Contents): void {
  const expected = log.slice(0, length).filter(({ decree }) => !lost.includes(decree.slot));
  assert.deepEqual(found, expected);
}

test("a flip anywhere in a closed journal costs the slots that it names, no others", async () => {
  const { files, log, close } = await small();
  await close();
  let damaged = 0;
  for (const path of files.paths()) {
    for (let offset = 0; offset < files.bytesOf(path).length; offset += 17) {
      const opened = await contents(flipped(files, path, offset));
      assert.ok(opened !== null, `${path} at ${offset} is told from the end of the log`);
      assert.equal(opened.length, log.length, `${path} at ${offset}`);
      assertPartOf(log, opened);
      damaged += opened.lost.length > 0 ? 1 : 0;
    }
  }
  assert.ok(damaged > 100, `${damaged} flips cost slots`);
});

test("a flip anywhere after a kill drops at most the group that is not marked", async () => {
  const { files, log, close } = await small();
  const killed = files.killed();
  await close();
  const whole = await contents(killed.killed());
  assert.deepEqual(whole?.found, log);
  for (const path of killed.paths().filter((name) => name.includes("segment"))) {
    for (let offset = 0; offset < killed.bytesOf(path).length; offset += 17) {
      const opened = await contents(flipped(killed, path, offset));
      if (opened === null) continue;
      assert.ok(opened.length === log.length || opened.length === 3, `${path} at ${offset}`);
      assertPartOf(log, opened);
    }
  }
});

/** False when the slot is refused as damaged; it is never read as another value. */
async function isRead(journal: Journal, expected: FramedDecree): Promise<boolean> {
  const { slot } = expected.decree;
  try {
    const found = await journal.read(slot, slot, 1);
    assert.deepEqual(found.map(plain), [expected]);
    return true;
  } catch (error) {
    if (!(error instanceof KibitzerError)) throw error;
    assert.equal(error.code, "KBZ_DAMAGED");
    return false;
  }
}

test("a flip under an open journal is noticed when it is read, and mended for good", async () => {
  const { files, log, close } = await small();
  let noticed = 0;
  const inUse = files.paths().filter((name) => !name.endsWith(".tmp"));
  for (const path of inUse.filter((name) => name.includes("segment"))) {
    for (let offset = sectorBytes; offset < files.bytesOf(path).length; offset += 61) {
      const copy = files.killed();
      const { journal } = await openJournal(copy, options);
      const bytes = copy.bytesOf(path);
      if (offset >= bytes.length) continue;
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x55;
      const bad: FramedDecree[] = [];
      for (const expected of log) if (!(await isRead(journal, expected))) bad.push(expected);
      noticed += bad.length;
      await journal.mend(bad);
      for (const expected of bad) assert.ok(await isRead(journal, expected));
      await journal.close();
      const again = await contents(copy);
      assert.ok(again !== null, `${path} at ${offset}`);
      assertPartOf(log, again);
      for (const { decree } of bad) assert.ok(!again.lost.includes(decree.slot));
    }
  }
  assert.ok(noticed >= 10, `${noticed} slots were damaged`);
  await close();
});

test("a missing file is noticed: another copy replaces it, or it costs what it held", async () => {
  const { files, log, close } = await small();
  await close();
  // What is half made is nobody's yet.
  const inUse = files.paths().filter((path) => !path.endsWith(".tmp"));
  const names = inUse.filter((path) => path.includes("/journal/"));
  assert.ok(names.length >= 4);
  for (const path of names) {
    const copy = files.killed();
    copy.delete(path);
    const opened = await contents(copy);
    if (opened === null) {
      // Nothing comes after it that would tell how the log ended there.
      assert.ok(path === names.at(-1), path);
      continue;
    }
    assert.equal(opened.length, log.length, path);
    assertPartOf(log, opened);
    assert.equal(opened.lost.length > 0, path.includes("segment"), path);
  }
  const none = files.killed();
  for (const path of names.filter((name) => name.includes("manifest"))) none.delete(path);
  await assert.rejects(openJournal(none, options), {
    code: "KBZ_DAMAGED",
    message: /exile its id/,
  });
});

test("a file that was cut short is noticed", async () => {
  const { files, log, close } = await small();
  await close();
  for (const path of files.paths().filter((name) => name.includes("/journal/"))) {
    const bytes = files.bytesOf(path);
    for (const length of [0, 1, 300, bytes.length - sectorBytes, bytes.length - 1]) {
      const copy = files.killed();
      copy.put(path, bytes.slice(0, Math.max(0, length)));
      const opened = await contents(copy);
      if (opened === null) continue;
      assert.equal(opened.length, log.length, `${path} of ${length}`);
      assertPartOf(log, opened);
    }
  }
});

test("a segment of another place is lost; that of another journal is refused", async () => {
  const { files, log, close } = await small();
  await close();
  const [first, second] = files.paths().filter((path) => path.includes("segment"));
  assert.ok(first !== undefined && second !== undefined);
  const copy = files.killed();
  copy.put(second, files.bytesOf(first));
  const opened = await contents(copy);
  if (opened !== null) assertPartOf(log, opened);
  await assert.rejects(
    Journal.open({
      files: files.killed(),
      directory: "/data",
      identity: { republic: "ffffffffffffffff", id: "a", cookie: "8899aabbccddeeff" },
      expected: true,
      onPersisted: () => {},
      onFailed: () => {},
    }),
    { code: "KBZ_REPUBLIC" },
  );
});

test("one damaged copy of the promise is mended from the other; two are amnesia", async () => {
  const { files, log, close } = await small();
  await close();
  for (const name of ["/data/promise-1", "/data/promise-2"]) {
    const copy = flipped(files, name, 90);
    assert.deepEqual((await contents(copy))?.found, log);
    assert.deepEqual(copy.bytesOf("/data/promise-1"), copy.bytesOf("/data/promise-2"));
    const missing = files.killed();
    missing.delete(name);
    assert.deepEqual((await contents(missing))?.found, log);
  }
  const both = flipped(flipped(files, "/data/promise-1", 90), "/data/promise-2", 30);
  await assert.rejects(openJournal(both, options), { code: "KBZ_DAMAGED", message: /never vote/ });
  const none = files.killed();
  none.delete("/data/promise-1");
  none.delete("/data/promise-2");
  await assert.rejects(openJournal(none, options), { code: "KBZ_DAMAGED", message: /never vote/ });
});

test("left-over files of interrupted work are removed; unknown segments are not", async () => {
  const { files, log, close } = await small();
  await close();
  files.put("/data/journal/manifest.tmp", new Uint8Array(3));
  files.put("/data/journal/segment-00000099.tmp", new Uint8Array(3));
  assert.deepEqual((await contents(files))?.found, log);
  assert.ok(files.paths().every((path) => !path.endsWith(".tmp")));
  files.put("/data/journal/segment-00000099", new Uint8Array(3));
  assert.equal(await contents(files), null);
});

test("a segment that was dropped and is there again was never damaged", async () => {
  const files = new MemoryFiles();
  const first = "/data/journal/segment-00000001";
  await (await openJournal(files)).journal.close();
  const header = files.bytesOf(first).slice(0, 512);
  // Nothing is in the first segment: the second life drops it, and the power fails in time.
  await (await openJournal(files)).journal.close();
  assert.ok(!files.paths().includes(first));
  files.put(first, header);
  assert.ok((await contents(files)) !== null);
  assert.ok(!files.paths().includes(first));
});

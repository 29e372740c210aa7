/** Every flipped byte, every missing file: noticed, and never another value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { Journal } from "../../src/storage/journal.ts";
import { sectorBytes } from "../../src/storage/segment.ts";
import { MemoryFiles } from "./memory-files.ts";
import { openJournal, plain, readAll, Writer } from "./samples.ts";

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

/** What the journal of `files` holds, or null when it refuses to open. */
async function contents(files: MemoryFiles): Promise<readonly FramedDecree[] | null> {
  try {
    const { journal } = await openJournal(files, options);
    const found = await readAll(journal);
    await journal.close();
    return found;
  } catch (error) {
    if (error instanceof KibitzerError && refusals.has(error.code)) return null;
    throw error;
  }
}

test("a flip anywhere in a closed journal is refused or changes nothing", async () => {
  const { files, log, close } = await small();
  await close();
  let refused = 0;
  for (const path of files.paths()) {
    for (let offset = 0; offset < files.bytesOf(path).length; offset += 1) {
      const found = await contents(flipped(files, path, offset));
      if (found === null) refused += 1;
      else assert.deepEqual(found, log, `${path} at ${offset}`);
    }
  }
  assert.ok(refused > 3000, `${refused} flips were refused`);
});

test("a flip anywhere after a kill drops at most the group that is not marked", async () => {
  const { files, log, close } = await small();
  const killed = files.killed();
  await close();
  assert.deepEqual(await contents(killed.killed()), log);
  for (const path of killed.paths().filter((name) => name.includes("segment"))) {
    for (let offset = 0; offset < killed.bytesOf(path).length; offset += 1) {
      const found = await contents(flipped(killed, path, offset));
      if (found === null) continue;
      assert.ok(found.length === log.length || found.length === 3, `${path} at ${offset}`);
      assert.deepEqual(found, log.slice(0, found.length), `${path} at ${offset}`);
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

test("a flip under an open journal is noticed when the slot is read", async () => {
  const { files, log, close } = await small();
  const { journal } = await openJournal(files, options);
  let refused = 0;
  for (const path of files.paths().filter((name) => name.includes("segment"))) {
    const bytes = files.bytesOf(path);
    for (let offset = sectorBytes; offset < bytes.length; offset += 1) {
      const before = bytes[offset] ?? 0;
      bytes[offset] = before ^ 0x55;
      for (const expected of log) {
        if (!(await isRead(journal, expected))) refused += 1;
      }
      bytes[offset] = before;
    }
  }
  assert.equal(refused, 1420 + 5 * 80);
  await journal.close();
  await close();
});

test("a missing file is noticed, and named", async () => {
  const { files, close } = await small();
  await close();
  // What is half made is nobody's yet.
  const inUse = files.paths().filter((path) => !path.endsWith(".tmp"));
  const names = inUse.filter((path) => path.includes("/journal/"));
  assert.ok(names.length >= 3);
  for (const path of names) {
    const copy = files.killed();
    copy.delete(path);
    await assert.rejects(openJournal(copy, options), (error: KibitzerError) => {
      assert.equal(error.code, "KBZ_DAMAGED");
      assert.ok(error.message.includes(path), error.message);
      assert.match(error.message, /exile its id/);
      return true;
    });
  }
});

test("a file that was cut short is noticed", async () => {
  const { files, log, close } = await small();
  await close();
  for (const path of files.paths().filter((name) => name.includes("/journal/"))) {
    const bytes = files.bytesOf(path);
    for (const length of [0, 1, 300, bytes.length - sectorBytes, bytes.length - 1]) {
      const copy = files.killed();
      copy.put(path, bytes.slice(0, Math.max(0, length)));
      const found = await contents(copy);
      if (found !== null) assert.deepEqual(found, log);
      else assert.equal(found, null);
    }
  }
});

test("a segment of another place or another journal is refused", async () => {
  const { files, close } = await small();
  await close();
  const [first, second] = files.paths().filter((path) => path.includes("segment"));
  assert.ok(first !== undefined && second !== undefined);
  const copy = files.killed();
  copy.put(second, files.bytesOf(first));
  await assert.rejects(openJournal(copy, options), { code: "KBZ_DAMAGED" });
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
    assert.deepEqual(await contents(copy), log);
    assert.deepEqual(copy.bytesOf("/data/promise-1"), copy.bytesOf("/data/promise-2"));
    const missing = files.killed();
    missing.delete(name);
    assert.deepEqual(await contents(missing), log);
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
  assert.deepEqual(await contents(files), log);
  assert.ok(files.paths().every((path) => !path.endsWith(".tmp")));
  files.put("/data/journal/segment-00000099", new Uint8Array(3));
  assert.equal(await contents(files), null);
});

/** The data directory: identity, starts, lock. The lock is tried by a real second process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Chance } from "../../src/world.ts";
import { DataDirectory, startsOf } from "../../src/storage/directory.ts";
import { nodeFiles } from "../../src/storage/node-files.ts";
import { MemoryFiles, nothing } from "./memory-files.ts";
import { Writer } from "./samples.ts";

const chance: Chance = { fraction: () => 0.5, hex16: () => "0123456789abcdef" };
const republic = { name: "r", identity: "00112233445566aa" };

async function open(files: MemoryFiles, id?: string, fraction = 0.5): Promise<DataDirectory> {
  return DataDirectory.open({
    files,
    path: "/data",
    chance: { ...chance, fraction: () => fraction },
    ...(id === undefined ? {} : { id, listen: ["ws://127.0.0.1:7700"] }),
  });
}

test("a directory knows who it is, counts its starts, survives a loss of power", async () => {
  const files = new MemoryFiles();
  const first = await open(files, "a");
  assert.equal(startsOf(first.record.starts), 1);
  await first.belongTo(republic, null);
  await first.belongTo(republic, null);
  await assert.rejects(first.belongTo({ ...republic, identity: "ffffffffffffffff" }, null), {
    code: "KBZ_BOOTSTRAPPED",
  });
  const second = await open(files.powerLost(nothing));
  assert.equal(startsOf(second.record.starts), 2);
  assert.deepEqual(second.record, {
    id: "a",
    cookie: "0123456789abcdef",
    starts: second.record.starts,
    republic,
    contacts: null,
    peers: [],
    counter: 3,
    hasJournal: false,
    listen: ["ws://127.0.0.1:7700"],
    advertise: null,
  });
});

test("a new node that is tentative is written with its first change only", async () => {
  const files = new MemoryFiles();
  const tentative = async (id: string): Promise<DataDirectory> => {
    const listen = ["ws://127.0.0.1:1"];
    return DataDirectory.open({ files, path: "/data", chance, id, listen, isTentative: true });
  };
  await (await tentative("wrong"))[Symbol.asyncDispose]();
  const first = await tentative("a");
  await first.belongTo({ name: "r", identity: "0123456789abcdef" }, null);
  await first[Symbol.asyncDispose]();
  const last = await open(files);
  assert.equal(last.record.id, "a");
  assert.equal(startsOf(last.record.starts), 2);
});

test("two copies of a directory that start alike are in different lives", async () => {
  const files = new MemoryFiles();
  await open(files, "a");
  const lives = await Promise.all(
    [0.25, 0.75].map(async (fraction) => {
      const { record } = await open(files.powerLost(nothing), undefined, fraction);
      return record.starts;
    }),
  );
  const [one = 0, other = 0] = lives;
  assert.ok(one < other, "the draw tells them apart");
  assert.deepEqual(lives.map(startsOf), [2, 2]);
});

test("wrong ids, no node, a lock that is held and a changed file are refused by name", async () => {
  const files = new MemoryFiles();
  await assert.rejects(open(files), { code: "KBZ_NOT_FOUND" });
  await assert.rejects(open(files, "A b"), { code: "KBZ_ARGUMENT" });
  const held = await open(files, "a");
  await assert.rejects(open(files, "a"), { code: "KBZ_IN_USE", retryable: true, outcome: "none" });
  await held[Symbol.asyncDispose]();
  await assert.rejects(open(files, "b"), { code: "KBZ_ARGUMENT", message: /belongs to node a/ });
  const length = files.bytesOf("/data/node").length;
  for (let offset = 0; offset < length; offset += 1) {
    const copy = files.killed();
    const bytes = copy.bytesOf("/data/node");
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8));
    copy.put("/data/node-2", bytes);
    await assert.rejects(open(copy), { code: "KBZ_DAMAGED" });
  }
  // The other copy is as good, and makes it whole again.
  const one = files.killed();
  one.put("/data/node", new Uint8Array(3));
  const mended = await open(one);
  assert.equal(startsOf(mended.record.starts), 2);
  assert.equal(mended.findings.length, 1);
  assert.deepEqual(one.bytesOf("/data/node"), one.bytesOf("/data/node-2"));
});

test("a missing copy of the first version is damage, unless it was to be written yet", async () => {
  for (const [name, count] of [
    ["node", 1],
    ["node-2", 0],
  ] as const) {
    const files = new MemoryFiles();
    await (await open(files, "a"))[Symbol.asyncDispose]();
    files.delete(`/data/${name}`);
    await using again = await open(files);
    assert.equal(again.findings.length, count, name);
    assert.deepEqual(files.bytesOf("/data/node"), files.bytesOf("/data/node-2"));
  }
});

test("a first start that loses power between two copies is no damage", async () => {
  const files = new MemoryFiles();
  let renamed = 0;
  files.before = (call) => {
    if (call.startsWith("rename ")) renamed += 1;
    if (renamed === 2) throw new Error("the power is gone");
  };
  await assert.rejects(open(files, "a"), /the power is gone/);
  await using again = await open(files.powerLost(nothing), "a");
  assert.equal(startsOf(again.record.starts), 2);
  assert.deepEqual(again.findings, []);
});

test("a start that ends between two copies, after one that did, is no damage", async () => {
  const files = new MemoryFiles();
  await (await open(files, "a"))[Symbol.asyncDispose]();
  files.delete("/data/node-2");
  let isOver = false;
  files.before = (call) => {
    if (isOver) throw new Error("the process is gone");
    isOver = call.startsWith("rename ");
  };
  await assert.rejects(open(files), /the process is gone/);
  await using again = await open(files.killed());
  assert.deepEqual(again.findings, []);
});

test("a journal that was made must be there; its identity is never made anew", async () => {
  const files = new MemoryFiles();
  const callbacks = { onPersisted: () => {}, onFailed: () => {} };
  const first = await open(files, "a");
  await first.belongTo(republic, null);
  const { journal } = await first.openJournal(callbacks);
  const writer = new Writer();
  journal.append(writer.write([10]), writer.bodies);
  await journal.close();
  const gone = files.powerLost(nothing);
  for (const path of gone.paths()) if (!/\/node(-2)?$/.test(path)) gone.delete(path);
  await assert.rejects((await open(gone)).openJournal(callbacks), { code: "KBZ_DAMAGED" });
  const anonymous = files.powerLost(nothing);
  anonymous.delete("/data/node");
  anonymous.delete("/data/node-2");
  await assert.rejects(open(anonymous, "a"), { code: "KBZ_DAMAGED" });
});

const holder = `
  const { nodeFiles } = await import(process.argv[1]);
  await nodeFiles().lock(process.argv[2]);
  process.stdout.write("held");
  setInterval(() => {}, 1000);
`;

test("a second process is refused while the first lives, let in once it is killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kibitzer-lock-"));
  const path = join(directory, "lock");
  const module = new URL("../../src/storage/node-files.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--input-type=module", "-e", holder, module, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    await assert.rejects(nodeFiles().lock(path), { code: "KBZ_IN_USE" });
    child.kill("SIGKILL");
    await once(child, "exit");
    const lock = await nodeFiles().lock(path);
    await assert.rejects(nodeFiles().lock(path), { code: "KBZ_IN_USE" });
    await lock[Symbol.asyncDispose]();
    const again = await nodeFiles().lock(path);
    await again[Symbol.asyncDispose]();
  } finally {
    child.kill("SIGKILL");
    await rm(directory, { recursive: true });
  }
});

test("the machine's files keep the rules of FileSystem", async () => {
  const root = await mkdtemp(join(tmpdir(), "kibitzer-files-"));
  try {
    const files = nodeFiles();
    const directory = join(root, "x", "y");
    await files.makeDirectory(directory);
    await files.makeDirectory(directory);
    const path = join(directory, "file");
    const file = await files.open(path, "create");
    await assert.rejects(files.open(path, "create"), { code: "EEXIST" });
    const pieces = Array.from({ length: 3000 }, (_, at) => Uint8Array.of(at % 256, 7));
    await file.write(pieces, 5);
    await file.datasync();
    assert.equal(await file.size(), 6005);
    const target = new Uint8Array(7000);
    assert.equal(await file.read(target, 5), 6000);
    assert.ok(Buffer.concat(pieces).equals(target.subarray(0, 6000)));
    await file.truncate(10);
    assert.equal(await file.size(), 10);
    await file.close();
    await files.rename(path, join(directory, "other"));
    await files.syncDirectory(directory);
    assert.deepEqual(await files.list(directory), ["other"]);
    assert.equal(await files.exists(path), false);
    await files.remove(join(directory, "other"));
    await assert.rejects(files.open(path, "read"), { code: "ENOENT" });
  } finally {
    await rm(root, { recursive: true });
  }
});

/** `kibitz log inspect` tells what a directory holds, and changes nothing in it. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { inspectDirectory } from "../../src/commands/inspect-directory.ts";
import { inspect, inspectionText } from "../../src/commands/log-inspect.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import { nodeFiles } from "../../src/storage/node-files.ts";
import { ballot, identity, Writer } from "../storage/samples.ts";
import { captureOutput } from "./captured-output.ts";

const files = nodeFiles();
const chance = { fraction: () => 0.5, hex16: () => identity.cookie };

function emptyDirectory(context: TestContext): string {
  const path = fs.mkdtempSync(join(tmpdir(), "kibitz-inspect-"));
  context.after(() => fs.rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A node's directory after a life in which nine slots were written and two of them replaced. */
async function makeDirectory(path: string): Promise<void> {
  await using directory = await DataDirectory.open({ files, path, chance, id: "a" });
  await directory.belongTo({ name: "sample", identity: identity.republic }, null);
  const writer = new Writer();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { journal } = await directory.openJournal({
    onPersisted: (write) => {
      if (write === writer.number) resolve();
    },
    onFailed: (error) => assert.fail(error),
    segmentBytesFirst: 64 * 512,
    segmentBytesMax: 64 * 512,
  });
  journal.append(writer.write([100, 200, 300, 400, 500, 600, 700]), writer.bodies);
  journal.append(writer.write([100, 9000], { slotFirst: 6, decided: 5 }), writer.bodies);
  await promise;
  await journal.close();
}

function contentOf(path: string): ReadonlyMap<string, string> {
  const names = fs.readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted();
  const paths = names.map((name) => join(path, name)).filter((name) => fs.statSync(name).isFile());
  return new Map(paths.map((name) => [name, fs.readFileSync(name, "latin1")]));
}

/** Why the node itself does not start with this directory. */
async function refusalToOpen(path: string): Promise<KibitzerError> {
  await using directory = await DataDirectory.open({ files, path, chance });
  const ignored = { onPersisted: () => undefined, onFailed: () => undefined };
  try {
    await directory.openJournal(ignored);
  } catch (error) {
    assert.ok(error instanceof KibitzerError);
    return error;
  }
  return assert.fail("the journal was opened");
}

test("it tells whose the directory is, what it attests, where slots are", async (context) => {
  const path = emptyDirectory(context);
  await makeDirectory(path);
  const before = contentOf(path);
  const found = await inspectDirectory(path, files);
  assert.deepEqual(contentOf(path), before);
  assert.deepEqual(found.damage, []);
  assert.deepEqual(found.node, {
    id: "a",
    cookie: identity.cookie,
    starts: 1,
    republic: { name: "sample", identity: identity.republic },
    hasJournal: true,
  });
  assert.equal(found.promises.length, 2);
  assert.deepEqual(found.log, {
    accepted: ballot,
    length: 7,
    decided: 5,
    writeLast: 2,
    torn: false,
    damaged: [],
    refounded: [],
  });
  const [segment] = found.segments;
  assert.deepEqual(segment?.slots, { first: 1, last: 7 });
  assert.equal(segment?.bytes, 64 * 512);
  assert.ok(found.files.some((file) => file.path === `journal/${segment?.file}`));
  const text = inspectionText(path, found);
  assert.match(text, /republic +sample/);
  assert.match(text, /7 slots, 5 known to be decided/);
});

test("damage is told beside what is intact", async (context) => {
  const path = emptyDirectory(context);
  await makeDirectory(path);
  const promise = join(path, "promise-2");
  fs.writeFileSync(promise, fs.readFileSync(promise, "latin1").replace("round", "ruond"), "latin1");
  const segment = join(path, "journal", "segment-00000001");
  const bytes = fs.readFileSync(segment);
  bytes[1500] = (bytes[1500] ?? 0) ^ 1;
  fs.writeFileSync(segment, bytes);
  const found = await inspectDirectory(path, files);
  assert.equal(found.damage.length, 2);
  assert.match(
    found.damage.join("\n"),
    /segment-00000001 is damaged[\s\S]*promise-2, one of two copies/,
  );
  assert.equal(found.log, null);
  assert.equal(found.node?.id, "a");
  assert.equal(found.promises[1]?.promised, null);
  assert.notEqual(found.promises[0]?.promised, null);
});

test("one lost copy of the promise is mended by a start, two are not", async (context) => {
  const path = emptyDirectory(context);
  await makeDirectory(path);
  const ignored = { onPersisted: () => undefined, onFailed: () => undefined };
  for (const name of ["promise-1", "promise-2"]) {
    fs.rmSync(join(path, name));
    const { damage, promises } = await inspectDirectory(path, files);
    assert.equal(damage.length, 1);
    assert.match(damage[0] ?? "", new RegExp(`${name}, one of two copies.*start.*repairs`));
    assert.equal(promises.filter(({ promised }) => promised !== null).length, 1);
    await using directory = await DataDirectory.open({ files, path, chance });
    const { journal } = await directory.openJournal(ignored);
    await journal.close();
    assert.deepEqual((await inspectDirectory(path, files)).damage, []);
  }
  for (const name of ["promise-1", "promise-2"]) fs.rmSync(join(path, name));
  const { damage } = await inspectDirectory(path, files);
  assert.deepEqual(damage, [(await refusalToOpen(path)).message]);
});

test("an open segment that was cut short is damage, as it is for the node", async (context) => {
  const path = emptyDirectory(context);
  await makeDirectory(path);
  const segment = join(path, "journal", "segment-00000001");
  // In the middle of the log: nothing that comes later tells how it ended.
  fs.truncateSync(segment, 8 * 512);
  const found = await inspectDirectory(path, files);
  const refusal = await refusalToOpen(path);
  assert.equal(refusal.code, "KBZ_DAMAGED");
  assert.deepEqual(found.damage, [refusal.message]);
});

test("a node that belongs to no republic yet has no journal", async (context) => {
  const path = emptyDirectory(context);
  const directory = await DataDirectory.open({ files, path, chance, id: "b" });
  await directory[Symbol.asyncDispose]();
  const found = await inspectDirectory(path, files);
  assert.equal(found.node?.republic, null);
  assert.deepEqual([found.log, found.segments, found.damage], [null, [], []]);
});

test("a directory that is no node's is not found", async (context) => {
  await assert.rejects(
    inspectDirectory(emptyDirectory(context), files),
    (error) => error instanceof KibitzerError && error.code === "KBZ_NOT_FOUND",
  );
  const file = join(emptyDirectory(context), "file");
  fs.writeFileSync(file, "");
  await assert.rejects(
    inspect(file, {}, captureOutput().output),
    (error) => error instanceof KibitzerError && error.code === "KBZ_NOT_FOUND",
  );
});

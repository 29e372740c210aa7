/** The machine's own file system: what it makes, what it refuses, and which file it names then. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer } from "../../src/kibitzer.ts";
import { KibitzerError, type KibitzerErrorCode } from "../../src/kibitzer-error.ts";
import { nodeFiles } from "../../src/storage/node-files.ts";

const files = nodeFiles();

function emptyDirectory(context: TestContext): string {
  const path = fs.mkdtempSync(join(tmpdir(), "kibitz-files-"));
  context.after(() => fs.rmSync(path, { recursive: true, force: true }));
  return path;
}

function named(code: KibitzerErrorCode, path: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KibitzerError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.message.includes(path), error.message);
    return true;
  };
}

test("a path through a file leads nowhere", async (context) => {
  const file = join(emptyDirectory(context), "file");
  fs.writeFileSync(file, "");
  assert.equal(await files.exists(file), true);
  assert.equal(await files.exists(join(file, "deeper")), false);
  await assert.rejects(files.makeDirectory(join(file, "deeper")), { code: "EEXIST" });
});

test("directories are made with their parents, for their owner, and may be there", async (t) => {
  const path = join(emptyDirectory(t), "a", "b", "c");
  await Promise.all([files.makeDirectory(path), files.makeDirectory(path)]);
  await files.makeDirectory(path);
  assert.equal(fs.statSync(path).mode & 0o777, 0o700);
});

test("where the system makes no directories, that is an error and not a wait", async () => {
  await assert.rejects(files.makeDirectory("/proc/kibitz/deeper"), { syscall: "mkdir" });
});

test("errors of an open file name it", async (context) => {
  const path = emptyDirectory(context);
  const handle = await files.open(path, "read");
  await assert.rejects(handle.read(new Uint8Array(1), 0), (error) => {
    assert.ok(error instanceof Error && error.message.endsWith(`read '${path}'`), String(error));
    return true;
  });
  await handle.close();
});

test("a lock file of somebody else's is refused by name, and so is one that is none", async (t) => {
  const directory = emptyDirectory(t);
  const foreign = join(directory, "foreign");
  fs.writeFileSync(foreign, "not ours ".repeat(1000));
  await assert.rejects(files.lock(foreign), named("KBZ_DAMAGED", foreign));
  assert.equal(fs.readFileSync(foreign, "utf8"), "not ours ".repeat(1000));
  await assert.rejects(files.lock(directory), named("KBZ_JOURNAL_FAILED", directory));
});

test("a directory that cannot be used is told by name when a node is opened", async (context) => {
  const directory = emptyDirectory(context);
  const record = join(directory, "node");
  fs.mkdirSync(record);
  const listen = ["ws://127.0.0.1:0"];
  await assert.rejects(
    Kibitzer.open({ id: "a", directory, listen }),
    named("KBZ_JOURNAL_FAILED", record),
  );
  await assert.rejects(
    Kibitzer.open({ id: "a", directory: "/proc/kibitz", listen }),
    named("KBZ_JOURNAL_FAILED", "/proc"),
  );
});

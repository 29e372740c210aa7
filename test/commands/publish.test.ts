/** `kibitz publish` against a node of this very process. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test, type TestContext } from "node:test";
import { CommandError } from "../../src/commands/command-error.ts";
import { Output } from "../../src/commands/output.ts";
import { noProgress } from "../../src/commands/progress-line.ts";
import { progressFor, publish } from "../../src/commands/publish.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { captureOutput } from "./captured-output.ts";

function emptyDirectory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "kibitz-publish-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function openNode(context: TestContext): Promise<Kibitzer> {
  const directory = emptyDirectory(context);
  const listen = ["ws://127.0.0.1:0"];
  const node = await Kibitzer.open({ id: "a", directory, listen, record: false });
  context.after(async () => await node.close());
  await node.bootstrap("town");
  return node;
}

/** As `head -1` does: takes the first write and is gone. */
function reluctant(): Writable {
  const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" });
  let writes = 0;
  return new Writable({
    write(_chunk, _encoding, done): void {
      writes += 1;
      done(writes > 1 ? gone : null);
    },
  });
}

test("a reader that has enough of the indexes does not end the publishing", async (context) => {
  const node = await openNode(context);
  const file = join(emptyDirectory(context), "lines");
  const count = 12_000;
  writeFileSync(file, "a line\n".repeat(count));
  let told = "";
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done): void {
      told += chunk.toString();
      done();
    },
  });
  let ends = 0;
  const output = new Output({ stdout: reluctant(), stderr, closed: () => (ends += 1) });
  const options = { endpoints: [node.url], timeout: 30_000, file };
  assert.equal(await publish([], options, output), 0);
  assert.equal((await node.barrier()).index, count);
  assert.equal(ends, 0, "the process is not ended by the way");
  assert.equal(told, "");
});

const refused: readonly (readonly [readonly string[], string | undefined, RegExp])[] = [
  [["-"], undefined, /nothing was published.*--file -/],
  [["a", "-", "b"], undefined, /nothing was published.*--file -/],
  [[], tmpdir(), /found the directory /],
];

test("what cannot be meant is refused before anybody is asked", async () => {
  for (const [texts, file, words] of refused) {
    const options = { endpoints: ["ws://127.0.0.1:9"], timeout: 300 };
    const given = file === undefined ? options : { ...options, file };
    await assert.rejects(publish(texts, given, captureOutput().output), (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, words);
      return true;
    });
  }
});

test("progress is drawn for a stream on a terminal, but not over what is typed", () => {
  const stderr = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), {
    isTTY: true,
  });
  const output = new Output({ stdout: new Writable(), stderr });
  const piped = { total: null, bytesTotal: null, isTyped: false };
  using drawn = progressFor(piped, output);
  assert.notEqual(drawn, noProgress);
  assert.equal(progressFor({ ...piped, isTyped: true }, output), noProgress);
  assert.equal(progressFor({ ...piped, total: 3 }, output), noProgress);
});

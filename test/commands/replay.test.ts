/** `kibitz replay`: which paths it takes, and what it says of a recording that is not complete. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { test, type TestContext } from "node:test";
import { exitCodeOf } from "../../src/commands/exit-codes.ts";
import { replay } from "../../src/commands/replay.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { captureOutput } from "./captured-output.ts";

function emptyDirectory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "kibitz-replay-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function told(path: string): Promise<string> {
  const captured = captureOutput();
  assert.equal(await replay(path, {}, captured.output), 0);
  return await captured.stdout();
}

test("a node's directory, its recording, or one file of it", async (context) => {
  const directory = emptyDirectory(context);
  const node = await Kibitzer.open({ id: "a", directory, listen: ["ws://127.0.0.1:0"] });
  context.after(async () => await node.close());
  await node.bootstrap("town");
  await node.publish("one");
  assert.match(await told(directory), /not complete: it was cut off, or its node still runs/);
  await node.close();

  const recording = join(directory, "recording");
  const [file = ""] = readdirSync(recording);
  const whole = await told(directory);
  assert.match(whole, /^\d+ envelopes replayed[^\n]*\nstate hash \w+ at slot \d+\n$/);
  assert.equal(await told(recording), whole);
  assert.equal(await told(join(recording, file)), whole);
  assert.equal(await told(relative(process.cwd(), directory)), whole);
});

async function refusal(path: string): Promise<KibitzerError> {
  const { output } = captureOutput();
  const error: unknown = await replay(path, {}, output).catch((found: unknown) => found);
  assert.ok(error instanceof KibitzerError, String(error));
  return error;
}

test("what is no recording is not found, and told by its whole path", async (context) => {
  const directory = emptyDirectory(context);
  const file = join(directory, "notes");
  writeFileSync(file, "no recording");
  for (const path of [directory, file, join(directory, "missing"), join(file, "deeper")]) {
    const error = await refusal(relative(process.cwd(), path));
    assert.equal(exitCodeOf(error), 4);
    assert.ok(error.message.includes(`no recording at ${path}.`), error.message);
  }
  const renamed = join(directory, "recording-00000001");
  writeFileSync(renamed, "no recording, though it is called one");
  const error = await refusal(renamed);
  assert.equal(exitCodeOf(error), 8);
  assert.ok(error.message.includes(renamed), error.message);
});

/** Printing keeps order, waits for a slow reader and notices one that left. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { Output } from "../../src/commands/output.ts";
import { captureOutput } from "./captured-output.ts";

test("everything printed comes out in order", async () => {
  const captured = captureOutput();
  captured.output.line("one");
  captured.output.data(Uint8Array.of(0x32, 0x0a));
  captured.output.json({ index: 3 });
  assert.equal(await captured.stdout(), 'one\n2\n{"index":3}\n');
});

test("there is no room until a slow reader has caught up", async () => {
  let release: (() => void) | null = null;
  const stdout = new Writable({
    highWaterMark: 10,
    write(_chunk, _encoding, done): void {
      release = done;
    },
  });
  const output = new Output({ stdout, stderr: new Writable() });
  assert.equal(output.hasRoom, true);
  output.data(new Uint8Array(100_000));
  assert.equal(output.hasRoom, false);
  let isThrough = false;
  const waiting = output.room().then(() => (isThrough = true));
  await Promise.resolve();
  assert.equal(isThrough, false);
  assert.ok(release !== null);
  (release as () => void)();
  await waiting;
  assert.equal(output.hasRoom, true);
});

test("a reader that left is told once, and nothing waits for it", async () => {
  const stdout = new Writable({
    write(_chunk, _encoding, done): void {
      done(Object.assign(new Error("broken pipe"), { code: "EPIPE" }));
    },
  });
  let closed = 0;
  const output = new Output({ stdout, stderr: new Writable(), closed: () => (closed += 1) });
  output.line("lost");
  await new Promise((resolve) => stdout.once("close", resolve));
  output.line("lost too");
  await output.room();
  await output.flush();
  assert.equal(closed, 1);
});

/** The first signal stops gracefully, the second at once; one stroke counts once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Interrupted, watchInterruption } from "../../src/commands/interruption.ts";

test("the first signal aborts, and says which it was", () => {
  using interruption = watchInterruption(() => assert.fail("there was one signal"));
  assert.equal(interruption.name, null);
  assert.equal(interruption.signal.aborted, false);
  process.emit("SIGTERM");
  assert.equal(interruption.name, "SIGTERM");
  assert.ok(interruption.signal.reason instanceof Interrupted);
});

test("a second SIGTERM is the end; Ctrl-C passed on by npm is one stroke", () => {
  const seconds: string[] = [];
  using terminated = watchInterruption((name) => seconds.push(name));
  process.emit("SIGTERM");
  process.emit("SIGTERM");
  assert.equal(terminated.signal.aborted, true);
  assert.deepEqual(seconds, ["SIGTERM"]);

  const strokes: string[] = [];
  using interrupted = watchInterruption((name) => strokes.push(name));
  process.emit("SIGINT");
  process.emit("SIGINT");
  assert.equal(interrupted.signal.aborted, true);
  assert.deepEqual(strokes, []);
});

test("a second stroke of Ctrl-C is the end", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  using interruption = watchInterruption(resolve);
  process.emit("SIGINT");
  assert.equal(interruption.name, "SIGINT");
  const again = setInterval(() => process.emit("SIGINT"), 20);
  assert.equal(await promise, "SIGINT");
  clearInterval(again);
});

test("after it is disposed signals have their usual effect", () => {
  const before = process.listenerCount("SIGINT");
  const interruption = watchInterruption();
  assert.equal(process.listenerCount("SIGINT"), before + 1);
  interruption[Symbol.dispose]();
  assert.equal(process.listenerCount("SIGINT"), before);
  assert.equal(process.listenerCount("SIGTERM"), before);
});

/** The clock and the chance of the machine keep what the seams promise. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadline } from "../../src/deadline.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { pauseMs } from "../../src/retry-pause.ts";
import { systemChance } from "../../src/system/system-chance.ts";
import { systemClock } from "../../src/system/system-clock.ts";

test("a world has everything that a node needs", () => {
  const { files, clock, chance, network } = nodeWorld();
  assert.equal(typeof files.lock, "function");
  assert.equal(typeof clock.after, "function");
  assert.equal(typeof chance.hex16, "function");
  assert.throws(() => network.connect("gopher://x", { hello: never, fraction: () => 0 }), {
    code: "KBZ_ENDPOINT",
  });
});

function never(): never {
  throw new Error("nobody is to be greeted");
}

test("time is whole, from the start of this life, and never goes back", async () => {
  const clock = systemClock();
  assert.ok(clock.now() < 1000);
  for (let last = clock.now(), looks = 0; looks < 1000; looks += 1) {
    const now = clock.now();
    assert.ok(Number.isSafeInteger(now) && now >= last);
    last = now;
  }
  assert.ok(Math.abs(clock.wall() - Date.now()) < 1000);
  await new Promise<void>((resolve) => clock.soon(resolve));
});

test("a timer is never early, and does not fire once it is cancelled", async () => {
  const clock = systemClock();
  const fired: string[] = [];
  clock.after(5, () => fired.push("cancelled")).cancel();
  const far = clock.after(2 ** 40, () => fired.push("in years"));
  for (const ms of [0, 1, 3, 7, 20]) {
    const start = performance.now();
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
    assert.ok(performance.now() - start >= ms, `the timer of ${ms} ms was early`);
  }
  far.cancel();
  assert.deepEqual(fired, []);
});

test("chance is even, and ids do not repeat", () => {
  const chance = systemChance();
  let sum = 0;
  const ids = new Set<string>();
  for (let draws = 0; draws < 4000; draws += 1) {
    const value = chance.fraction();
    assert.ok(value >= 0 && value < 1);
    sum += value;
    const id = chance.hex16();
    assert.match(id, /^[0-9a-f]{16}$/);
    ids.add(id);
  }
  // Five standard deviations of the mean.
  assert.ok(Math.abs(sum / 4000 - 0.5) < 0.023);
  assert.equal(ids.size, 4000);
});

test("a pause grows to its bound, at least half of it for certain", () => {
  assert.equal(pauseMs(1, 0), 10);
  assert.ok(pauseMs(1, 0.999) <= 20);
  assert.equal(pauseMs(3, 0), 40);
  for (const failures of [10, 100, 10_000]) {
    assert.equal(pauseMs(failures, 0), 500);
    assert.ok(pauseMs(failures, 0.999) <= 1000);
  }
});

test("a deadline ends by its time or by a signal, and knows which", async () => {
  const clock = systemClock();
  {
    using deadline = new Deadline(clock, 1, undefined, new AbortController().signal);
    await new Promise((resolve) => deadline.signal.addEventListener("abort", resolve));
    assert.equal(deadline.isOver, true);
  }
  const reason = new Error("enough");
  const controller = new AbortController();
  using deadline = new Deadline(clock, 60_000, controller.signal);
  assert.equal(deadline.signal.aborted, false);
  controller.abort(reason);
  assert.deepEqual([deadline.signal.reason, deadline.isOver], [reason, false]);
  using late = new Deadline(clock, null, controller.signal);
  assert.equal(late.signal.reason, reason);
});

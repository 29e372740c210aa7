/** How those who read for others take turns: one after the other, and none twice in one. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { ReadingTurns } from "../../src/node/reading-turns.ts";

test("one reads at a time, the longest waiting first, each in a turn of its own", async () => {
  const passes: (() => void)[] = [];
  const turns = new ReadingTurns({ soon: (callback) => passes.push(callback) });
  const read: string[] = [];
  const slow = Promise.withResolvers<void>();
  const reader = async (name: string, until?: Promise<void>): Promise<void> =>
    await turns.take(async () => {
      read.push(name);
      await until;
      if (name === "fails") throw new Error("unreadable");
    });
  const first = reader("slow", slow.promise);
  const second = assert.rejects(reader("fails"), /unreadable/);
  const third = reader("third");
  await turn();
  assert.deepEqual([read, passes.length], [["slow"], 0], "others wait for the one that reads");
  slow.resolve();
  await first;
  assert.deepEqual([read, passes.length], [["slow"], 1], "its turn is not over before the loop's");
  passes.shift()?.();
  await second;
  assert.deepEqual([read, passes.length], [["slow", "fails"], 1]);
  passes.shift()?.();
  await third;
  passes.shift()?.();
  await reader("alone");
  assert.deepEqual(read, ["slow", "fails", "third", "alone"]);
});

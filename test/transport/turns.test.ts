/** Turns are given in order, so many at a time, by our own queue and by p-queue alike. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { queuedTurns } from "../../src/system/turns.ts";
import { TurnQueue, type Turns } from "../../transport/turns.ts";

const kinds: Readonly<Record<string, (concurrency: number) => Turns>> = {
  "our own": (concurrency) => new TurnQueue(concurrency),
  "p-queue": queuedTurns,
};

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const [name, make] of Object.entries(kinds)) {
  suite(`turns: ${name}`, () => {
    test("are taken at once while there are some, then in order", async () => {
      const turns = make(2);
      const begun: number[] = [];
      const ends: (() => void)[] = [];
      for (let at = 0; at < 5; at += 1) {
        turns.add(() => {
          begun.push(at);
          return new Promise<void>((resolve) => ends.push(resolve));
        });
      }
      assert.deepEqual(begun, [0, 1]);
      assert.equal(turns.size, 3);
      ends[1]?.();
      await later();
      assert.deepEqual(begun, [0, 1, 2]);
      ends[0]?.();
      ends[2]?.();
      await later();
      assert.deepEqual(begun, [0, 1, 2, 3, 4]);
      assert.equal(turns.size, 0);
    });

    test("end with a rejection, and at once with nothing to wait for", async () => {
      const turns = make(1);
      const begun: string[] = [];
      const add = (what: string, turn: () => Promise<unknown> | undefined): void =>
        turns.add(() => {
          begun.push(what);
          return turn();
        });
      add("fails", () => Promise.reject(new Error("no")));
      for (let at = 0; at < 1000; at += 1) add("given up", () => undefined);
      add("last", () => Promise.resolve());
      for (let turn = 0; turn < 2000 && begun.length < 1002; turn += 1) await later();
      assert.equal(begun.length, 1002);
      assert.equal(begun.at(-1), "last");
      assert.equal(turns.size, 0);
    });
  });
}

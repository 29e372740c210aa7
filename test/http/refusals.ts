/** What a node logs of those whom it refuses: all of a few, and a count of many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "../../src/logger.ts";
import { RefusalLog } from "../../src/node/refusal-log.ts";
import { systemClock } from "../../src/system/system-clock.ts";

test("who floods a node fills no log: ten lines a second, and how many more there were", () => {
  const lines: string[] = [];
  let now = 0;
  const logger = { ...silent, warn: (_: unknown, message: string) => lines.push(message) };
  const log = new RefusalLog({ logger, clock: { ...systemClock(), now: () => now } });
  const refuse = (): void => log.note({ address: "127.0.0.1:1", error: new Error("rubbish") });
  for (let count = 0; count < 25; count += 1) refuse();
  assert.deepEqual(new Set(lines), new Set(["refused at the door"]));
  assert.equal(lines.length, 10);
  now = 1000;
  refuse();
  assert.deepEqual(lines.slice(10), ["15 more were refused at the door", "refused at the door"]);
  now = 5000;
  refuse();
  assert.equal(lines.length, 13);
});

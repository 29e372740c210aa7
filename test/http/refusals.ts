/** What a node logs of those whom it refuses: all of a few, and a count of many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "../../src/logger.ts";
import { RefusalLog } from "../../src/node/refusal-log.ts";
import { HandClock } from "./hand-clock.ts";

test("who floods a node fills no log: the same once a minute, ten lines, how many more", () => {
  const lines: string[] = [];
  const clock = new HandClock();
  const logger = { ...silent, warn: (_: unknown, message: string) => lines.push(message) };
  const log = new RefusalLog({ logger, clock });
  let port = 0;
  const refuse = (text: string, host = "127.0.0.1"): void => {
    port += 1;
    const address = `${host}:${port}`;
    log.note({ address, error: new Error(`${text} of ${address}`) });
  };
  const one = "refused at the door";
  for (let at = 0; at < 8; at += 1) refuse("rubbish");
  refuse("rubbish", "127.0.0.2");
  refuse("noise");
  assert.deepEqual(lines.splice(0), [one, one, one], "another port is no news");
  clock.advanceTo(30_000);
  for (let at = 0; at < 20; at += 1) refuse(`rubbish ${at}`);
  assert.deepEqual(
    lines.splice(0),
    Array.from({ length: 7 }, () => one),
  );
  clock.advanceTo(59_999);
  assert.deepEqual(lines, []);
  clock.advanceTo(60_000);
  assert.deepEqual(lines.splice(0), [`20 more were ${one}`], "though nobody comes any more");
  assert.equal(clock.timers, 0);

  for (const text of ["rubbish", "noise", "one", "two"]) refuse(text);
  assert.deepEqual(lines.splice(0), [one, one, one], "three of the ten are a minute ago");
  log.tellRest();
  assert.deepEqual(lines.splice(0), [`1 more were ${one}`], "a node that stops");
  assert.equal(clock.timers, 0);
});

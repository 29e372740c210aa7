/** What a node logs of those whom it refuses: all of a few, and a count of many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "../../src/logger.ts";
import { RefusalLog } from "../../src/node/refusal-log.ts";
import type { Clock } from "../../src/world.ts";

/** Time passes when it is told to. */
class HandClock implements Clock {
  readonly #timers = new Map<() => void, number>();
  #now = 0;

  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): { cancel(): void } {
    this.#timers.set(callback, this.#now + ms);
    return { cancel: () => this.#timers.delete(callback) };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  /** @param isPunctual Whether timers that are due are called. */
  advanceTo(now: number, isPunctual = true): void {
    this.#now = now;
    const due = [...this.#timers].filter(([, at]) => isPunctual && at <= now);
    for (const [callback] of due) {
      this.#timers.delete(callback);
      callback();
    }
  }
}

test("who floods a node fills no log: ten lines a second, and how many more there were", () => {
  const lines: string[] = [];
  const clock = new HandClock();
  const logger = { ...silent, warn: (_: unknown, message: string) => lines.push(message) };
  const log = new RefusalLog({ logger, clock });
  const refuse = (count: number): void => {
    for (let at = 0; at < count; at += 1) {
      log.note({ address: "127.0.0.1:1", error: new Error("rubbish") });
    }
  };
  const one = "refused at the door";
  refuse(1);
  clock.advanceTo(400);
  refuse(24);
  assert.deepEqual(new Set(lines.splice(0, 10)), new Set([one]));
  clock.advanceTo(999);
  assert.deepEqual(lines, []);
  clock.advanceTo(1000);
  assert.deepEqual(lines.splice(0), [`15 more were ${one}`], "though nobody comes any more");
  assert.equal(clock.timers, 0);

  refuse(11);
  clock.advanceTo(3000, false);
  refuse(1);
  assert.deepEqual(lines.splice(0).slice(10), [`1 more were ${one}`, one], "a timer that is late");
  refuse(10);
  log.tellRest();
  assert.deepEqual(lines.splice(0).slice(9), [`1 more were ${one}`], "a node that stops");
  assert.equal(clock.timers, 0);
});

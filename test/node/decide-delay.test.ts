/** What a leader holds back for the next accept, and how long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../consensus/index.ts";
import { DecideDelay } from "../../src/node/decide-delay.ts";
import type { Clock } from "../../src/world.ts";

const ballot = { government: 1, round: 1, id: "a" };

/** A delay whose time passes when it is told to, and what it has sent. */
function scene(): {
  readonly tell: (to: string, message: Message) => void;
  readonly flush: () => void;
  readonly pass: () => void;
  readonly sent: string[];
  readonly timers: () => number;
} {
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    soon: () => assert.fail("nothing is due soon"),
    after: (_ms, callback) => {
      timers.add(callback);
      return { cancel: () => timers.delete(callback) };
    },
  };
  const sent: string[] = [];
  const delay = new DecideDelay(clock, ({ to }, { message }) => {
    sent.push(`${to} ${message.kind}${message.kind === "decide" ? ` ${message.decided}` : ""}`);
  });
  return {
    tell: (to, message) =>
      delay.send({ to, lane: "bulk" }, { method: "receive", message, bodies: [] }),
    flush: () => delay.flush(),
    pass: () => {
      for (const callback of timers) {
        timers.delete(callback);
        callback();
      }
    },
    sent,
    timers: () => timers.size,
  };
}

function decide(decided: number): Message {
  return { kind: "decide", ballot, decided };
}

function accept(decided: number): Message {
  return { kind: "accept", ballot, decrees: [], decided };
}

test("what the next accept says is not said alone", () => {
  const { tell, pass, sent } = scene();
  tell("b", decide(5));
  tell("c", decide(5));
  tell("b", accept(5));
  assert.deepEqual(sent, ["b accept"]);
  pass();
  assert.deepEqual(sent, ["b accept", "c decide 5"]);
});

test("only the last one is told, and after it nothing waits", () => {
  const { tell, pass, sent, timers } = scene();
  tell("b", decide(5));
  tell("b", decide(6));
  assert.equal(timers(), 1);
  pass();
  assert.deepEqual(sent, ["b decide 6"]);
  assert.equal(timers(), 0);
});

test("another message does not stand for it, and a leader that ends tells it at once", () => {
  const { tell, flush, sent, timers } = scene();
  tell("b", decide(5));
  tell("b", { kind: "ahead", government: 1, decided: 5 });
  flush();
  assert.deepEqual(sent, ["b ahead", "b decide 5"]);
  assert.equal(timers(), 0);
});

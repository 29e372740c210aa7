/** What becomes of a request that is forwarded to a leader who does not take it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silent, type Logger } from "../../src/logger.ts";
import { Forwarding } from "../../src/node/forwarding.ts";
import type { Response } from "../../src/requests.ts";
import { TransportError } from "../../transport/index.ts";

const request = { method: "barrier", hops: 0 } as const;
const notLeading: Response = { kind: "refused", reason: "notLeading", leader: null };

interface Place {
  readonly forwarding: Forwarding;
  readonly lines: string[];
  now: number;
}

function failing(error: Error): Place {
  const lines: string[] = [];
  const log = (_: unknown, message: string): void => void lines.push(message);
  const logger: Logger = { ...silent, warn: log };
  const timer = { cancel: () => undefined };
  const clock = { now: () => place.now, wall: () => 0, after: () => timer, soon: () => undefined };
  const peers = {
    call: async (): Promise<Response | null> => {
      throw error;
    },
  };
  const place: Place = { forwarding: new Forwarding({ logger, clock, peers }), lines, now: 0 };
  return place;
}

function remote(code: string, outcome: "none" | "unknown"): TransportError {
  const failure = { code, message: "not you", outcome, retryable: false } as const;
  return new TransportError("KBZ_REMOTE", "The other side: not you", { outcome, remote: failure });
}

const { signal } = new AbortController();

test("a leader that takes nothing of this node is as one not reached, and is logged", async () => {
  const place = failing(remote("KBZ_FORBIDDEN", "none"));
  for (let times = 0; times < 100; times += 1) {
    assert.deepEqual(await place.forwarding.forward(request, "b", signal), notLeading);
  }
  assert.equal(place.lines.length, 1, "the same is logged once a minute");
  assert.match(place.lines[0] ?? "", /leader b takes nothing of this node.*not you/);
  place.now += 60_000;
  await place.forwarding.forward(request, "b", signal);
  assert.equal(place.lines.length, 2);
});

test("a leader that was certainly not reached is none; in doubt the asker is told", async () => {
  const unreached = new TransportError("KBZ_ENDPOINT", "no", { outcome: "none" });
  assert.deepEqual(await failing(unreached).forwarding.forward(request, "b", signal), notLeading);
  const doubts = [
    new TransportError("KBZ_DISCONNECTED", "no", { outcome: "unknown" }),
    remote("KBZ_FORBIDDEN", "unknown"),
    remote("KBZ_ARGUMENT", "none"),
  ];
  for (const error of doubts) {
    const { forwarding, lines } = failing(error);
    await assert.rejects(forwarding.forward(request, "b", signal), error);
    assert.deepEqual(lines, []);
  }
});

test("what was forwarded once, or has no leader to go to, goes nowhere", async () => {
  const { forwarding } = failing(new Error("asked"));
  const forwarded = { ...request, hops: 1 };
  const refused = { kind: "refused", reason: "notLeading" } as const;
  assert.deepEqual(await forwarding.forward(forwarded, "b", signal), { ...refused, leader: "b" });
  assert.deepEqual(await forwarding.forward(request, null, signal), { ...refused, leader: null });
});

/** What becomes of a number whose predecessor comes as late as may be, or never. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../../consensus/index.ts";
import { httpLimits } from "../../src/http/http-limits.ts";
import { NamedPublisher, type NumberingNode } from "../../src/http/named-publisher.ts";
import { Bell } from "../../src/node/bell.ts";
import { HttpProblem, problemDocument } from "../../src/http/problem.ts";
import type { Response } from "../../src/requests.ts";
import { HandClock } from "./hand-clock.ts";

const { predecessorMs } = httpLimits;
const never = new AbortController().signal;
const gap: Response = { kind: "refused", reason: "gap", leader: "a" };
const known: Response = { kind: "effect", effect: { kind: "duplicate", index: 7 }, results: null };

/** A leader that misses what comes before, until it is told that all is decided. */
class Leader implements NumberingNode {
  readonly clock = new HandClock();
  readonly configuration = {
    world: { clock: this.clock, chance: { fraction: () => 0.5, hex16: () => "0".repeat(16) } },
  };
  readonly changed = new Bell();
  asked = 0;
  isDecided = false;
  readonly service = {
    enqueue: async (): Promise<Response> => {
      this.asked += 1;
      return await Promise.resolve(this.isDecided ? known : gap);
    },
  };
  readonly state = {
    legislator: {
      republic: {
        outcomeOf: (): Effect => {
          return this.isDecided ? { kind: "duplicate", index: 7 } : { kind: "gap", expected: 1 };
        },
        batchOf: () => null,
      },
    },
  };

  async passTo(ms: number): Promise<void> {
    for (let now = this.clock.now(); now <= ms; now += 1) {
      this.clock.advanceTo(now);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test("of many copies of a number the last is answered as the others are", async () => {
  const leader = new Leader();
  const numbered = { publisher: 1, sequence: 2 };
  using publisher = new NamedPublisher(leader, numbered, never);
  const published = publisher.publish([Buffer.from("x")]);
  await leader.passTo(predecessorMs - 1);
  const { asked } = leader;
  // Its predecessor came, and another copy was taken, after it asked last.
  leader.isDecided = true;
  await leader.passTo(predecessorMs);
  assert.equal(leader.asked, asked + 1, "it asks once more before it gives up");
  await leader.passTo(2 * predecessorMs);
  assert.equal(await published, 7);
});

test("a number is submitted as soon as the log of the node shows the one before it", async () => {
  const leader = new Leader();
  using publisher = new NamedPublisher(leader, { publisher: 1, sequence: 2 }, never);
  const published = publisher.publish([Buffer.from("x")]);
  await leader.passTo(predecessorMs / 2);
  assert.equal(leader.asked, 1, "nobody is asked while it is known to be early");
  leader.isDecided = true;
  leader.changed.ring();
  assert.equal(await published, 7);
  assert.equal(leader.asked, 2);
});

test("what waits in vain asks once more, and is told the number that is missing", async () => {
  const leader = new Leader();
  using publisher = new NamedPublisher(leader, { publisher: 1, sequence: 2 }, never);
  const published = publisher.publish([Buffer.from("x")]).catch((error: unknown) => error);
  await leader.passTo(predecessorMs);
  const problem = await published;
  assert.ok(problem instanceof HttpProblem);
  const { code, retryable, outcome, expected } = problemDocument(problem);
  assert.deepEqual([code, retryable, outcome, expected], ["KBZ_PUBLISHER", true, "none", 1]);
});

/** Whatever happens, every entry read is accounted for once: accepted, refused or unknown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import type { Log } from "../../src/api.ts";
import {
  AcknowledgementTimeout,
  publishAll,
  type PipelineOptions,
} from "../../src/commands/publish-pipeline.ts";
import { LineTooLong } from "../../src/lines.ts";
import { KibitzerError, type ErrorOutcome } from "../../src/kibitzer-error.ts";

type Publisher = Pick<Log, "publish">;

async function* groupsOf(count: number, groupSize = 3): AsyncGenerator<readonly Uint8Array[]> {
  for (let start = 0; start < count; start += groupSize) {
    const size = Math.min(groupSize, count - start);
    yield Array.from({ length: size }, (_, at) => Buffer.from(`entry ${start + at + 1}`));
  }
}

function optionsWith(changes: Partial<PipelineOptions>, indexes: number[] = []): PipelineOptions {
  return {
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    entriesMax: 4,
    bytesMax: 1000,
    accepted: (index) => indexes.push(index),
    room: async () => undefined,
    ...changes,
  };
}

function failure(outcome: ErrorOutcome, cause?: unknown): KibitzerError {
  return new KibitzerError("KBZ_ABORTED", "given up", { retryable: true, outcome, cause });
}

/** Never answers; on abort each entry's outcome is what `outcome` says of its number. */
function silent(outcome: (entry: number) => ErrorOutcome): Publisher {
  let count = 0;
  return {
    publish: (_entry, options) => {
      count += 1;
      const entry = count;
      return new Promise((_resolve, reject) => {
        const { signal } = options ?? {};
        signal?.addEventListener("abort", () => reject(failure(outcome(entry), signal.reason)));
      });
    },
  };
}

test("acknowledgements are told in order, however they arrive", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.scheduler(), async (count, scheduler) => {
      let index = 0;
      const log: Publisher = {
        publish: () => {
          index += 1;
          return scheduler.schedule(Promise.resolve({ index }));
        },
      };
      const indexes: number[] = [];
      const done = publishAll(log, groupsOf(count), optionsWith({}, indexes));
      const report = await scheduler.waitFor(done);
      assert.deepEqual(
        indexes,
        Array.from({ length: count }, (_, at) => at + 1),
      );
      assert.equal(report.failure, null);
      assert.deepEqual(report.accepted, count === 0 ? [] : [{ first: 1, last: count }]);
    }),
    { numRuns: 50 },
  );
});

test("no more entries are under way than allowed, nor more bytes", async () => {
  let underWay = 0;
  let most = 0;
  const log: Publisher = {
    publish: async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      underWay -= 1;
      return { index: 1 };
    },
  };
  await publishAll(log, groupsOf(30, 30), optionsWith({ entriesMax: 4 }));
  assert.equal(most, 4);
  most = 0;
  // Each entry has 7 or 8 bytes.
  await publishAll(log, groupsOf(30, 30), optionsWith({ entriesMax: 100, bytesMax: 17 }));
  assert.equal(most, 2);
  most = 0;
  await publishAll(log, groupsOf(5), optionsWith({ bytesMax: 1 }));
  assert.equal(most, 1);
});

test("a failure stops everything and is told with its ranges", async () => {
  let count = 0;
  const waiting = silent((entry) => (entry <= 2 ? "unknown" : "none"));
  const log: Publisher = {
    publish: (entry, options) => {
      count += 1;
      if (count <= 3) return Promise.resolve({ index: count + 16 });
      if (count === 7) return Promise.reject(failure("none"));
      return waiting.publish(entry, options);
    },
  };
  const indexes: number[] = [];
  const report = await publishAll(log, groupsOf(100, 10), optionsWith({}, indexes));
  assert.deepEqual(indexes, [17, 18, 19]);
  assert.ok(report.failure instanceof KibitzerError);
  assert.deepEqual(report.accepted, [{ first: 1, last: 3 }]);
  assert.deepEqual(report.unknown, [{ first: 4, last: 5 }]);
  assert.deepEqual(report.refused, [{ first: 6, last: 7 }]);
  assert.equal(report.submitted, 7);
});

test("the oldest entry's time limit ends it", async () => {
  const log = silent(() => "none");
  const report = await publishAll(log, groupsOf(9), optionsWith({ timeoutMs: 20 }));
  assert.ok(report.failure instanceof AcknowledgementTimeout);
  assert.match(report.failure.message, /^entry 1 /);
  assert.deepEqual(report.refused, [{ first: 1, last: 4 }]);
  assert.equal(report.submitted, 4);
});

test("an interruption ends the wait for a source that gives nothing", async () => {
  const controller = new AbortController();
  const endless = (async function* (): AsyncGenerator<readonly Uint8Array[]> {
    yield [Buffer.from("one")];
    await new Promise(() => undefined);
  })();
  const reason = new Error("interrupted");
  const indexes: number[] = [];
  const log: Publisher = { publish: async () => ({ index: 1 }) };
  const done = publishAll(log, endless, {
    ...optionsWith({ signal: controller.signal }),
    accepted: (index) => {
      indexes.push(index);
      controller.abort(reason);
    },
  });
  const report = await done;
  assert.equal(report.failure, reason);
  assert.deepEqual(indexes, [1]);
  assert.deepEqual(report.accepted, [{ first: 1, last: 1 }]);
});

test("a source that fails lets what was submitted go its way", async () => {
  const failing = (async function* (): AsyncGenerator<readonly Uint8Array[]> {
    yield [Buffer.from("one"), Buffer.from("two")];
    throw new LineTooLong(3, 5);
  })();
  let index = 0;
  const log: Publisher = {
    publish: async () => {
      await turn();
      index += 1;
      return { index };
    },
  };
  const report = await publishAll(log, failing, optionsWith({}));
  assert.ok(report.failure instanceof LineTooLong);
  assert.deepEqual(report.accepted, [{ first: 1, last: 2 }]);
});

test("after a source failed the time limit still holds", async () => {
  const failing = (async function* (): AsyncGenerator<readonly Uint8Array[]> {
    yield [Buffer.from("one")];
    throw new LineTooLong(2, 5);
  })();
  const log = silent(() => "unknown");
  const report = await publishAll(log, failing, optionsWith({ timeoutMs: 20 }));
  assert.ok(report.failure instanceof AcknowledgementTimeout);
  assert.deepEqual(report.unknown, [{ first: 1, last: 1 }]);
});

/** Publishing around a real Islander and an oracle of the publisher table, in virtual time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { limits } from "../../consensus/index.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { Desk } from "./publishing-desk.ts";

/** What became of a promise: its index, or code, outcome and whether it may be tried again. */
async function fate(promise: Promise<{ readonly index: number }>): Promise<string> {
  return promise.then(
    ({ index }) => `${index}`,
    (error: unknown) => {
      assert.ok(error instanceof KibitzerError, String(error));
      return `${error.code} ${error.outcome}${error.retryable ? " retryable" : ""}`;
    },
  );
}

function isPending(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise, turn("pending")]).then(
    (value) => value === "pending",
    () => false,
  );
}

const forbidden = new KibitzerError("KBZ_FORBIDDEN", "the token is not known", {
  retryable: false,
  outcome: "none",
});

describe("publish", () => {
  test("gathers what is published in one turn, and tells each its index", async () => {
    const desk = new Desk();
    const promises = ["a", "", new TextEncoder().encode("c")].map((entry) =>
      desk.publishing.publish(entry),
    );
    assert.equal(desk.registrations, 0, "nothing happens within the caller's turn");
    await desk.settle();
    assert.equal(desk.sent.length, 1);
    assert.deepEqual(desk.decide(), ["a", "", "c"]);
    assert.deepEqual(await Promise.all(promises.map(fate)), ["1", "2", "3"]);
    assert.equal(desk.publishing.publisher, "1");
    assert.equal(desk.publishing.sequenceNext, 4);
    assert.equal(desk.clock.now(), 0, "without waiting");
  });

  test("refuses what is no entry", async () => {
    const { publishing } = new Desk();
    const large = limits.entryBytesMax + 1;
    const tooLarge = ["x".repeat(large), new Uint8Array(large), "é".repeat(large / 2 + 1)];
    for (const entry of tooLarge)
      assert.equal(await fate(publishing.publish(entry)), "KBZ_TOO_LARGE none");
    for (const entry of [null, undefined, 7, {}, [1]]) {
      assert.equal(await fate(publishing.publish(entry as never)), "KBZ_ARGUMENT none");
    }
    assert.equal(publishing.load.waitingEntries, 0);
  });

  test("submits again what was lost, with the same bytes, until it is decided", async () => {
    const desk = new Desk();
    const promise = desk.publishing.publish("once");
    await desk.settle();
    const bodies = new Set<Uint8Array>();
    for (let round = 0; round < 5; round += 1) {
      const [sent] = desk.sent.splice(0);
      assert.ok(sent !== undefined, `round ${round}`);
      bodies.add(sent.body);
      if (round === 1) desk.table.apply(sent.submission.batch);
      if (round % 2 === 0) sent.reject(new Error("no answer"));
      else sent.answer({ kind: "refused", reason: "notLeading" });
      await desk.settle();
      assert.equal(desk.sent.length, 0, "not without a pause");
      desk.clock.pass(1000);
      await desk.settle();
    }
    desk.decide();
    assert.equal(await fate(promise), "1");
    assert.equal(bodies.size, 1);
    assert.equal(desk.table.log.length, 1);
  });

  test("takes a submit that throws for a lost one", async () => {
    let calls = 0;
    const desk = new Desk({
      submit: () => {
        calls += 1;
        throw new Error("not even a promise");
      },
    });
    const promise = desk.publishing.publish("x");
    await desk.settle();
    desk.clock.pass(1000);
    await desk.settle();
    assert.equal(calls, 2);
    assert.ok(await isPending(promise));
    desk.publishing.close();
    assert.equal(await fate(promise), "KBZ_CLOSED unknown");
    assert.equal(desk.clock.timers, 0);
  });
});

describe("back-pressure", () => {
  const bounds = { waitingEntriesMax: 1000, waitingBytesMax: 1024 * 1024 };

  test("10,000 publishes that nobody awaits are in bounds, in order, and all settle", async () => {
    const desk = new Desk({ bounds: { ...bounds, batchEntriesMax: 10 } });
    const promises = Array.from({ length: 10_000 }, (_, at) => desk.publishing.publish(`${at}`));
    const { load } = desk.publishing;
    assert.equal(load.waitingEntries, 1000);
    assert.equal(load.queued, 9000);
    const texts: string[] = [];
    for (let round = 0; texts.length < 10_000; round += 1) {
      assert.ok(round < 1000, "it goes on");
      await desk.settle();
      const now = desk.publishing.load;
      assert.ok(now.waitingEntries <= 1000 && now.waitingBytes <= 16_000);
      assert.ok(now.batchesInFlight <= limits.publisherBatchesInFlightMax);
      texts.push(...desk.decide());
    }
    assert.deepEqual(
      texts,
      promises.map((_, at) => `${at}`),
    );
    const indexes = await Promise.all(promises);
    assert.ok(indexes.every(({ index }, at) => index === at + 1));
    const idle = { waitingEntries: 0, waitingBytes: 0, queued: 0, batchesInFlight: 0 };
    assert.deepEqual(desk.publishing.load, idle);
  });

  test("memory is bounded by bytes too", async () => {
    const desk = new Desk({ bounds });
    const entry = new Uint8Array(100_000);
    const promises = Array.from({ length: 200 }, () => desk.publishing.publish(entry));
    assert.ok(desk.publishing.load.waitingBytes <= bounds.waitingBytesMax + 100_004);
    let rounds = 0;
    while (desk.table.log.reduce((sum, { batch }) => sum + batch.count, 0) < 200) {
      rounds += 1;
      assert.ok(rounds < 200);
      await desk.settle();
      assert.ok(desk.publishing.load.waitingBytes <= bounds.waitingBytesMax + 100_004);
      desk.decide();
    }
    await Promise.all(promises);
  });

  test("who does not want to wait is told so, while others wait in order", async () => {
    const desk = new Desk({ bounds: { waitingEntriesMax: 2 } });
    const first = ["a", "b", "c"].map((entry) => desk.publishing.publish(entry));
    const busy = desk.publishing.publish("d", { wait: false });
    assert.equal(await fate(busy), "KBZ_BUSY none retryable");
    await desk.settle();
    desk.decide();
    const later = desk.publishing.publish("e", { wait: false });
    await desk.settle();
    desk.decide();
    assert.deepEqual(await Promise.all([...first, later].map(fate)), ["1", "2", "3", "4"]);
  });

  test("batches fill up while the window is full", async () => {
    const desk = new Desk();
    const promises: Promise<unknown>[] = [];
    for (let round = 0; round < limits.publisherBatchesInFlightMax + 50; round += 1) {
      promises.push(desk.publishing.publish("x"));
      await desk.settle();
      desk.clock.pass(5);
    }
    assert.equal(desk.sent.length, limits.publisherBatchesInFlightMax);
    desk.decide();
    await desk.settle();
    assert.deepEqual(
      desk.sent.map(({ submission }) => submission.batch.count),
      [50],
    );
    desk.decide();
    await Promise.all(promises);
  });
});

/** Publishes so many, each in a turn of its own and without time passing. */
async function publishEach(desk: Desk, entries: readonly string[]): Promise<void> {
  for (const entry of entries) {
    desk.publishing.publish(entry).catch(() => undefined);
    await desk.settle();
  }
}

function counts(desk: Desk): readonly number[] {
  return desk.sent.map(({ submission }) => submission.batch.count);
}

describe("a small batch", () => {
  test("waits for company while two are under way, until one is answered", async () => {
    const desk = new Desk();
    await publishEach(desk, ["a", "b", "c", "d"]);
    assert.deepEqual(counts(desk), [1, 1]);
    desk.sent
      .splice(0, 1)
      .map(({ submission, answer }) => answer(desk.table.apply(submission.batch)));
    await desk.settle();
    assert.deepEqual(counts(desk), [1, 2]);
    assert.deepEqual(desk.decide(), ["b", "c", "d"]);
  });

  test("waits no longer than 4 ms, and not at all once it is large", async () => {
    const desk = new Desk();
    await publishEach(desk, ["a", "b", "c"]);
    desk.clock.pass(3);
    await publishEach(desk, ["d"]);
    assert.deepEqual(counts(desk), [1, 1]);
    desk.clock.pass(1);
    await desk.settle();
    assert.deepEqual(counts(desk), [1, 1, 2]);
    await publishEach(desk, ["x".repeat(20_000), "y".repeat(20_000), "z"]);
    assert.deepEqual(counts(desk), [1, 1, 2, 2]);
  });

  test("of a publisher that is closed meanwhile leaves no timer", async () => {
    const desk = new Desk();
    await publishEach(desk, ["a", "b", "c"]);
    desk.publishing.close();
    assert.equal(desk.clock.timers, 0);
  });
});

describe("an aborted publish", () => {
  test("is out, and says so, as long as it has no number", async () => {
    const desk = new Desk();
    const controller = new AbortController();
    const { signal } = controller;
    const kept = [desk.publishing.publish("a")];
    const gone = [desk.publishing.publish("b", { signal })];
    kept.push(desk.publishing.publish("c", { signal: new AbortController().signal }));
    gone.push(desk.publishing.publishMany(["d", "e", "f"], { signal }));
    kept.push(desk.publishing.publishMany(["g", "h"]));
    controller.abort(new Error("enough"));
    gone.push(desk.publishing.publish("i", { signal }));
    for (const promise of gone) assert.equal(await fate(promise), "KBZ_ABORTED none retryable");
    await assert.rejects(
      gone[0]!,
      ({ cause }) => cause instanceof Error && cause.message === "enough",
    );
    await desk.settle();
    assert.deepEqual(desk.decide(), ["a", "c", "g", "h"]);
    assert.deepEqual(await Promise.all(kept.map(fate)), ["1", "2", "3"]);
  });

  test("may yet be decided once it has a number", async () => {
    const desk = new Desk();
    const controllers = ["a", "b"].map(() => new AbortController());
    const promises = controllers.map(({ signal }, at) =>
      desk.publishing.publish(`${at}`, { signal }),
    );
    await desk.settle();
    controllers[0]?.abort();
    assert.equal(await fate(promises[0]!), "KBZ_ABORTED unknown");
    assert.deepEqual(desk.decide(), ["0", "1"], "an abort only ends the waiting");
    assert.equal(await fate(promises[1]!), "2");
    controllers[1]?.abort();
  });

  test("under one signal with many others is as quick as alone", async () => {
    const desk = new Desk({ bounds: { waitingEntriesMax: 500 } });
    const controller = new AbortController();
    const { signal } = controller;
    const first = desk.publishing.publish("first");
    const gone = Array.from({ length: 20_000 }, (_, at) =>
      desk.publishing.publish(`${at}`, { signal }),
    );
    const last = desk.publishing.publish("last");
    const fates = Promise.all(gone.map(fate));
    controller.abort();
    assert.deepEqual(new Set(await fates), new Set(["KBZ_ABORTED none retryable"]));
    await desk.settle();
    assert.deepEqual(desk.decide(), ["first", "last"], "nothing told as withdrawn is submitted");
    assert.deepEqual(await Promise.all([first, last].map(fate)), ["1", "2"]);
    assert.equal(desk.publishing.load.waitingBytes, 0);
  });

  test("again and again takes no more room, with nobody there to answer", async () => {
    const desk = new Desk({
      bounds: { waitingEntriesMax: 100 },
      register: async () => ({ kind: "refused", reason: "noRepublic" }),
    });
    for (let round = 0; round < 50; round += 1) {
      const controller = new AbortController();
      const promises = Array.from({ length: 99 }, () =>
        desk.publishing.publish("x", { signal: controller.signal, wait: false }),
      );
      const fates = Promise.all(promises.map(fate));
      await desk.settle();
      controller.abort();
      assert.deepEqual(new Set(await fates), new Set(["KBZ_ABORTED none retryable"]));
    }
    assert.ok(desk.publishing.load.waitingEntries < 100);
    assert.equal(desk.publishing.load.queued, 0);
  });
});

describe("close", () => {
  test("tells the truth of each entry, and ends everything", async () => {
    const desk = new Desk({ bounds: { batchEntriesMax: 1, waitingEntriesMax: 40 } });
    const promises = Array.from({ length: 100 }, (_, at) => desk.publishing.publish(`${at}`));
    await desk.settle();
    const [first, second] = desk.sent;
    first?.answer(desk.table.apply(first.submission.batch));
    second?.answer({ kind: "refused", reason: "notLeading" });
    await desk.settle();
    desk.publishing.close();
    const fates = await Promise.all(promises.map(fate));
    assert.equal(fates[0], "1");
    assert.equal(fates[1], "KBZ_CLOSED none", "its only submission was refused");
    const { length } = fates.filter((each) => each === "KBZ_CLOSED unknown");
    assert.equal(length, limits.publisherBatchesInFlightMax - 2);
    assert.ok(fates.slice(2, 2 + length).every((each) => each === "KBZ_CLOSED unknown"));
    assert.ok(fates.slice(2 + length).every((each) => each === "KBZ_CLOSED none"));
    assert.equal(desk.clock.timers, 0);
    const inputs = desk.inputs.length;
    desk.answer({ kind: "lost" });
    await desk.settle();
    assert.equal(desk.inputs.length, inputs, "late answers are not played");
    assert.equal(await fate(desk.publishing.publish("x")), "KBZ_CLOSED none");
  });
});

describe("the end of a session", () => {
  test("by expiry fails with the truth, and a new publisher goes on", async () => {
    const desk = new Desk();
    const before = desk.publishing.publish("before");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(before), "1");
    desk.table.expire(1);

    const once = desk.publishing.publish("once");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(once), "KBZ_PUBLISHER none retryable", "it was sent once, in vain");

    const again = desk.publishing.publish("again");
    await desk.settle();
    assert.equal(desk.registrations, 2);
    desk.decide();
    assert.equal(await fate(again), "2");
    assert.notEqual(desk.publishing.publisher, "1");
  });

  test("leaves in doubt what was sent before without an answer", async () => {
    const desk = new Desk();
    const doubted = desk.publishing.publish("doubted");
    await desk.settle();
    const old = desk.sent.splice(0);
    old[0]?.answer({ kind: "lost" });
    await desk.settle();
    desk.clock.pass(1000);
    await desk.settle();
    desk.answer({ kind: "unknownPublisher" });
    assert.equal(await fate(doubted), "KBZ_PUBLISHER unknown");
  });

  test("is not confused by late answers to the session before", async () => {
    const desk = new Desk();
    const pair = [desk.publishing.publish("a")];
    await desk.settle();
    pair.push(desk.publishing.publish("b"));
    await desk.settle();
    const [first, second] = desk.sent.splice(0);
    second?.answer({ kind: "unknownPublisher" });
    assert.deepEqual(await Promise.all(pair.map(fate)), [
      "KBZ_PUBLISHER unknown",
      "KBZ_PUBLISHER none retryable",
    ]);
    const next = desk.publishing.publish("next");
    await desk.settle();
    first?.answer({ kind: "applied", index: 77 });
    assert.ok(await isPending(next));
    desk.decide();
    assert.equal(await fate(next), "1");
  });

  test("of who may not publish is told, and what comes next is taken if it may", async () => {
    const desk = new Desk();
    const lost = desk.publishing.publish("lost");
    await desk.settle();
    desk.sent.splice(0)[0]?.answer({ kind: "lost" });
    await desk.settle();
    const behind = desk.publishing.publish("behind");
    await desk.settle();
    desk.clock.pass(1000);
    await desk.settle();
    const [again] = desk.sent.splice(0);
    const waiting = desk.publishing.publish("waiting");
    again?.reject(forbidden);
    assert.deepEqual(await Promise.all([lost, behind, waiting].map(fate)), [
      "KBZ_FORBIDDEN unknown",
      "KBZ_FORBIDDEN unknown",
      "KBZ_FORBIDDEN none",
    ]);
    const next = desk.publishing.publish("next");
    await desk.settle();
    assert.deepEqual(desk.decide(), ["next"]);
    assert.equal(await fate(next), "1");
    assert.equal(desk.publishing.publisher, "2", "numbers in doubt are not given out again");
  });

  test("of who may not even register lets the next one try", async () => {
    let isAllowed = false;
    const desk = new Desk({
      register: async (nonce) => {
        if (!isAllowed) throw forbidden;
        return desk.table.register(nonce);
      },
    });
    const promises = ["a", "b"].map((entry) => desk.publishing.publish(entry));
    assert.deepEqual(await Promise.all(promises.map(fate)), [
      "KBZ_FORBIDDEN none",
      "KBZ_FORBIDDEN none",
    ]);
    isAllowed = true;
    const next = desk.publishing.publish("next");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(next), "1");
  });

  test("of who may not publish keeps a publisher that was named, and its numbers", async () => {
    const desk = new Desk({ resume: { publisher: "1", sequenceNext: 1 } });
    desk.table.register("0".repeat(16));
    const first = desk.publishing.publish("first");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(first), "1");
    const refused = desk.publishing.publish("refused");
    await desk.settle();
    desk.sent.splice(0)[0]?.reject(forbidden);
    assert.equal(await fate(refused), "KBZ_FORBIDDEN none");
    assert.equal(desk.publishing.publisher, "1");
    assert.equal(desk.publishing.sequenceNext, 2);
    const again = desk.publishing.publish("refused");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(again), "2");
    assert.equal(desk.registrations, 0);
  });

  test("by a table without room is told to all who wait", async () => {
    const desk = new Desk({ bounds: { waitingEntriesMax: 2 } });
    desk.refuseRegistration = true;
    const promises = ["a", "b", "c"].map((entry) => desk.publishing.publish(entry));
    const fates = await Promise.all(promises.map(fate));
    assert.deepEqual(new Set(fates), new Set(["KBZ_BUSY none retryable"]));
    desk.refuseRegistration = false;
    const later = desk.publishing.publish("later");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(later), "1");
  });

  test("does not come of full disks: numbers of what was not taken are kept", async () => {
    const desk = new Desk({ bounds: { waitingEntriesMax: 1, batchEntriesMax: 1 } });
    const promises = ["a", "b"].map((entry) => desk.publishing.publish(entry));
    await desk.settle();
    const [first, second] = desk.sent.splice(0);
    first?.answer({ kind: "refused", reason: "full" });
    await desk.settle();
    assert.ok(await isPending(promises[0] ?? Promise.resolve()), "nothing is known of the second");
    second?.answer({ kind: "refused", reason: "gap" });
    assert.deepEqual(await Promise.all(promises.map(fate)), [
      "KBZ_DISK_FULL none retryable",
      "KBZ_DISK_FULL none retryable",
    ]);
    assert.equal(desk.publishing.sequenceNext, 1);
    const later = desk.publishing.publish("later");
    await desk.settle();
    assert.deepEqual(desk.decide(), ["later"]);
    assert.equal(await fate(later), "1");
    assert.equal(desk.registrations, 1);
  });

  test("comes of a registration for which there is no room, until there is", async () => {
    let isFull = true;
    const desk = new Desk({
      register: async (nonce) => {
        await Promise.resolve();
        return isFull ? { kind: "refused", reason: "full" } : desk.table.register(nonce);
      },
    });
    const promises = ["a", "b"].map((entry) => desk.publishing.publish(entry));
    const fates = await Promise.all(promises.map(fate));
    assert.deepEqual(new Set(fates), new Set(["KBZ_DISK_FULL none retryable"]));
    isFull = false;
    const later = desk.publishing.publish("later");
    await desk.settle();
    desk.decide();
    assert.equal(await fate(later), "1");
  });

  test("is forestalled by a new registration after long idleness", async () => {
    const desk = new Desk();
    for (const index of ["1", "2"]) {
      const promise = desk.publishing.publish("x");
      await desk.settle();
      desk.decide();
      assert.equal(await fate(promise), index);
      desk.table.expire(Number(desk.publishing.publisher));
      desk.clock.pass(limits.publisherExpiryMs);
    }
    assert.equal(desk.registrations, 2);
  });
});

describe("an earlier publisher", () => {
  test("goes on with its sequence, without a new registration", async () => {
    const earlier = new Desk();
    const before = earlier.publishing.publishMany(["a", "b"]);
    await earlier.settle();
    earlier.decide();
    await before;
    const { publisher, sequenceNext } = earlier.publishing;
    assert.ok(publisher !== null);
    earlier.publishing.close();

    const later = new Desk({ resume: { publisher, sequenceNext } });
    assert.equal(later.publishing.publisher, publisher);
    const promise = later.publishing.publish("c");
    await later.settle();
    assert.equal(later.registrations, 0);
    for (const { submission, answer } of later.sent.splice(0)) {
      answer(earlier.table.apply(submission.batch));
    }
    assert.equal(await fate(promise), "3");
  });

  test("with numbers that are taken is told so", async () => {
    const desk = new Desk();
    const before = desk.publishing.publish("a");
    await desk.settle();
    desk.decide();
    await before;
    const wrong = new Desk({ resume: { publisher: "1", sequenceNext: 1 } });
    const promise = wrong.publishing.publish("other");
    await wrong.settle();
    wrong.answer({ kind: "conflict" });
    assert.equal(await fate(promise), "KBZ_PUBLISHER none retryable");
  });

  test("that cannot be is refused", () => {
    for (const publisher of ["", "0", "-1", "1e3", "x", "9".repeat(16)]) {
      assert.throws(() => new Desk({ resume: { publisher, sequenceNext: 1 } }), KibitzerError);
    }
    for (const sequenceNext of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => new Desk({ resume: { publisher: "1", sequenceNext } }), KibitzerError);
    }
  });
});

test("a broken invariant ends everything, and is told", async () => {
  const broken: unknown[] = [];
  const error = new Error("impossible");
  const desk = new Desk({
    play: () => {
      throw error;
    },
    broken: (cause) => broken.push(cause),
  });
  assert.equal(await fate(desk.publishing.publish("x")), "KBZ_INVARIANT none");
  assert.deepEqual(broken, [error]);
});

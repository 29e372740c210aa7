/** Entries published as neighbours: one batch, one promise, and what became of each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { limits } from "../../consensus/index.ts";
import { failureOf } from "./failure-of.ts";
import { Desk } from "./publishing-desk.ts";

describe("publishing many", () => {
  test("tells the first index, and they are one batch", async () => {
    const desk = new Desk();
    const single = desk.publishing.publish("x");
    const many = desk.publishing.publishMany(["a", "b", "c"]);
    const after = desk.publishing.publish("y");
    await desk.settle();
    assert.deepEqual(desk.decide(), ["x", "a", "b", "c", "y"]);
    assert.deepEqual(await Promise.all([single, many, after]), [
      { index: 1 },
      { index: 2 },
      { index: 5 },
    ]);
    await failureOf(desk.publishing.publishMany([]), { code: "KBZ_ARGUMENT", outcome: "none" });
    const tooMany = Array.from({ length: limits.batchEntriesMax + 1 }, () => "");
    await failureOf(desk.publishing.publishMany(tooMany), { code: "KBZ_TOO_LARGE" });
  });

  test("tells what the machine made of each", async () => {
    const results = [Uint8Array.of(1), null, "skipped", null] as const;
    const desk: Desk = new Desk({
      submit: (submission, body, told) => {
        told(results.slice(0, submission.batch.count));
        return new Promise((answer, reject) =>
          desk.sent.push({ submission, body, answer, reject }),
        );
      },
    });
    const one = desk.publishing.publish("a");
    const many = desk.publishing.publishMany(["b", "c"]);
    const none = desk.publishing.publishMany(["d"]);
    await desk.settle();
    desk.decide();
    const each = [{ index: 2 }, { index: 3, isSkipped: true }];
    assert.deepEqual(await one, { index: 1, result: Uint8Array.of(1) });
    assert.deepEqual(await many, { index: 2, each });
    assert.deepEqual(await none, { index: 4 });
  });

  test("that wait at the bounds takes them as they were given", async () => {
    const desk = new Desk({ bounds: { waitingEntriesMax: 1 } });
    const first = desk.publishing.publish("a");
    const array = ["b", "c"];
    const many = desk.publishing.publishMany(array);
    array.length = 0;
    await desk.settle();
    assert.deepEqual(desk.decide(), ["a", "b", "c"]);
    assert.deepEqual(await Promise.all([first, many]), [{ index: 1 }, { index: 2 }]);
  });
});

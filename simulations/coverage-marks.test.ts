/** Marks are hit, by the runs that they stand for, and a row of runs that misses one fails (H1). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { coverageMarks, missingMarks } from "./coverage-marks.ts";
import { Simulation } from "./simulation.ts";

const names = Object.keys(coverageMarks);

test("a mark that was never hit in 1,000 seeds is named (H1)", () => {
  const counts = new Map(names.map((mark) => [mark, 1]));
  assert.deepEqual(missingMarks(counts, 1000), []);
  counts.delete("learn.cutsTail");
  assert.deepEqual(missingMarks(counts, 1000), ["learn.cutsTail"]);
  assert.deepEqual(missingMarks(counts, 999), []);
});

test("two short runs hit many of them, and none that is not listed", async () => {
  const hit = new Set<string>();
  for (const seed of [13, 14]) {
    const { marks, failure } = await new Simulation(seed).run(3);
    assert.equal(failure, null, failure?.message);
    for (const mark of marks.keys()) hit.add(mark);
  }
  assert.deepEqual(
    [...hit].filter((mark) => !names.includes(mark)),
    [],
  );
  assert.ok(hit.size > names.length / 3, `${hit.size} of ${names.length}`);
});

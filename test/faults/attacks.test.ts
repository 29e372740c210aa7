/** The list of attacks itself: names, kinds of fault, and what the documentation says of them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../processes/child.ts";
import { attacks, cover, kindsOf } from "./attacks.ts";
import { rowsOf, summaryLine, summaryOf } from "./report.ts";
import type { Result } from "./attack.ts";

test("each attack has a name of its own, and says which faults it brings", () => {
  assert.equal(new Set(attacks.map(({ name }) => name)).size, attacks.length);
  for (const { name, faults, story } of attacks) {
    assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.ok(faults.length > 0 && faults.every((fault) => /^[NKXTOV]\d+$/.test(fault)), name);
    assert.match(story, /^[A-Z].*\.$/);
  }
});

test("the short form brings each kind of fault with few attacks, as the seed has it", () => {
  const seeds = ["1", "2", "3", "4", "5"];
  const covers = seeds.map((seed) => cover(attacks, seed));
  for (const chosen of covers) {
    assert.deepEqual(kindsOf(chosen), kindsOf(attacks));
    assert.ok(chosen.length < (attacks.length * 2) / 3, `${chosen.length} of ${attacks.length}`);
    assert.equal(new Set(chosen).size, chosen.length, "each attack once");
  }
  const names = covers.map((chosen) => chosen.map(({ name }) => name).join());
  assert.ok(new Set(names).size > 1, "the seed has a choice");
  assert.deepEqual(cover(attacks, "1"), covers[0], "the same seed, the same attacks");
});

test("docs/fault-tests.md lists every attack as it is", () => {
  const page = readFileSync(join(root, "docs/fault-tests.md"), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => /^\| `[a-z0-9-]+` /.test(line))
    .map((line) => line.split("|").slice(1, 4))
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "").trim()));
  assert.deepEqual(
    rows,
    attacks.map(({ name, faults, story }) => [name, faults.join(" "), story]),
  );
});

const good: Result = {
  attack: "one",
  faults: ["X1"],
  seed: "1",
  operations: 10,
  acknowledged: 8,
  reads: 1,
  unknown: 1,
  failed: 1,
  lost: 0,
  doubled: 0,
  gapMs: 100.4,
  linearizability: "linearizable",
  violations: [],
  fired: { killed: 1 },
  replayed: 5,
  seconds: 1,
  kept: null,
};

test("rounds of an attack are one row, and a bad one makes it bad", () => {
  const bad = { ...good, lost: 2, gapMs: 300, violations: ["lost"] };
  const [row, ...others] = rowsOf([good, bad]);
  assert.deepEqual(others, []);
  assert.deepEqual(row, {
    attack: "one",
    faults: ["X1"],
    rounds: 2,
    operations: 20,
    acknowledged: 16,
    reads: 2,
    unknown: 2,
    lost: 2,
    doubled: 0,
    gapMs: 300,
    failed: 1,
  });
});

test("the last line counts histories, what was lost, and what was done", () => {
  const bad: Result = { ...good, lost: 2, linearizability: "not linearizable", violations: ["x"] };
  const alone = summaryOf([good], 1);
  assert.match(
    summaryLine(alone),
    /^good: 1 attacks, 1 kinds of fault, 10 operations, 1 of 1 histories linearizable, 8 ack/,
  );
  const both = summaryOf([good, bad], 2);
  assert.match(
    summaryLine(both),
    /^BAD: 1 attacks in 2 rounds, .* 1 of 2 histories linearizable, .* 2 lost, .* 1 failed/,
  );
  assert.deepEqual(both.fired, { killed: 2 });
  assert.equal(both.replayed, 10);
});

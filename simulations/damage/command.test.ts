/** Samples of what `npm run damage` plays whole: flipped bytes, and entries damaged together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { second } from "../simulator.ts";
import { ByteFlips } from "./byte-flips.ts";
import { Prng } from "../prng.ts";
import { Combinations, combinationsCount } from "./combinations.ts";
import { DamageCases, drawCase, fateOf } from "./cases.ts";
import { company, stoppedDisks, textsAt } from "./stage.ts";
import { woundText } from "./wounded-text.ts";
import { RealFlips } from "./real-flips.ts";
import { objection, type Reopened } from "./reopening.ts";

test("a flipped byte is mended from the other nodes, or does no harm (G8, D7)", async () => {
  const flips = await ByteFlips.prepare();
  const all = flips.all();
  const chosen = all.filter(
    ({ path }, at) => at % 2003 === 0 || (!isLarge(path) && at % 197 === 0),
  );
  let mended = 0;
  for (const flip of chosen) {
    const result = await flips.play(flip);
    assert.ok(result.kind === "mended" || result.kind === "unnoticed", JSON.stringify(flip));
    if (result.kind === "mended") mended += 1;
  }
  assert.ok(mended > 20, `${mended} of ${chosen.length}`);
});

function isLarge(path: string): boolean {
  return path.includes("/segment-");
}

test("a flipped byte in the files of a real node is mended, or does no harm (G8, D7)", async () => {
  await using flips = await RealFlips.prepare();
  const prng = new Prng("sample");
  const counts = { mended: 0, unnoticed: 0 };
  for (let draw = 0; draw < 16; draw += 1) {
    const flip = flips.draw(prng);
    const result = await flips.play(flip);
    const told = JSON.stringify({ ...flip, ...result });
    assert.ok(result.kind === "mended" || result.kind === "unnoticed", told);
    counts[result.kind] += 1;
  }
  assert.ok(counts.mended > 4 && counts.unnoticed > 0, JSON.stringify(counts));
});

test("entries come back while each has a copy; else all say so (G8, K10, K11, D4)", async () => {
  const combinations = await Combinations.prepare();
  const counts = { whole: 0, stopped: 0 };
  for (let mask = 0; mask < combinationsCount; mask += 273) {
    counts[(await combinations.play(mask)).result] += 1;
  }
  assert.ok(counts.whole >= 3 && counts.stopped >= 1, JSON.stringify(counts));
});

test("drawn cases come back, or all say why not, as their draws foretell (G8, D4)", async () => {
  const cases = await DamageCases.prepare();
  const counts = { whole: 0, stopped: 0 };
  for (let draw = 1; draw <= 25; draw += 1) counts[await cases.play(drawCase(draw))] += 1;
  assert.ok(counts.whole > 7 && counts.stopped > 3, JSON.stringify(counts));
  const none = drawCase(1);
  const entries = [new Set([0, 1]), new Set<number>(), new Set<number>(), new Set([0, 1])];
  const pair = ["data/node", "data/node-2"];
  const files = pair.map((path) => ({ position: 0, path, isGone: false }));
  const damaged = { ...none, laggard: 2, entries, files: [] };
  // The laggard holds the first entry, and never had the last.
  assert.deepEqual([...fateOf(damaged).hopeless], [0, 1]);
  assert.deepEqual([...fateOf({ ...damaged, laggard: null }).hopeless], []);
  const { able, hopeless } = fateOf({ ...damaged, files });
  assert.deepEqual([able, [...hopeless]], [[1, 2], [1]]);
});

test("an entry that rots while its node starts comes back all the same (D4)", async () => {
  const texts = ["the first of two entries", "the second of two entries"];
  const disks = await stoppedDisks(texts);
  let rotten = 0;
  for (let operation = 5; operation <= 95; operation += 6) {
    const stage = company("rots while it starts");
    const { cluster, simulator } = stage;
    for (const [at, { disk }] of cluster.nodes.entries()) disk.restore(disks[at] ?? new Map());
    const [node] = cluster.nodes;
    assert.ok(node !== undefined);
    const { disk } = node;
    disk.onOperation = () => {
      if (disk.operations !== operation) return;
      woundText(disk, texts[operation % 2] ?? "");
      rotten += 1;
    };
    for (const each of cluster.nodes) cluster.start(each);
    const areReady = (): boolean => cluster.ready().length === 3;
    assert.ok(await simulator.run(simulator.now + 20 * second, areReady), `at ${operation}`);
    for (const each of cluster.nodes) assert.deepEqual(await textsAt(stage, each), texts);
  }
  assert.equal(rotten, 16);
});

test("whatever a start finds otherwise than it was is named", () => {
  const ballot = { government: 1, round: 1, id: "a" };
  const whole: Reopened = {
    id: "a",
    promised: ballot,
    accepted: ballot,
    decided: 2,
    stateHash: "00",
    first: 1,
    slots: ["1", "2"],
    isMended: false,
  };
  const low = { ...ballot, round: 0 };
  assert.equal(objection(whole, whole), null);
  assert.equal(objection({ ...whole, promised: low }, whole), "another promise");
  assert.equal(objection({ ...whole, accepted: low }, whole), "another ballot of the log");
  assert.equal(objection({ ...whole, slots: ["1", "3"] }, whole), "another slot 2");
  assert.equal(objection({ ...whole, slots: ["1"] }, whole), "a log of 1 slots");
  assert.equal(objection({ ...whole, decided: 1 }, whole), "decided up to 1");
});

/** Samples of what `npm run damage` plays whole: flipped bytes, and entries damaged together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteFlips } from "./byte-flips.ts";
import { Combinations, combinationsCount } from "./combinations.ts";
import { objection, type Reopened } from "./reopening.ts";

test("a flipped byte is mended from the other nodes, or does no harm (G8, D7)", async () => {
  const flips = await ByteFlips.prepare();
  const all = flips.all();
  const chosen = all.filter(({ path }, at) => at % 1009 === 0 || (!isLarge(path) && at % 97 === 0));
  let mended = 0;
  for (const flip of chosen) {
    const result = await flips.play(flip);
    assert.ok(result.kind === "mended" || result.kind === "unnoticed", JSON.stringify(flip));
    if (result.kind === "mended") mended += 1;
  }
  assert.ok(mended > 40, `${mended} of ${chosen.length}`);
});

function isLarge(path: string): boolean {
  return path.includes("/segment-");
}

test("entries come back while each has a copy; else all say so (G8, K10, K11, D4)", async () => {
  const combinations = await Combinations.prepare();
  const counts = { whole: 0, stopped: 0 };
  for (let mask = 0; mask < combinationsCount; mask += 273) {
    counts[(await combinations.play(mask)).result] += 1;
  }
  assert.ok(counts.whole >= 3 && counts.stopped >= 1, JSON.stringify(counts));
});

test("whatever a start finds otherwise than it was is named", () => {
  const ballot = { government: 1, round: 1, id: "a" };
  const whole: Reopened = {
    id: "a",
    promised: ballot,
    accepted: ballot,
    decided: 2,
    stateHash: "00",
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

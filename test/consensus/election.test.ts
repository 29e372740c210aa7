/** When a member takes over, and when it leaves well alone; everybody else is the test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeatedMember } from "./seated-member.ts";

const leading = { government: 2, round: 1, id: "a" } as const;
const silenceRounds = 8;

test("who finds its peers silent one after the other does not depose the leader", () => {
  const member = new SeatedMember("b");
  for (let round = 0; round < 6; round += 1) member.round(["a", "c"], { leading });
  // One more answer of c than of a came through before b was cut off.
  member.round(["c"]);
  for (let round = 0; round < 2 * silenceRounds; round += 1) {
    member.round([]);
    assert.equal(member.legislator.role, "follower", `${round} rounds after the cut`);
  }
  member.round(["a", "c"], { leading });
  assert.equal(member.legislator.role, "follower", "and it comes back as one");
});

test("who hears a majority, but its leader no more, takes over", () => {
  const member = new SeatedMember("b");
  for (let round = 0; round < 6; round += 1) member.round(["a", "c"], { leading });
  for (let round = 1; round < silenceRounds; round += 1) member.round(["c"]);
  assert.equal(member.legislator.role, "follower", "silence takes its time");
  member.round(["c"]);
  assert.equal(member.legislator.role, "candidate");
});

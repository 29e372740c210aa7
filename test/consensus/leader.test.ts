/** What a leader sends its followers, and when; everybody else is the test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../consensus/limits.ts";
import type { Outcome } from "../../consensus/outcome.ts";
import { batch, SeatedMember } from "./seated-member.ts";

/** How many decrees are in each `accept` to `b`. */
function accepts(sent: Outcome["send"]): readonly number[] {
  return sent.flatMap(({ to, message }) =>
    to === "b" && message.kind === "accept" ? [message.decrees.length] : [],
  );
}

/** A leader whose followers answer nothing, with as many proposals under way as there may be. */
function busyLeader(): SeatedMember {
  const leader = new SeatedMember();
  leader.lead();
  for (let sequence = 1; sequence <= limits.burstsInFlightMax; sequence += 1) {
    const { sent } = leader.step({ kind: "enqueue", value: batch(sequence) });
    assert.deepEqual(accepts(sent), [1], "what finds room waits for nobody");
  }
  return leader;
}

test("what comes while many proposals are under way goes together, once one is decided", () => {
  const leader = busyLeader();
  const first = limits.burstsInFlightMax + 1;
  for (let sequence = first; sequence < first + 20; sequence += 1) {
    const { sent } = leader.step({ kind: "enqueue", value: batch(sequence) });
    assert.deepEqual(accepts(sent), []);
  }
  const { promised: ballot, length } = leader.legislator.view();
  const sent = leader.receive("b", { kind: "accepted", ballot, length: length - 7 });
  assert.deepEqual(accepts(sent), [20]);
  leader.decideAll();
  assert.equal(leader.legislator.view().decided, length + 20);
});

test("what is large enough by itself waits for no company", () => {
  const leader = busyLeader();
  const sequence = limits.burstsInFlightMax + 1;
  const large = { ...batch(sequence), size: limits.burstBytesEnough };
  assert.deepEqual(accepts(leader.step({ kind: "enqueue", value: large }).sent), [1]);
});

test("what waits for company goes in time, even where nothing else comes", () => {
  const leader = busyLeader();
  const { outcome, sent } = leader.step({
    kind: "enqueue",
    value: batch(limits.burstsInFlightMax + 1),
  });
  assert.deepEqual(accepts(sent), []);
  const due = leader.now + limits.burstTicksMax;
  assert.equal(outcome.deadline, due);
  leader.now = due;
  const later = leader.step({ kind: "event", jitter: 0 });
  assert.deepEqual(accepts(later.sent), [1]);
  assert.ok((later.outcome.deadline ?? 0) > due, "nothing waits for company any more");
});

/** When a member takes over, and when it leaves well alone; everybody else is the test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeatedMember } from "./seated-member.ts";

const leading = { government: 2, round: 1, id: "a" } as const;
const silenceRounds = 8;

/** Whom the pings of a round would have lead. */
function choiceIn(sent: ReturnType<SeatedMember["round"]>): string | undefined {
  const ping = sent.find(({ message }) => message.kind === "ping")?.message;
  return ping?.kind === "ping" ? (ping.report.chooses ?? undefined) : undefined;
}

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

test("who hears a majority, but its leader no more, takes over with the voice of another", () => {
  const member = new SeatedMember("c");
  for (let round = 0; round < 6; round += 1) member.round(["a", "b"], { leading });
  for (let round = 1; round < silenceRounds; round += 1) member.round(["b"]);
  assert.equal(member.legislator.role, "follower", "silence takes its time");
  member.round(["b"], { chooses: "c" });
  assert.equal(member.legislator.role, "candidate");
});

test("whom the others do not choose leaves it to their choice, but not for ever", () => {
  const member = new SeatedMember("b");
  for (let round = 0; round < 6; round += 1) member.round(["a", "c"], { leading });
  for (let round = 0; round < silenceRounds; round += 1) member.round(["c"], { chooses: "c" });
  let waited = 0;
  for (; member.legislator.role === "follower"; waited += 1) {
    assert.ok(waited <= silenceRounds, "c does not come");
    member.round(["c"], { chooses: "c" });
  }
  assert.ok(waited > 2, `c has time to come: ${waited} rounds`);
});

test("a choice stands for a while, though a better one appears", () => {
  const member = new SeatedMember("b");
  const length = member.legislator.republic.slot;
  for (let round = 0; round < 6; round += 1) member.round(["a"], { leading });
  for (let round = 0; round < silenceRounds - 1; round += 1) member.round([]);
  // A shorter log than b's own: b would have itself lead, but has not c's voice.
  member.round(["c"], { length: length - 1, decided: length - 1 });
  const report = member.report({ length: length + 1 });
  member.receive("c", { kind: "ping", round: 1, report, answer: null });
  assert.equal(choiceIn(member.round(["c"], { length: length + 1 })), "b", "just chosen");
  assert.equal(choiceIn(member.round(["c"], { length: length + 1 })), "c", "and not for ever");
});

/** Whom it pings when a round begins, of which `c` answers. */
function asked(member: SeatedMember): readonly string[] {
  const sent = member.round(["c"], { leading });
  return sent.flatMap(({ to, message }) => (message.kind === "ping" ? [to] : []));
}

test("of two that hear each other the lower id asks, and the other when that stays away", () => {
  const member = new SeatedMember("b");
  for (let round = 0; round < 3; round += 1) member.round(["a", "c"], { leading });
  const report = member.report({ leading });
  for (const from of ["a", "c"]) {
    const sent = member.receive(from, { kind: "ping", round: 7, report, answer: null });
    const answers = sent.map(({ to, message }) => [to, message.kind]);
    assert.deepEqual(answers, [[from, "pong"]]);
  }
  assert.deepEqual(asked(member), ["c"], "a has asked, and the id of c is higher");
  assert.deepEqual(asked(member), ["a", "c"], "a asks no more");
});

test("who has no seat asks its leader every round, other seats every third meanwhile", () => {
  const member = new SeatedMember("spare");
  const pings = (answering: readonly string[], rounds: number): Record<string, number> => {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let round = 0; round < rounds; round += 1) {
      for (const { to, message } of member.round(answering, { leading })) {
        if (message.kind === "ping") counts[to] = (counts[to] ?? 0) + 1;
      }
    }
    return counts;
  };
  pings(["a", "b", "c"], 6);
  assert.deepEqual(pings(["a", "b", "c"], 30), { a: 30, b: 10, c: 10 });
  pings(["b", "c"], silenceRounds / 2 + 1);
  assert.deepEqual(pings(["b", "c"], 10), { a: 10, b: 10, c: 10 }, "a is silent");
});

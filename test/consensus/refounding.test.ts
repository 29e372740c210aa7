/** A republic that goes on under another identity: what stays, who leaves, who may learn of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Decree, Refounding, Value } from "../../consensus/decree.ts";
import { Legislator } from "../../consensus/legislator.ts";
import { ballotZero } from "../../consensus/identifiers.ts";
import { limits } from "../../consensus/limits.ts";
import type { Outcome } from "../../consensus/outcome.ts";
import { emptyRepublic, Republic } from "../../consensus/republic.ts";
import { batch, cookieOf, decreesAfter, publisher, SeatedMember } from "./seated-member.ts";

const before = { name: "r", identity: cookieOf("e") };
const after = { name: "r", identity: cookieOf("f00d") };

function citizen(id: string, cookie: string): Refounding["founder"] {
  return { id, cookie, url: `memory:${id}`, properties: {} };
}

function refounding(government: number, republic = after): Refounding {
  const founder = citizen("a", cookieOf("a2"));
  return { kind: "refounding", cause: "recovered", republic, founder, government };
}

const born: readonly Value[] = [
  { kind: "bootstrap", republic: before, founder: citizen("a", cookieOf("a")), parliamentSize: 3 },
  { kind: "admission", citizen: citizen("b", cookieOf("b")) },
  { kind: "succession", government: 2, parliament: ["a", "b"], leader: "a", leaving: [] },
];

function fold(values: readonly Value[], from = new Republic(emptyRepublic())): Republic {
  for (const decree of decreesAfter(from, values)) from.apply(decree);
  return from;
}

/** A node that was admitted with this cookie by a republic of that identity. */
class Newcomer {
  readonly legislator = new Legislator(
    {
      id: "b",
      cookie: cookieOf("b2"),
      starts: 1,
      pingTicks: 50,
      silenceTicks: 400,
      stallTicks: 9,
      replaceTicks: null,
    },
    {
      promised: ballotZero,
      accepted: ballotZero,
      republic: emptyRepublic(),
      decrees: [],
      lostUpTo: 0,
      heard: [],
      writeLast: 0,
    },
  );

  constructor(republic: Refounding["republic"]) {
    const contacts = [citizen("a", cookieOf("a2"))];
    this.legislator.step({ kind: "join", republic, contacts, now: 0, when: 0 });
  }

  learn(decrees: readonly Decree[]): Outcome {
    // Only of whom it has asked.
    const fetches = this.legislator.step({ kind: "event", jitter: 0, now: 50, when: 0 });
    assert.ok(fetches.send.length > 0);
    const report = new SeatedMember().report({ decided: 99 });
    const answer = { starts: 1, round: 1, heard: null };
    const pong = { kind: "pong", round: 1, report, answer } as const;
    const asked = { kind: "receive", from: "a", cookie: cookieOf("a2"), now: 50, when: 0 } as const;
    this.legislator.step({ ...asked, message: pong });
    for (let now = 100; now <= 200; now += 50) {
      this.legislator.step({ kind: "event", jitter: 0, now, when: 0 });
    }
    const message = { kind: "learn", decrees, decided: decrees.length } as const;
    return this.legislator.step({ ...asked, now: 200, message });
  }
}

describe("a republic that was refounded", () => {
  test("goes on with its indexes, its time and its publishers, under a new identity", () => {
    const old = new SeatedMember("a", [batch(1), batch(2)]).legislator.republic.state();
    const republic = fold([refounding(3)], new Republic(old));
    assert.deepEqual(republic.identity, after);
    assert.equal(republic.index, 2);
    assert.equal(republic.time, old.time);
    assert.deepEqual(republic.state().publishers, old.publishers);
    assert.deepEqual(republic.outcomeOf(batch(2)), { kind: "duplicate", index: 2 });
    assert.equal(republic.outcomeOf(batch(3)), null);
    assert.deepEqual(republic.refounded, [
      { cause: "recovered", slot: old.slot + 1, when: 0, before },
    ]);
  });

  test("has its founder as its only member, and nobody of before ever comes back", () => {
    const republic = fold([...born, refounding(7)]);
    const { government } = republic;
    assert.deepEqual(government, {
      number: 7,
      parliament: ["a"],
      leader: "a",
      leaving: [],
      slot: 4,
    });
    assert.deepEqual(
      republic.members.map(({ id, cookie }) => [id, cookie]),
      [["a", cookieOf("a2")]],
    );
    for (const id of ["a", "b"]) assert.equal(republic.departed(id, cookieOf(id))?.slot, 4);
    fold([{ kind: "admission", citizen: citizen("b", cookieOf("b")) }], republic);
    assert.equal(republic.member("b"), null);
    fold([{ kind: "admission", citizen: citizen("b", cookieOf("b2")) }], republic);
    assert.equal(republic.member("b")?.cookie, cookieOf("b2"));
  });

  test("remembers the latest of many refoundings, and is the same after a checkpoint", () => {
    const republic = fold(born);
    for (let government = 3; government < 20; government += 1) {
      const identity = government.toString(16).padStart(16, "0");
      fold([refounding(government, { name: "r", identity })], republic);
    }
    assert.equal(republic.refounded.length, limits.refoundedKept);
    assert.equal(republic.refounded.at(-1)?.before.identity, cookieOf("12"));
    const again = new Republic(structuredClone(republic.state()));
    assert.deepEqual(again.refounded, republic.refounded);
    const next: Value = { kind: "opening" };
    assert.equal(fold([next], again).stateHash, fold([next], republic).stateHash);
  });
});

describe("who learns of a refounding", () => {
  const history = [
    ...born,
    refounding(3),
    { kind: "admission", citizen: citizen("b", cookieOf("b2")) } as const,
  ];

  test("is a newcomer, through all that was decided before", () => {
    const newcomer = new Newcomer(after);
    const { halt } = newcomer.learn(decreesAfter(new Republic(emptyRepublic()), history));
    const { republic } = newcomer.legislator;
    assert.equal(halt, null);
    assert.equal(republic.slot, 5);
    assert.deepEqual(republic.identity, after);
    assert.equal(republic.member("b")?.cookie, cookieOf("b2"));
  });

  test("is nobody whom another republic has admitted (M5)", () => {
    const newcomer = new Newcomer({ name: "r", identity: cookieOf("d1ff") });
    const decrees = decreesAfter(new Republic(emptyRepublic()), history);
    assert.throws(() => newcomer.learn(decrees), /admitted by the republic that it joins/);
  });

  test("is no member of the republic that ended, whoever tells it (M5)", () => {
    const node = new SeatedMember();
    const { republic } = node.legislator;
    const { slot } = republic;
    const { government } = republic;
    const [decree] = decreesAfter(republic, [refounding((government?.number ?? 0) + 1)]);
    assert.ok(decree);
    node.receive("b", { kind: "learn", decrees: [decree], decided: slot + 1 });
    const ballot = { government: government?.number ?? 0, round: 9, id: "b" };
    const { hash } = republic;
    const decided = slot + 1;
    const synchronize = { kind: "synchronize", ballot, slotFirst: slot + 1 } as const;
    node.receive("b", { ...synchronize, hashBefore: hash, decrees: [decree], decided });
    node.receive("b", { kind: "accept", ballot, decrees: [decree], decided });
    assert.equal(republic.slot, slot);
    assert.deepEqual(republic.identity, before);
    assert.equal(node.legislator.view().length, slot);
    assert.equal(republic.outcomeOf({ ...batch(1), publisher })?.kind ?? "next", "next");
  });

  test("is told no lower government, and no first decree, as one", () => {
    for (const values of [[...born, refounding(2)], [refounding(2)]]) {
      const newcomer = new Newcomer(after);
      newcomer.learn(decreesAfter(new Republic(emptyRepublic()), values));
      assert.notDeepEqual(newcomer.legislator.republic.identity, after);
    }
  });
});

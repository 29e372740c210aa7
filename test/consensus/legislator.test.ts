/** A legislator against messages that only a hostile or unlucky network brings. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ballotZero } from "../../consensus/identifiers.ts";
import { Legislator } from "../../consensus/legislator.ts";
import type { Message } from "../../consensus/messages.ts";
import type { Plain } from "../../consensus/plain.ts";
import { batch, cookieOf, decreesAfter, pongTo, SeatedMember } from "./seated-member.ts";

describe("a leader that learns what another ballot chose", () => {
  test("leads no longer, so that one ballot never has two values in one slot", () => {
    const node = new SeatedMember();
    node.lead();
    assert.equal(node.legislator.role, "leading");
    const { slot, hash } = node.legislator.republic;
    node.step({ kind: "enqueue", value: batch(1) });
    node.step({ kind: "enqueue", value: batch(2) });
    const learned = decreesAfter({ slot, hash }, [{ kind: "opening" }]);
    node.receive("c", { kind: "learn", decrees: learned, decided: slot + 1 });
    assert.deepEqual(node.applied.at(-1), learned[0]);
    assert.equal(node.legislator.role, "follower");
    node.step({ kind: "enqueue", value: batch(3) });
    assert.equal(node.legislator.view().length, slot + 1);
  });
});

describe("strangers", () => {
  test("leave nothing behind, raise no ballot and stop no node", () => {
    const node = new SeatedMember();
    const before = JSON.stringify(node.legislator.checkpoint()).length;
    const high = { government: 2, round: 2 ** 52, id: "x9" };
    for (let at = 0; at < 100; at += 1) {
      const from = `x${at}`;
      const report = node.report({ promised: high, leading: high, decided: 2 ** 52, starts: 7 });
      const heard = { id: "a", cookie: cookieOf("a"), starts: 9, promised: high, accepted: high };
      const answer = { starts: 1, round: 0, heard: { ...heard, length: 99 } };
      node.receive(from, { kind: "pong", round: 0, report, answer });
      node.receive(from, { kind: "ping", round: 0, report, answer });
    }
    assert.equal(node.halted, null);
    assert.ok(JSON.stringify(node.legislator.checkpoint()).length < before + 500);
    node.lead();
    assert.equal(node.legislator.role, "leading");
    assert.ok(node.legislator.view().promised.round < 10);
  });

  test("break no invariant by a log that nobody could have decided", () => {
    const node = new SeatedMember();
    node.lead();
    const before = node.legislator.republic.slot;
    const republic = node.legislator.republic;
    for (const from of ["x1", "b"]) {
      for (const value of [
        { kind: "succession", government: 9, parliament: ["b"], leader: "b", leaving: [] },
        {
          kind: "bootstrap",
          republic: { name: "r", identity: cookieOf("e") },
          founder: { id: "b", cookie: cookieOf("b"), url: "memory:b", properties: {} },
          parliamentSize: 3,
        },
      ] as const) {
        const decrees = decreesAfter(republic, [value]);
        node.receive(from, { kind: "learn", decrees, decided: republic.slot + 1 });
      }
    }
    assert.equal(node.legislator.republic.slot, before);
  });
});

describe("a member that comes back under a new cookie", () => {
  test("is heard, though it counts its starts from one again", () => {
    const node = new SeatedMember();
    node.lead();
    node.round(["b", "c", "spare"], { starts: 5 });
    node.step({ kind: "exile", id: "spare" });
    node.decideAll();
    assert.equal(node.legislator.republic.member("spare"), null);
    const citizen = { id: "spare", cookie: cookieOf("9"), url: "memory:s", properties: {} };
    node.step({ kind: "immigrate", citizen });
    node.decideAll();
    assert.equal(node.legislator.republic.member("spare")?.cookie, cookieOf("9"));
    // The checkpoint shows what is remembered of it.
    node.receive(
      "spare",
      { kind: "ping", round: 1, report: node.report({ starts: 1 }), answer: null },
      cookieOf("9"),
    );
    const checkpoint = JSON.stringify(node.legislator.checkpoint());
    const remembered = checkpoint.slice(checkpoint.indexOf('["spare",{"report":')).split("]]")[0];
    assert.match(remembered ?? "", /"starts":1\b/);
  });
});

describe("another batch under numbers that are under way", () => {
  test("is not answered for by the first", () => {
    const node = new SeatedMember();
    node.lead();
    const first = node.step({ kind: "enqueue", value: batch(1, 1) }).outcome.reply;
    assert.deepEqual(first, { kind: "enqueued" });
    const again = node.step({ kind: "enqueue", value: batch(1, 1) }).outcome.reply;
    assert.deepEqual(again, { kind: "enqueued" });
    const other = node.step({ kind: "enqueue", value: batch(1, 2) }).outcome.reply;
    assert.deepEqual(other, { kind: "refused", reason: "busy", leader: "a" });
  });
});

describe("a disk for which nobody has vouched", () => {
  test("confirms no leader", () => {
    const node = new SeatedMember();
    const ballot = { ...ballotZero, government: 2, round: 1, id: "b" };
    const sent = node.receive("b", { kind: "confirm", ballot, round: 1 });
    assert.deepEqual(sent, []);
  });
});

/** A node that learns two more slots, and then hears from `b` that this was known of its log. */
function haltOf(heard: { readonly starts: number; readonly length: number }) {
  const node = new SeatedMember();
  const ping = node.round([]).find(({ message }) => message.kind === "ping")?.message;
  assert.ok(ping?.kind === "ping");
  assert.equal(ping.report.decided, 7);
  const decrees = decreesAfter(node.legislator.republic, [{ kind: "opening" }, batch(1)]);
  const report = node.report({ decided: 9, length: 9 });
  node.receive("b", { kind: "ping", round: 1, report, answer: null });
  node.receive("b", { kind: "learn", decrees, decided: 9 });
  assert.equal(node.legislator.view().decided, 9);
  const known = { id: "a", cookie: cookieOf("a"), promised: ballotZero, accepted: ballotZero };
  node.receive("b", pongTo(ping, node.report(), { ...known, ...heard }));
  return node.halted;
}

describe("a disk that has forgotten what peers heard of it", () => {
  test("is noticed, though all of it was learned again before the first peer tells", () => {
    const stale = { kind: "staleDisk", peer: "b" };
    assert.deepEqual(haltOf({ starts: 0, length: 8 }), stale);
    assert.deepEqual(haltOf({ starts: 0, length: 9 }), stale);
    assert.deepEqual(haltOf({ starts: 1, length: 9 }), stale, "more than this life has told");
  });

  test("is not what it was told that holds all that was heard", () => {
    assert.equal(haltOf({ starts: 0, length: 7 }), null);
    assert.equal(haltOf({ starts: 1, length: 7 }), null);
  });
});

describe("a member whose disk holds its own exile", () => {
  const exile = { kind: "exile", id: "spare", cookie: cookieOf("spare") } as const;

  test("halts as soon as it starts again", () => {
    const node = new SeatedMember("spare", [exile]);
    node.step({ kind: "event", jitter: 0 });
    assert.deepEqual(node.halted, { kind: "exiled", slot: 8 });
  });

  test("halts no one else, nor who joined under its id since", () => {
    const next = { id: "spare", cookie: cookieOf("f"), url: "memory:spare", properties: {} };
    const node = new SeatedMember("a", [exile, { kind: "admission", citizen: next }]);
    node.step({ kind: "event", jitter: 0 });
    assert.equal(node.halted, null);
    node.lead();
    assert.equal(node.legislator.role, "leading");
  });
});

describe("a node that halted", () => {
  test("stays halted when it is restored from a checkpoint", () => {
    const node = new SeatedMember();
    const ping = node.round([]).find(({ message }) => message.kind === "ping")?.message;
    assert.ok(ping?.kind === "ping");
    const later = { ...ballotZero, government: 2, round: 9, id: "a" };
    const heard = { id: "a", cookie: cookieOf("a"), starts: 1, promised: later, accepted: later };
    node.receive("b", pongTo(ping, node.report(), { ...heard, length: 0 }));
    const halt = { kind: "staleDisk", peer: "b" };
    assert.deepEqual(node.halted, halt);

    const plain: Plain = JSON.parse(JSON.stringify(node.legislator.checkpoint()));
    const restored = Legislator.restore(plain);
    const outcome = restored.step({ kind: "event", now: node.now + 50, when: 0, jitter: 0 });
    assert.deepEqual(outcome.halt, halt);
    assert.deepEqual(outcome.send, []);
    assert.equal(outcome.deadline, null);
  });
});

describe("a disk that holds another past than all others", () => {
  test("is noticed where nothing is decided any more", () => {
    const node = new SeatedMember();
    node.round(["b", "c"], { stateHash: cookieOf("abc") });
    node.round(["b", "c"], { stateHash: cookieOf("abc") });
    assert.deepEqual(node.halted, { kind: "diverged", slot: 7, peers: ["b", "c"] });
  });

  test("is not what a member is told that agrees", () => {
    const node = new SeatedMember();
    node.round(["b", "c"]);
    node.round(["b", "c"]);
    assert.equal(node.halted, null);
  });
});

function oldPing(node: SeatedMember): Message {
  const report = node.report({ decided: 7, length: 7 });
  return { kind: "ping", round: 1, report, answer: null };
}

function fetch(slotFirst: number): Message {
  return { kind: "fetch", slotFirst, follow: true };
}

describe("an exiled incarnation whose id another has by now", () => {
  const exiled = { kind: "exile", id: "spare", cookie: cookieOf("spare") } as const;
  const next = { id: "spare", cookie: cookieOf("f"), url: "memory:spare", properties: {} };
  const admission = { kind: "admission", citizen: next } as const;

  test("is told how far the log is, and sent what it fetches, but for its exile nothing", () => {
    const node = new SeatedMember("a", [exiled, admission]);
    const told = node.receive("spare", oldPing(node));
    const ahead = { kind: "ahead", government: 2, decided: 9 };
    assert.deepEqual(
      told.map(({ to, message }) => ({ to, message })),
      [{ to: "spare", message: ahead }],
    );
    const receive = { kind: "receive", from: "spare", cookie: cookieOf("spare") } as const;
    const { outcome } = node.step({ ...receive, message: fetch(8) });
    assert.deepEqual(outcome.sendSlots, [{ to: "spare", slotFirst: 8, slotLast: 9, decided: 9 }]);
  });

  test("takes nothing from who waits under its id", () => {
    const node = new SeatedMember("a", [exiled, admission]);
    node.receive("spare", fetch(10), next.cookie);
    node.receive("spare", fetch(8));
    node.receive("spare", fetch(10));
    node.lead();
    assert.equal(node.legislator.republic.slot, 10);
    const late = node.step({
      kind: "receive",
      from: "spare",
      cookie: next.cookie,
      message: fetch(10),
    });
    assert.equal(late.outcome.sendSlots.length, 1);
  });

  test("halts when it has learned that", () => {
    const node = new SeatedMember("spare");
    const before = node.legislator.republic;
    const [first] = node.receive("b", { kind: "ahead", government: 2, decided: 9 });
    assert.deepEqual(first?.message, { kind: "fetch", slotFirst: 8, follow: true });
    const decrees = decreesAfter(before, [exiled, admission]);
    node.receive("b", { kind: "learn", decrees, decided: 9 });
    assert.deepEqual(node.halted, { kind: "exiled", slot: 8 });
  });

  test("is no other stranger", () => {
    const node = new SeatedMember("a", [exiled, admission]);
    assert.deepEqual(node.receive("spare", oldPing(node), cookieOf("x")), []);
    assert.deepEqual(node.receive("c", oldPing(node), cookieOf("x")), []);
  });
});

/** What a candidate is answered by who had one pong in this life, which tells of `cookie`. */
function answered(cookie: string): readonly string[] {
  const node = new SeatedMember();
  const [ping] = node.round([]).flatMap(({ message }) => {
    return message.kind === "ping" ? [message] : [];
  });
  assert.ok(ping !== undefined);
  const none = { promised: ballotZero, accepted: ballotZero, length: 0 };
  const heard = { id: "a", cookie, starts: 1, ...none };
  node.receive("b", pongTo(ping, node.report(), heard));
  const ballot = { ...ballotZero, government: 2, round: 1, id: "c" };
  const holds = { accepted: ballotZero, length: 7, decided: 7 };
  const sent = node.receive("c", { kind: "prepare", ballot, ...holds });
  return sent.map(({ message }) => message.kind);
}

test("a pong that was meant for another incarnation vouches for nobody's disk", () => {
  assert.deepEqual(answered(cookieOf("a")), ["promised"]);
  assert.deepEqual(answered(cookieOf("9")), []);
});

test("a stop-sign behind an exile does not name who is gone: its id may come again", () => {
  const exiled = { kind: "exile", id: "spare", cookie: cookieOf("spare") } as const;
  const leaving = ["c", "spare"];
  const member = new SeatedMember("a", [
    exiled,
    { kind: "succession", government: 3, parliament: ["a", "b"], leader: "a", leaving },
  ]);
  assert.deepEqual(member.legislator.republic.government?.leaving, ["c"]);
});

test("who comes late is sent what continues what it has decided, whatever more it holds", () => {
  const leader = new SeatedMember();
  const { decided } = leader.legislator.view();
  const ballot = leader.lead();
  leader.step({ kind: "enqueue", value: { kind: "registration", nonce: cookieOf("9") } });
  leader.decideAll();
  // The opening came to c, but not that it is decided.
  const { outcome } = leader.step({
    kind: "receive",
    from: "c",
    cookie: cookieOf("c"),
    message: {
      kind: "promised",
      ballot,
      accepted: ballot,
      length: decided + 1,
      intact: decided + 1,
      decided,
      decrees: [],
    },
  });
  assert.deepEqual(outcome.sendSlots, [
    { to: "c", slotFirst: decided + 1, slotLast: decided + 2, decided: decided + 2 },
  ]);
});

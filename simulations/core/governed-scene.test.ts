/**
 * The checker can fail, for what takes a parliament of several (H3): hand-made votes and proposals
 * of three nodes that hold one log, each of which breaks one invariant.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ballotZero,
  hashDecree,
  hashZero,
  InvariantViolation,
  type Ballot,
  type Decree,
  type LegislatorInput,
  type Message,
  type Outcome,
  type Value,
  type Write,
} from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import { BarrierRounds } from "./barrier-rounds.ts";
import { CoreNode, clockwork } from "./core-node.ts";
import { Invariants } from "./invariants.ts";
import { beforeOutdated, checkOutdated } from "./outdated.ts";
import { quiet } from "./quiet-outcome.ts";
import { Recorder } from "./recorder.ts";
import { Violation } from "./violation.ts";

const prng = new Prng("governed");
const ballot = (government: number, round: number, id: string): Ballot => {
  return { government, round, id };
};
const event: LegislatorInput = { kind: "event", jitter: 0, now: 5, when: 0 };

function breaks(invariant: string, action: () => void): void {
  assert.throws(action, (error) => error instanceof Violation && error.invariant === invariant);
}

/** `values` as decrees behind `before`. */
function decreesAfter(before: readonly Decree[], values: readonly Value[]): readonly Decree[] {
  let hash = before.at(-1)?.hash ?? hashZero;
  return values.map((value, at) => {
    const unhashed = { slot: before.length + 1 + at, time: 0, when: 0, value };
    hash = hashDecree(hash, unhashed);
    return { ...unhashed, hash };
  });
}

/** A founds, and a, b and c are the second government, whose stop-sign a alone has decided. */
class Scene {
  readonly invariants = new Invariants();
  readonly a = new CoreNode("a", prng.fork("a"));
  readonly b = new CoreNode("b", prng.fork("b"));
  readonly c = new CoreNode("c", prng.fork("c"));
  readonly log: readonly Decree[];
  readonly #numbers = new Map<CoreNode, number>();

  constructor(government = 2) {
    const republic = { name: "scene", identity: "0".repeat(16) };
    const parliament = ["a", "b", "c"];
    this.log = decreesAfter(
      [],
      [
        { kind: "bootstrap", republic, founder: this.a.citizen, parliamentSize: 3 },
        { kind: "admission", citizen: this.b.citizen },
        { kind: "admission", citizen: this.c.citizen },
        { kind: "succession", government, parliament, leader: "a", leaving: [] },
      ],
    );
    for (const node of [this.a, this.b, this.c]) {
      this.invariants.onStart(node, node.disk.recover());
    }
    const ballots = { promised: ballot(1, 1, "a"), accepted: ballot(1, 1, "a") };
    // The government may change once its ballot has decided something.
    this.write(this.a, { ...ballots, decrees: this.log.slice(0, 3) });
    this.harden(this.a);
    this.write(this.a, { accepted: ballots.accepted, decrees: this.log.slice(3), slotFirst: 4 });
    this.harden(this.a);
  }

  write(node: CoreNode, fields: Partial<Write>, isThere?: (id: string) => boolean): void {
    const number = (this.#numbers.get(node) ?? 0) + 1;
    this.#numbers.set(node, number);
    const nothing = { promised: null, accepted: ballotZero, decrees: [], decided: 0, heard: null };
    const one: Write = { number, slotFirst: 1, lostUpTo: 0, ...nothing, ...fields };
    node.disk.append(one);
    this.invariants.onWritten(node, one, isThere);
  }

  harden(node: CoreNode): void {
    const one = node.disk.harden();
    if (one !== null) this.invariants.onDurable(node, one, true);
  }

  /** `node` durably promises, and holds `log`. */
  hold(node: CoreNode, promised: Ballot, log: readonly Decree[]): void {
    const slotFirst = node.disk.written.log.length + 1;
    const decrees = log.slice(slotFirst - 1);
    const accepted = decrees.length > 0 ? promised : node.disk.written.accepted;
    this.write(node, { promised, accepted, slotFirst, decrees });
    this.harden(node);
  }

  send(node: CoreNode, message: Message): void {
    const send = [{ to: "z", lane: "control", message }] as const;
    this.invariants.onOutcome(node, event, { ...quiet, send });
  }

  promise(node: CoreNode, to: Ballot): void {
    const { accepted, log } = node.disk.durable;
    const { length } = log;
    const held = { accepted, length, intact: length, decided: 4, decrees: log.slice(4) };
    this.send(node, { kind: "promised", ballot: to, ...held });
  }

  propose(node: CoreNode, to: Ballot, decrees: readonly Decree[]): void {
    this.send(node, { kind: "accept", ballot: to, decrees, decided: 4 });
  }

  next(nonce = "1"): readonly Decree[] {
    const value = { kind: "registration", nonce: nonce.repeat(16) } as const;
    return decreesAfter(this.log, [value]);
  }
}

test("a government of three, promises of two, a proposal and a vote break nothing", () => {
  const scene = new Scene();
  const [leading, next] = [ballot(2, 1, "a"), scene.next()];
  scene.hold(scene.b, leading, scene.log);
  scene.hold(scene.a, leading, scene.log);
  scene.promise(scene.b, leading);
  scene.hold(scene.a, leading, [...scene.log, ...next]);
  scene.propose(scene.a, leading, next);
  scene.hold(scene.b, leading, [...scene.log, ...next]);
  scene.send(scene.b, { kind: "accepted", ballot: leading, length: 5 });
  assert.equal(scene.invariants.chosen.length, 5);
});

test("A9: proposals without promises of a majority", () => {
  const scene = new Scene();
  const leading = ballot(2, 1, "a");
  scene.hold(scene.a, leading, [...scene.log, ...scene.next()]);
  breaks("A9", () => scene.propose(scene.a, leading, scene.next()));
});

test("A15: a leader without a slot that a lower ballot has chosen", () => {
  const scene = new Scene();
  const [first, second] = [ballot(2, 1, "a"), ballot(2, 2, "c")];
  for (const node of [scene.a, scene.b]) {
    scene.hold(node, first, [...scene.log, ...scene.next()]);
  }
  scene.hold(scene.a, second, [...scene.log, ...scene.next()]);
  scene.promise(scene.a, second);
  scene.hold(scene.c, second, scene.log);
  breaks("A15", () => scene.propose(scene.c, second, scene.next("2")));
});

test("M6: a vote in a government whose stop-sign the voter does not hold", () => {
  const scene = new Scene();
  const leading = ballot(2, 1, "a");
  scene.hold(scene.b, leading, []);
  const empty = { accepted: ballotZero, length: 0, intact: 0, decided: 0, decrees: [] };
  breaks("M6", () => scene.send(scene.b, { kind: "promised", ballot: leading, ...empty }));
});

test("A13: a vote for what the leader did not propose", () => {
  const scene = new Scene();
  const leading = ballot(2, 1, "a");
  scene.hold(scene.b, leading, scene.log);
  scene.promise(scene.b, leading);
  scene.hold(scene.a, leading, [...scene.log, ...scene.next()]);
  scene.propose(scene.a, leading, scene.next());
  scene.hold(scene.c, leading, [...scene.log, ...scene.next("2")]);
  breaks("A13", () => scene.send(scene.c, { kind: "accepted", ballot: leading, length: 5 }));
});

test("A7: a proposal, and a vote, below what was promised meanwhile", () => {
  const scene = new Scene();
  const [leading, higher] = [ballot(2, 1, "a"), ballot(2, 2, "c")];
  scene.hold(scene.b, leading, scene.log);
  scene.promise(scene.b, leading);
  scene.hold(scene.a, leading, [...scene.log, ...scene.next()]);
  const { accepted } = scene.a.disk.written;
  scene.write(scene.a, { promised: higher, accepted, slotFirst: 6 });
  breaks("A7", () => scene.propose(scene.a, leading, scene.next()));
  scene.hold(scene.b, leading, [...scene.log, ...scene.next()]);
  scene.write(scene.b, { promised: higher, accepted: leading, slotFirst: 6 });
  breaks("A7", () => scene.send(scene.b, { kind: "accepted", ballot: leading, length: 5 }));
});

test("A1: another majority chooses another value, on disks that were rolled back", () => {
  const scene = new Scene();
  const [first, second] = [ballot(2, 1, "a"), ballot(2, 2, "c")];
  const backup = scene.b.disk.backUp();
  for (const node of [scene.a, scene.b]) {
    scene.hold(node, first, [...scene.log, ...scene.next()]);
  }
  scene.b.disk.rollBack(backup);
  scene.invariants.rollBack(scene.b);
  scene.hold(scene.c, second, [...scene.log, ...scene.next("2")]);
  breaks("A1", () => scene.hold(scene.b, second, [...scene.log, ...scene.next("2")]));
});

test("M1: governments are numbered; the replicated state itself refuses a gap", () => {
  assert.throws(() => new Scene(3), InvariantViolation);
});

test("M2: a change of government before the own ballot has decided anything", () => {
  const scene = new Scene();
  const leading = ballot(2, 1, "a");
  const parliament = ["a", "b"];
  const decrees = decreesAfter(scene.log, [
    { kind: "succession", government: 3, parliament, leader: "a", leaving: [] },
  ]);
  breaks("M2", () => {
    scene.write(scene.a, { promised: leading, accepted: leading, slotFirst: 5, decrees });
  });
});

test("A17: the ballot of a log falls", () => {
  const scene = new Scene();
  scene.write(scene.b, { promised: ballot(2, 2, "c"), accepted: ballot(2, 1, "a") });
  breaks("A17", () => scene.write(scene.b, { accepted: ballot(1, 1, "a") }));
});

test("A2: what is recovered, written or sent as decided, and is not chosen", () => {
  const written = new Scene();
  const decrees = written.next();
  const accepted = ballot(2, 1, "a");
  const claim = { promised: accepted, accepted, slotFirst: 5, decrees, decided: 5 };
  breaks("A2", () => written.write(written.a, claim));
  breaks("A2", () => written.invariants.onStart(written.a, recoveredFrom(written.a)));
  const sent = new Scene();
  const sendSlots = [{ to: "b", slotFirst: 1, slotLast: 4, decided: 4 }];
  breaks("A2", () => sent.invariants.onOutcome(sent.a, event, { ...quiet, sendSlots }));
});

/** As if all that was written had become durable behind the checker's back. */
function recoveredFrom({ disk }: CoreNode): ReturnType<CoreNode["disk"]["recover"]> {
  while (disk.harden() !== null);
  return disk.recover();
}

test("M2: a government is proposed, most of whose members are away", () => {
  const scene = new Scene();
  const leading = ballot(2, 1, "a");
  const next = [...scene.log, ...scene.next()];
  for (const node of [scene.a, scene.b]) scene.hold(node, leading, next);
  const value = { kind: "succession", government: 3, leader: "a", leaving: [] } as const;
  const decrees = decreesAfter(next, [{ ...value, parliament: ["a", "b", "c"] }]);
  const fields = { accepted: leading, slotFirst: 6, decrees };
  breaks("M2", () => scene.write(scene.a, fields, (id) => id === "a"));
});

test("M6: seats for who is away, and for who is no member", () => {
  const scene = new Scene();
  const leading = ballot(2, 1, "a");
  const next = [...scene.log, ...scene.next()];
  for (const node of [scene.a, scene.b]) scene.hold(node, leading, next);
  const value = { kind: "succession", government: 3, leader: "a", leaving: [] } as const;
  const decrees = decreesAfter(next, [{ ...value, parliament: ["a", "b", "d"] }]);
  const fields = { accepted: leading, slotFirst: 6, decrees };
  breaks("M6", () => scene.write(scene.a, fields, (id) => id !== "d"));
  scene.harden(scene.a);
  scene.write(scene.b, fields);
  breaks("M6", () => scene.harden(scene.b));
});

test("D1: a promise calls decided what its node does not hold durably", () => {
  const scene = new Scene();
  const [low, high] = [ballot(2, 1, "a"), ballot(2, 2, "a")];
  const [log, other] = [[...scene.log, ...scene.next("1")], scene.next("2")];
  scene.hold(scene.b, low, [...scene.log, ...other]);
  for (const node of [scene.a, scene.c]) scene.hold(node, high, log);
  scene.write(scene.b, { promised: high, accepted: low, slotFirst: 6 });
  scene.harden(scene.b);
  const whole = { accepted: low, length: 5, intact: 5 };
  const promised = { kind: "promised", ballot: high, ...whole } as const;
  breaks("D1", () => scene.send(scene.b, { ...promised, decided: 5, decrees: [] }));
  scene.send(scene.b, { ...promised, decided: 4, decrees: other });
});

test("M6: a newcomer asks for a seat before its own admission is durable", () => {
  const scene = new Scene();
  const ask = (): void => scene.send(scene.b, { kind: "naturalize" });
  breaks("M6", ask);
  scene.write(scene.b, { decrees: scene.log.slice(0, 2) });
  breaks("M6", ask);
  scene.harden(scene.b);
  ask();
});

test("C5: a barrier is answered that no majority has confirmed since it was asked", () => {
  const { invariants, a, b } = new Scene();
  const leading = ballot(2, 1, "a");
  const rounds = new BarrierRounds(invariants.chosen);
  const stamp = { now: 5, when: 0 };
  const begin = (barrier: number, round: number): void => {
    const message = { kind: "confirm", ballot: leading, round } as const;
    const send = [{ to: "b", lane: "control", message }] as const;
    rounds.onOutcome(a, { kind: "barrier", barrier, ...stamp }, { ...quiet, send });
  };
  const confirm = (round: number, barriers: Outcome["barriers"]): void => {
    const message = { kind: "confirmed", ballot: leading, round } as const;
    const input = { kind: "receive", from: "b", cookie: b.cookie, message, ...stamp } as const;
    rounds.onOutcome(a, input, { ...quiet, barriers });
  };
  begin(1, 1);
  breaks("C5", () => rounds.onOutcome(a, event, { ...quiet, barriers: [{ barrier: 1, slot: 4 }] }));
  begin(2, 2);
  confirm(2, [{ barrier: 2, slot: 4 }]);
  begin(3, 2);
  breaks("C5", () => confirm(2, [{ barrier: 3, slot: 4 }]));
  confirm(2, [{ barrier: 3, slot: null }]);
});

test("A11: an answer to another ballot that moves something, or does not", () => {
  const { a, b } = new Scene();
  a.start(0, false);
  const answer = (of: Ballot): LegislatorInput => {
    const message = { kind: "accepted", ballot: of, length: 4 } as const;
    return { kind: "receive", from: "b", cookie: b.cookie, message, now: 5, when: 0 };
  };
  const current = a.legislator.view().promised;
  assert.equal(beforeOutdated(a, answer(current)), null);
  assert.equal(beforeOutdated(a, event), null);
  const outdated = answer(ballot(1, 9, "a"));
  const before = beforeOutdated(a, outdated);
  assert.ok(before !== null);
  checkOutdated(a, outdated, before);
  breaks("A11", () => checkOutdated(a, outdated, `${before} once`));
});

test("D1: a node goes by a ballot that it has not written", () => {
  const { invariants, c } = new Scene();
  c.start(0, false);
  const message = { kind: "fetch", slotFirst: 1, follow: false } as const;
  const receive = { kind: "receive", from: "a", cookie: "0", message, now: 5, when: 0 } as const;
  invariants.onOutcome(c, receive, quiet);
  c.disk.append({
    number: 1,
    promised: ballot(2, 1, "a"),
    accepted: ballotZero,
    slotFirst: 1,
    decrees: [],
    decided: 0,
    heard: null,
    lostUpTo: 0,
  });
  breaks("D1", () => invariants.onOutcome(c, receive, quiet));
});

test("L5: a node that waits for a time which is past", () => {
  const { invariants, a } = new Scene();
  invariants.onOutcome(a, event, { ...quiet, deadline: 6 });
  breaks("L5", () => invariants.onOutcome(a, event, { ...quiet, deadline: 5 }));
});

test("R1: a recording whose outcome is another one than the replay's", () => {
  const node = new CoreNode("a", prng.fork("recorded"));
  const durable = node.start(0, false);
  const options = { id: "a", cookie: node.cookie, starts: 1, ...clockwork };
  const recorder = new Recorder(options, durable, prng.fork("recorder"));
  recorder.record(event, node.step(event), node.legislator);
  recorder.verify();
  const later: LegislatorInput = { kind: "barrier", barrier: 1, now: 6, when: 0 };
  const barriers = [{ barrier: 1, slot: 7 }];
  recorder.record(later, { ...node.step(later), barriers }, node.legislator);
  breaks("R1", () => recorder.verify());
});

/** The checker can fail: for each invariant a hand-made trace that breaks it is flagged (H3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ballotZero,
  hashDecree,
  hashZero,
  type Ballot,
  type Decree,
  type Effect,
  type Message,
  type Outcome,
  type Report,
  type Value,
  type Write,
} from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import { CoreNode } from "./core-node.ts";
import { EffectModel } from "./effect-model.ts";
import { Invariants } from "./invariants.ts";
import { quiet } from "./quiet-outcome.ts";
import { Violation } from "./violation.ts";

const prng = new Prng("invariants");
const ballot = (round: number, id: string, government = 1): Ballot => ({ government, round, id });

function decreesOf(values: readonly Value[]): Decree[] {
  let before = hashZero;
  return values.map((value, at) => {
    const unhashed = { slot: at + 1, time: 0, when: 0, value };
    before = hashDecree(before, unhashed);
    return { ...unhashed, hash: before };
  });
}

function write(number: number, fields: Partial<Write>): Write {
  return {
    number,
    promised: null,
    accepted: ballotZero,
    slotFirst: 1,
    decrees: [],
    decided: 0,
    heard: null,
    lostUpTo: 0,
    ...fields,
  };
}

function outcome(fields: Partial<Outcome>): Outcome {
  return { ...quiet, ...fields };
}

function breaks(invariant: string, action: () => void): void {
  assert.throws(action, (error) => error instanceof Violation && error.invariant === invariant);
}

/** A republic of a alone: what a has durable is chosen. */
class Scene {
  readonly invariants = new Invariants();
  readonly a = new CoreNode("a", prng.fork("a"));
  readonly b = new CoreNode("b", prng.fork("b"));
  readonly bootstrap: Value = {
    kind: "bootstrap",
    republic: { name: "scene", identity: "0".repeat(16) },
    founder: this.a.citizen,
    parliamentSize: 3,
  };
  readonly log: Decree[] = decreesOf([
    this.bootstrap,
    { kind: "opening" },
    { kind: "registration", nonce: "1".repeat(16) },
  ]);

  constructor() {
    for (const node of [this.a, this.b]) this.invariants.onStart(node, node.disk.recover());
  }

  write(node: CoreNode, one: Write): void {
    node.disk.append(one);
    this.invariants.onWritten(node, one);
  }

  harden(node: CoreNode): void {
    const one = node.disk.harden();
    if (one !== null) this.invariants.onDurable(node, one, true);
  }

  send(node: CoreNode, message: Message): void {
    const send = [{ to: "z", lane: "control", message }] as const;
    const input = { kind: "event", jitter: 0, now: 0, when: 0 } as const;
    this.invariants.onOutcome(node, input, outcome({ send }));
  }

  /** a leads in 1.1.a and holds the first `length` slots durably. */
  found(length: number): this {
    const [promised, accepted] = [ballot(1, "a"), ballot(1, "a")];
    const decrees = this.log.slice(0, length);
    this.write(this.a, write(1, { promised, accepted, decrees }));
    this.harden(this.a);
    return this;
  }

  apply(node: CoreNode, slot: number, effect: Effect): void {
    const decree = this.log[slot - 1];
    assert.ok(decree !== undefined);
    const { stateHash } = this.invariants.chosen.at(slot) ?? { stateHash: "" };
    const applied = [{ decree, effect, government: 1, stateHash }];
    const input = { kind: "event", jitter: 0, now: 0, when: 0 } as const;
    this.invariants.onOutcome(node, input, outcome({ applied }));
  }
}

test("what a single founder holds durably is chosen, and may be applied in order", () => {
  const scene = new Scene().found(2);
  assert.equal(scene.invariants.chosen.length, 2);
  scene.apply(scene.a, 1, { kind: "government" });
  scene.apply(scene.a, 2, { kind: "none" });
  assert.equal(scene.invariants.appliedBy(scene.a), 2);
});

test("A5: a slot applied over a hole", () => {
  const scene = new Scene().found(2);
  breaks("A5", () => scene.apply(scene.a, 2, { kind: "none" }));
});

test("A2: a slot applied before it is chosen", () => {
  const scene = new Scene();
  scene.write(scene.a, write(1, { decrees: scene.log.slice(0, 1) }));
  breaks("A2", () => scene.apply(scene.a, 1, { kind: "government" }));
});

test("S1: another effect than elsewhere", () => {
  const scene = new Scene().found(1);
  breaks("S1", () => scene.apply(scene.a, 1, { kind: "none" }));
});

test("A1, A16: a chosen slot gets another value", () => {
  const scene = new Scene().found(2);
  const other = decreesOf([scene.bootstrap, { kind: "registration", nonce: "2".repeat(16) }]);
  const [promised, accepted] = [ballot(2, "a"), ballot(2, "a")];
  scene.write(scene.a, write(2, { promised, accepted, slotFirst: 2, decrees: other.slice(1) }));
  breaks("A16", () => scene.harden(scene.a));
});

test("A7: a promise falls, or a write accepts below it", () => {
  const scene = new Scene();
  scene.write(scene.b, write(1, { promised: ballot(2, "a") }));
  breaks("A7", () => scene.write(scene.b, write(2, { promised: ballot(1, "a") })));
  const below = write(2, { accepted: ballot(1, "a"), decrees: scene.log.slice(0, 1) });
  breaks("A7", () => scene.write(scene.b, below));
});

test("A13, A5, D1: a log that does not chain, has a hole, or a write number used again", () => {
  const scene = new Scene();
  const forged = scene.log.slice(0, 1).map((decree) => ({ ...decree, hash: hashZero }));
  breaks("A13", () => scene.write(scene.b, write(1, { decrees: forged })));
  breaks("A5", () => scene.write(scene.b, write(1, { slotFirst: 3 })));
  scene.write(scene.b, write(1, {}));
  breaks("D1", () => scene.write(scene.b, write(1, {})));
});

test("D1: attestations that a loss of power would undo", () => {
  const scene = new Scene().found(1);
  const next = write(2, {
    promised: ballot(2, "a"),
    accepted: ballot(2, "a"),
    slotFirst: 2,
    decrees: scene.log.slice(1, 2),
  });
  scene.write(scene.a, next);
  const claim = { accepted: ballot(2, "a"), length: 2, decided: 1 };
  breaks("D1", () => scene.send(scene.a, { kind: "accepted", ballot: ballot(2, "a"), length: 2 }));
  breaks("D1", () => scene.send(scene.a, { kind: "prepare", ballot: ballot(2, "a"), ...claim }));
  const told = { ...claim, intact: 2, decrees: [] };
  const promised = { kind: "promised", ballot: ballot(2, "a"), ...told } as const;
  breaks("D1", () => scene.send(scene.a, promised));
  const report: Report = {
    ...claim,
    government: 1,
    promised: ballot(1, "a"),
    stateHash: hashZero,
    leading: null,
    quorumConnected: true,
    timely: true,
    hasRoom: true,
    hearsFit: null,
    chooses: null,
    starts: 1,
  };
  breaks("D1", () => scene.send(scene.a, { kind: "ping", round: 1, report, answer: null }));
});

test("A8: a promise that hides what was accepted before", () => {
  const scene = new Scene().found(2);
  scene.write(
    scene.a,
    write(2, { promised: ballot(2, "a"), accepted: ballot(1, "a"), slotFirst: 3 }),
  );
  scene.harden(scene.a);
  const hidden = { accepted: ballotZero, length: 0, intact: 0, decided: 0, decrees: [] };
  breaks("A8", () => scene.send(scene.a, { kind: "promised", ballot: ballot(2, "a"), ...hidden }));
});

test("A8: a promise that withholds what its candidate lacks", () => {
  const scene = new Scene().found(2);
  const promised = ballot(2, "a");
  scene.write(scene.a, write(2, { promised, accepted: ballot(1, "a"), slotFirst: 3 }));
  scene.harden(scene.a);
  const asks = { kind: "prepare", ballot: promised, accepted: ballotZero, decided: 0 } as const;
  scene.send(scene.a, { ...asks, length: 9 });
  const whole = { accepted: ballot(1, "a"), length: 2, intact: 2 };
  const told = { kind: "promised", ballot: promised, ...whole } as const;
  breaks("A8", () => scene.send(scene.a, { ...told, decided: 0, decrees: [] }));
});

test("M3, A14: an outsider leads, or somebody leads a ballot of another", () => {
  const scene = new Scene().found(1);
  scene.write(scene.b, write(1, { promised: ballot(1, "b") }));
  scene.harden(scene.b);
  breaks("M3", () => scene.send(scene.b, { kind: "decide", ballot: ballot(1, "b"), decided: 1 }));
  breaks("A14", () => scene.send(scene.b, { kind: "decide", ballot: ballot(1, "a"), decided: 1 }));
});

test("A6: one ballot, one value a slot, and one life that leads it", () => {
  const scene = new Scene().found(1);
  const propose = (decree: Decree | undefined): void => {
    assert.ok(decree !== undefined);
    const message = {
      kind: "accept",
      ballot: ballot(1, "a"),
      decrees: [decree],
      decided: 1,
    } as const;
    scene.send(scene.a, message);
  };
  propose(scene.log[1]);
  const other = decreesOf([scene.bootstrap, { kind: "registration", nonce: "2".repeat(16) }]);
  breaks("A6", () => propose(other[1]));
  scene.a.starts += 1;
  breaks("A6", () => propose(scene.log[1]));
});

test("A2: a position told as decided that is not chosen", () => {
  const scene = new Scene().found(1);
  breaks("A2", () => scene.send(scene.a, { kind: "decide", ballot: ballot(1, "a"), decided: 2 }));
});

test("C5: a confirmation after a higher promise", () => {
  const scene = new Scene().found(1);
  scene.write(
    scene.a,
    write(2, { promised: ballot(2, "a"), accepted: ballot(1, "a"), slotFirst: 2 }),
  );
  breaks("C5", () => scene.send(scene.a, { kind: "confirmed", ballot: ballot(1, "a"), round: 1 }));
});

test("M2: something after a stop-sign that is not decided", () => {
  const scene = new Scene();
  const values: Value[] = [
    scene.bootstrap,
    { kind: "succession", government: 2, parliament: ["a"], leader: "a", leaving: [] },
    { kind: "opening" },
  ];
  breaks("M2", () => scene.write(scene.b, write(1, { decrees: decreesOf(values) })));
});

test("M1: governments that are not numbered one by one", () => {
  const scene = new Scene();
  const { republic } = scene.invariants.chosen;
  Object.defineProperty(republic, "government", { value: { number: 2, parliament: ["a"] } });
  breaks("M1", () => scene.found(1));
});

test("D2: a batch acknowledged that nobody chose", () => {
  breaks("D2", () => new Scene().found(1).invariants.acknowledge(3, 1, 1));
});

test("S1, D5, M4: halts that nothing explains", () => {
  const scene = new Scene().found(1);
  const input = { kind: "event", jitter: 0, now: 0, when: 0 } as const;
  const halts = (halt: Outcome["halt"]): void => {
    scene.invariants.onOutcome(scene.a, input, outcome({ halt }));
  };
  breaks("S1", () => halts({ kind: "diverged", slot: 1, peers: ["b"] }));
  breaks("D5", () => halts({ kind: "staleDisk", peer: "b" }));
  breaks("M4", () => halts({ kind: "exiled", slot: 1 }));
});

function check(model: EffectModel, slot: number, value: Value, effect: Effect): void {
  const decree = { slot, time: 0, when: 0, value, hash: hashZero };
  model.check({ decree, effect, government: 1, stateHash: hashZero });
}

test("C1, C2: effects that are not exactly once and in order", () => {
  const batch = { kind: "batch", publisher: 1, count: 2, size: 10, checksum: 7 } as const;
  const registered = (): EffectModel => {
    const model = new EffectModel();
    const effect = { kind: "registered", publisher: 1, nonce: "n" } as const;
    check(model, 1, { kind: "registration", nonce: "n" }, effect);
    return model;
  };
  const twice = registered();
  check(twice, 2, { ...batch, sequence: 1 }, { kind: "applied", index: 1 });
  breaks("C1", () => check(twice, 3, { ...batch, sequence: 1 }, { kind: "applied", index: 3 }));
  const overGap = registered();
  breaks("C1", () => check(overGap, 2, { ...batch, sequence: 2 }, { kind: "applied", index: 1 }));
  breaks("C1", () => check(registered(), 2, { kind: "opening" }, { kind: "applied", index: 1 }));
});

test("A11: a leader decides what only another ballot's votes hold", () => {
  const { invariants } = new Scene().found(2);
  invariants.onDecided(ballot(1, "a"), 2);
  breaks("A11", () => invariants.onDecided(ballot(1, "a"), 3));
  breaks("A11", () => invariants.onDecided(ballot(2, "a"), 2));
});

test("D5: a node attests something on an old disk", () => {
  const scene = new Scene().found(2);
  const message: Message = { kind: "accepted", ballot: ballot(1, "a"), length: 2 };
  scene.send(scene.a, message);
  scene.invariants.rollBack(scene.a);
  breaks("D5", () => scene.send(scene.a, message));
});

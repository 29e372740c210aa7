/**
 * What the explorer checks of single steps, and of promises, can fail (H3): a founded republic, and
 * hand-made outcomes of its nodes, each of which breaks one invariant.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hashZero,
  type Applied,
  type Ballot,
  type Decree,
  type Message,
  type Outcome,
  type Promised,
  type Report,
  type Write,
} from "../../../consensus/index.ts";
import { inPlaceOf, methodOf } from "../../in-place-of.ts";
import { explore } from "../explore.ts";
import { foundRepublic } from "./founding.ts";
import { KibitzerModel } from "./kibitzer-model.ts";
import { quiet } from "../../core/quiet-outcome.ts";
import type { LiveNode } from "./live-node.ts";
import { NodeSteps, type NodeState } from "./node-steps.ts";
import { Packets } from "./packets.ts";
import { scopeDefault } from "./scope.ts";
import { StepChecks } from "./step-checks.ts";

/** Three nodes at rest, led by a, that hold one log. */
class Scene {
  readonly checks: StepChecks;
  readonly a: LiveNode;
  readonly b: LiveNode;
  readonly log: readonly Decree[];
  readonly leading: Ballot;

  constructor() {
    const [a, b] = foundRepublic(1);
    assert.ok(a !== undefined && b !== undefined);
    this.a = a;
    this.b = b;
    this.log = a.disk.durable.log;
    this.leading = a.legislator.view().ballot;
    this.checks = new StepChecks(this.log);
  }

  get higher(): Ballot {
    return { ...this.leading, round: this.leading.round + 1, id: "b" };
  }

  get length(): number {
    return this.log.length;
  }

  breaks(invariant: string, node: LiveNode, different: Partial<Outcome>): void {
    const check = (): void => this.checks.check(node, { ...quiet, ...different }, this.length);
    assert.throws(check, { name: "Violation", invariant });
  }

  says(invariant: string, node: LiveNode, message: Message): void {
    this.breaks(invariant, node, { send: [{ to: "c", lane: "control", message }] });
  }

  /** Passes: what is said is true. */
  keeps(node: LiveNode, message: Message): void {
    const send = [{ to: "c", lane: "control", message }] as const;
    this.checks.check(node, { ...quiet, send }, this.length);
  }

  /** `node` promises more, on its disk, though not durably. */
  promise({ disk }: LiveNode): void {
    const { accepted, decided } = disk.written;
    const write: Write = {
      number: 1_000_000,
      promised: this.higher,
      accepted,
      slotFirst: this.length + 1,
      decrees: [],
      decided,
      heard: null,
      lostUpTo: 0,
    };
    disk.append(write);
  }

  promised(ballot: Ballot, length: number): Promised {
    const held = { accepted: this.leading, length, decided: length, decrees: [], intact: length };
    return { kind: "promised", ballot, ...held };
  }

  /** What b truly says of itself. */
  get report(): Report {
    return {
      government: 2,
      promised: this.leading,
      accepted: this.leading,
      length: this.length,
      decided: this.length,
      stateHash: hashZero,
      leading: null,
      quorumConnected: true,
      timely: true,
      hasRoom: true,
      hearsFit: null,
      chooses: null,
      starts: 1,
    };
  }

  /** The last slot, with another effect than it had. */
  get applied(): Applied {
    const decree = this.log.at(-1);
    assert.ok(decree !== undefined);
    return { decree, effect: { kind: "none" }, government: 2, stateHash: hashZero };
  }
}

test("A5, S1: slots applied over a hole, or otherwise than elsewhere", () => {
  const scene = new Scene();
  scene.breaks("A5", scene.a, { applied: [scene.applied] });
  const outcome = { ...quiet, applied: [scene.applied] };
  const check = (): void => scene.checks.check(scene.a, outcome, scene.length - 1);
  assert.throws(check, { name: "Violation", invariant: "S1" });
});

test("A2: what is told or sent as decided, and is not", () => {
  const scene = new Scene();
  const { a, length, leading } = scene;
  scene.keeps(a, { kind: "ahead", government: 2, decided: length });
  scene.says("A2", a, { kind: "ahead", government: 2, decided: length + 1 });
  scene.says("A2", a, { kind: "decide", ballot: leading, decided: length + 1 });
  const dispatch = { to: "b", slotFirst: 1, slotLast: length + 1, decided: length };
  scene.breaks("A2", a, { sendSlots: [dispatch] });
});

test("A14: somebody who speaks for another's ballot", () => {
  const { scene, a, b, leading } = sceneParts();
  scene.keeps(a, { kind: "confirm", ballot: leading, round: 1 });
  scene.says("A14", b, { kind: "confirm", ballot: leading, round: 1 });
});

test("A7, C5: proposals, votes and confirmations after a higher promise", () => {
  const { scene, a, b, leading, length } = sceneParts();
  const accept = { kind: "accept", ballot: leading, decrees: [], decided: length } as const;
  const accepted = { kind: "accepted", ballot: leading, length } as const;
  const confirmed = { kind: "confirmed", ballot: leading, round: 1 } as const;
  scene.keeps(a, accept);
  scene.keeps(b, accepted);
  scene.keeps(b, confirmed);
  for (const node of [a, b]) scene.promise(node);
  scene.says("A7", a, accept);
  scene.says("A7", b, accepted);
  scene.says("A7", b, scene.promised(leading, length));
  scene.says("C5", b, confirmed);
});

test("D1: promises, votes and reports of what is not durable", () => {
  const { scene, b, leading, length } = sceneParts();
  scene.promise(b);
  const { report } = scene;
  scene.keeps(b, { kind: "ping", round: 1, report, answer: null });
  for (const different of [{ promised: scene.higher }, { length: length + 1 }]) {
    const claimed = { ...report, ...different };
    scene.says("D1", b, { kind: "ping", round: 1, report: claimed, answer: null });
  }
  scene.says("D1", b, scene.promised(scene.higher, length));
  scene.says("D1", b, { kind: "accepted", ballot: leading, length: length + 1 });
  const rest = { accepted: leading, length, decided: length };
  scene.says("D1", b, { kind: "prepare", ballot: scene.higher, ...rest });
});

test("A8: promises that hide the log, or tell another one", () => {
  const { scene, b, length } = sceneParts();
  scene.promise(b);
  b.disk.harden();
  scene.keeps(b, scene.promised(scene.higher, length));
  scene.says("A8", b, scene.promised(scene.higher, length - 1));
  const forged = scene.log.slice(-1).map((decree) => ({ ...decree, hash: hashZero }));
  scene.says("A8", b, { ...scene.promised(scene.higher, length), decrees: forged });
});

test("D5, S1: halts that nothing explains", () => {
  const { scene, a } = sceneParts();
  scene.breaks("D5", a, { halt: { kind: "staleDisk", peer: "b" } });
  scene.breaks("S1", a, { halt: { kind: "diverged", slot: 1, peers: ["b"] } });
});

test("A9: a ballot that is led without promises of a majority", () => {
  const at = methodOf(NodeSteps.prototype, "at");
  const forgetful = function (this: NodeSteps, state: number): NodeState {
    return { ...Reflect.apply(at, this, [state]), promisedDurably: 0 };
  };
  using _ = inPlaceOf(NodeSteps.prototype, "at", forgetful);
  assert.match(breach(), /^A9: .* is led on 0 promises/);
});

test("A11: a message of an old ballot that is acted on", () => {
  using _ = inPlaceOf(Packets.prototype, "isPointless", () => true);
  assert.match(breach(), /^A11: acts on an old ballot/);
});

/** What the exploration of a small scope finds. */
function breach(): string {
  const scope = { ...scopeDefault, isAtomic: true, values: 1, crashes: 0, deviations: 0 };
  const found = explore(new KibitzerModel(scope), { strategy: "bfs", states: 9000, depth: 99 });
  return found.breach?.what ?? "nothing is broken";
}

function sceneParts() {
  const scene = new Scene();
  const { a, b, leading, length } = scene;
  return { scene, a, b, leading, length };
}

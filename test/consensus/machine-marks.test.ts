/** Marks of state machines: a node that makes something else of the log than most stops (C10). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Legislator } from "../../consensus/legislator.ts";
import { limits } from "../../consensus/limits.ts";
import type { Plain } from "../../consensus/plain.ts";
import { cookieOf, SeatedMember } from "./seated-member.ts";

const own = cookieOf("1");
const other = cookieOf("2");

/** A member whose log has 7 slots, and whose state machine has applied 5. */
function member(): SeatedMember {
  const node = new SeatedMember();
  node.step({ kind: "applied", slot: 5, hash: own });
  return node;
}

/** Lets `from` answer two rounds with this mark. */
function tell(node: SeatedMember, from: readonly string[], slot: number, hash: string): void {
  for (const _ of [1, 2]) node.round(from, { machine: { slot, hash } });
}

describe("a state machine whose mark differs", () => {
  test("from those of a majority stops its node, by a name of its own", () => {
    const node = member();
    tell(node, ["b", "c"], 5, other);
    assert.deepEqual(node.halted, { kind: "machineDiverged", slot: 5, peers: ["b", "c"] });
  });

  test("from that of one peer goes on: that one is the minority", () => {
    const node = member();
    tell(node, ["b"], 5, other);
    assert.equal(node.halted, null);
    tell(node, ["c"], 5, own);
    assert.equal(node.halted, null);
  });

  test("from two peers that agree with nobody either: all stop", () => {
    const node = member();
    tell(node, ["b"], 5, other);
    tell(node, ["c"], 5, cookieOf("3"));
    assert.equal(node.halted?.kind, "machineDiverged");
  });

  test("stops its node not before that told the others, who may know of no other", () => {
    const node = member();
    tell(node, ["b"], 7, other);
    tell(node, ["c"], 7, cookieOf("3"));
    const { outcome } = node.step({ kind: "applied", slot: 7, hash: own });
    assert.equal(outcome.halt?.kind, "machineDiverged");
    const told = outcome.send.map(({ to, message }) => {
      return [to, message.kind === "ping" ? message.report.machine : message.kind];
    });
    const mark = { slot: 7, hash: own };
    assert.deepEqual(told, [
      ["b", mark],
      ["c", mark],
    ]);
    assert.deepEqual(node.step({ kind: "event", jitter: 0 }).sent, [], "and says no more");
  });

  test("is found out when it gets to the slot that its peers told of", () => {
    const node = member();
    tell(node, ["b", "c"], 7, other);
    assert.equal(node.halted, null);
    node.step({ kind: "applied", slot: 7, hash: own });
    assert.deepEqual(node.halted, { kind: "machineDiverged", slot: 7, peers: ["b", "c"] });
  });
});

describe("marks that say nothing", () => {
  test("are those of other slots, and those of nodes without a state machine", () => {
    const node = member();
    tell(node, ["b", "c"], 4, other);
    node.round(["b", "c"], { machine: null });
    tell(node, ["b", "c"], 6, other);
    node.step({ kind: "applied", slot: 7, hash: own });
    assert.equal(node.halted, null);
    tell(node, ["b", "c"], 7, own);
    assert.equal(node.halted, null);
  });

  test("are forgotten, the oldest first", () => {
    const batches = Array.from({ length: limits.machineMarksKept }, () => {
      return { kind: "opening" } as const;
    });
    const node = new SeatedMember("a", batches);
    for (let slot = 1; slot <= limits.machineMarksKept + 1; slot += 1) {
      node.step({ kind: "applied", slot, hash: own });
    }
    tell(node, ["b", "c"], 1, other);
    assert.equal(node.halted, null);
    tell(node, ["b", "c"], 2, other);
    assert.deepEqual(node.halted, { kind: "machineDiverged", slot: 2, peers: ["b", "c"] });
  });
});

test("a node tells its latest mark, also after a checkpoint", () => {
  const node = member();
  node.step({ kind: "applied", slot: 6, hash: other });
  const plain: Plain = JSON.parse(JSON.stringify(node.legislator.checkpoint()));
  const restored = Legislator.restore(plain);
  const { send } = restored.step({ kind: "event", now: node.now + 50, when: 0, jitter: 0 });
  const ping = send.find(({ message }) => message.kind === "ping")?.message;
  assert.ok(ping?.kind === "ping");
  assert.deepEqual(ping.report.machine, { slot: 6, hash: other });
});

test("marks out of order are a bug of the shell", () => {
  const node = member();
  assert.throws(() => node.step({ kind: "applied", slot: 5, hash: own }), /slot order/);
  assert.throws(() => node.step({ kind: "applied", slot: 8, hash: own }), /what is decided/);
});

/**
 * What a whole run of the core checks can fail (H3): one answer, one disk or one silence that is
 * wrong, put into a run that is right, is flagged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Applied, LegislatorInput, Outcome } from "../../consensus/index.ts";
import { inPlaceOf, methodOf } from "../in-place-of.ts";
import { CoreCluster, type Watcher } from "./core-cluster.ts";
import { clockwork, CoreNode, type Unstamped } from "./core-node.ts";
import { Invariants } from "./invariants.ts";
import { Network } from "./network.ts";
import { quiet } from "./quiet-outcome.ts";
import type { ProfileName } from "./profiles.ts";
import { simulate } from "./simulation.ts";
import { Violation } from "./violation.ts";
import { VirtualDisk } from "./virtual-disk.ts";

function breaks(invariant: string, message: RegExp, seed = 1, profile: ProfileName = "calm"): void {
  assert.throws(() => simulate({ seed, profile, trace: null }), { invariant, message });
}

type Falsified = (outcome: Outcome, input: LegislatorInput) => Outcome;

/** Every node's outcomes become others, behind the back of the node. */
function falsifying(falsified: Falsified): Disposable {
  const step = methodOf(CoreNode.prototype, "step");
  return inPlaceOf(CoreNode.prototype, "step", function (this: CoreNode, input: LegislatorInput) {
    return falsified(Reflect.apply(step, this, [input]), input);
  });
}

test("C5: a barrier below what was acknowledged before it, or one that nobody asked for", () => {
  {
    using _ = falsifying((outcome) => {
      const barriers = outcome.barriers.map(({ barrier, slot }) => {
        return { barrier, slot: slot === null ? null : 0 };
      });
      return { ...outcome, barriers };
    });
    breaks("C5", /says 0, slot \d+ was acknowledged before/);
  }
  using _ = falsifying((outcome) => {
    return { ...outcome, barriers: outcome.barriers.map((each) => ({ ...each, barrier: 0 })) };
  });
  breaks("C5", /answered but not asked/);
});

test("L5: no barrier is ever answered, though all is calm", () => {
  using _ = falsifying((outcome) => ({ ...outcome, barriers: [] }));
  breaks("L5", /no barrier is answered/);
});

test("L2: nothing arrives, so that nothing settles", () => {
  using _ = inPlaceOf(Network.prototype, "send", () => undefined);
  breaks("L2", /not settled: /);
});

test("L4: a ballot that is raised by who has been cut off", () => {
  using _ = inPlaceOf(Network.prototype, "cutSince", () => -Infinity);
  breaks("L4", /raises a ballot, after \d+ ms with . alone/, 1, "crashy");
});

test("L5: what is decided in a handover, and told to nobody", () => {
  // Some handovers end with an accept, which tells it, too.
  let seed = seedOf("handover in a calm", "calm");
  while (!isToldTooLate(seed)) seed = seedOf("handover in a calm", "calm", seed + 1);
});

function isToldTooLate(seed: number): boolean {
  let isHandedOver = false;
  using _ = falsifying((outcome) => {
    isHandedOver ||= outcome.send.some(({ message }) => message.kind === "takeOver");
    const told = outcome.send.filter(({ message }) => message.kind !== "decide");
    return isHandedOver ? { ...outcome, send: told } : outcome;
  });
  try {
    simulate({ seed, profile: "calm", trace: null });
    return false;
  } catch (error) {
    assert.ok(error instanceof Violation);
    return error.invariant === "L5" && /decided in a handover, is not known at/.test(error.message);
  }
}

test("L3: a calm republic decides something, for no reason", () => {
  const step = methodOf(CoreCluster.prototype, "step");
  using _ = inPlaceOf(
    CoreCluster.prototype,
    "step",
    function (this: CoreCluster, node: CoreNode, input: Unstamped) {
      // Whenever a barrier is asked for, as is once more in the calm, there is a new publisher.
      if (input.kind === "barrier") {
        const nonce = String(input.barrier).padStart(16, "0");
        const value = { kind: "registration", nonce } as const;
        Reflect.apply(step, this, [node, { kind: "enqueue", value }]);
      }
      return Reflect.apply(step, this, [node, input]);
    },
  );
  breaks("L3", /decided for no reason: .*registration/, 2);
});

function falsified({ effect, ...rest }: Applied): Applied {
  return { ...rest, effect: effect.kind === "applied" ? { kind: "unknownPublisher" } : effect };
}

test("C1: a batch that ends with an outcome which no batch of an honest publisher has", () => {
  const watch = methodOf(CoreCluster.prototype, "watch");
  using _ = inPlaceOf(
    CoreCluster.prototype,
    "watch",
    function (this: CoreCluster, watcher: Watcher) {
      const misled: Watcher = (node, outcome, input) => {
        watcher(node, { ...outcome, applied: outcome.applied.map(falsified) }, input);
      };
      Reflect.apply(watch, this, [misled]);
    },
  );
  breaks("C1", /ends with unknownPublisher/);
});

/** Not every run has a leader whose disk hangs, for long or for a moment. */
function firstFailure(): string {
  for (let seed = 1; seed <= 60; seed += 1) {
    try {
      simulate({ seed, profile: "calm", trace: null });
    } catch (error) {
      return String(error);
    }
  }
  return "none";
}

test("L4, L6: a leader that is sick and stays, or was so for a moment and goes", () => {
  {
    using _ = inPlaceOf(CoreCluster.prototype, "stall", () => undefined);
    assert.match(firstFailure(), /L6: .* of a hanging disk of . left it the leader/);
  }
  using _ = inPlaceOf(CoreCluster.prototype, "stall", function (this: CoreCluster, node: CoreNode) {
    const leader = this.up.find(({ legislator }) => legislator.role === "leading");
    this.pause(leader ?? node, 2 * clockwork.silenceTicks);
  });
  assert.match(firstFailure(), /L4: .* of a hanging disk of . cost 1 changes of leader/);
});

/** Nodes that are told whether they have room only where `isHeard` says so. */
function heeding(isHeard: (hasRoom: boolean) => boolean): Disposable {
  const step = methodOf(CoreNode.prototype, "step");
  return inPlaceOf(CoreNode.prototype, "step", function (this: CoreNode, input: LegislatorInput) {
    if (input.kind !== "room" || isHeard(input.hasRoom)) return Reflect.apply(step, this, [input]);
    this.hasRoom = input.hasRoom;
    return quiet;
  });
}

test("D11: a full disk that its node does not heed, or for ever", () => {
  const seed = seedOf("full majority", "calm");
  {
    using _ = heeding(() => false);
    breaks("D11", /without room, takes|answers enqueued, with \d full disks/, seed);
  }
  using _ = heeding((hasRoom) => !hasRoom);
  breaks("D11", /nothing is decided, though there is room/, seed);
});

test("D5, S1: an old disk, or one of another past, whose node goes on", () => {
  const [old, other] = [seedOf("old disk"), seedOf("other past")];
  {
    using _ = inPlaceOf(VirtualDisk.prototype, "rollBack", () => undefined);
    breaks("D5", /on an old disk, sends/, old, "churn");
    using __ = inPlaceOf(Invariants.prototype, "rollBack", () => undefined);
    breaks("D5", /goes on: no halt staleDisk/, old, "churn");
  }
  using _ = inPlaceOf(VirtualDisk.prototype, "alterPast", () => undefined);
  breaks("S1", /goes on: no halt diverged/, other, "churn");
});

/** A run that ends with such a disk, or in which something else was counted. */
function seedOf(what: string, profile: ProfileName = "churn", first = 1): number {
  for (let seed = first; seed < 60; seed += 1) {
    const { counts } = simulate({ seed, profile, trace: null });
    if (counts.has(what)) return seed;
  }
  throw new Error(`no run has ${what}`);
}

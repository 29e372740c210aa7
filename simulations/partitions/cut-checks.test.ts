/**
 * What runs under lasting cuts check by themselves can fail (H3): operators that do nothing, cuts
 * that cut nothing, and leaders that do not stay, each put into a run that is right.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeId } from "../../consensus/index.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { CoreCluster, type Watcher } from "../core/core-cluster.ts";
import type { CoreNode, Unstamped } from "../core/core-node.ts";
import { Membership } from "../core/membership.ts";
import { Network } from "../core/network.ts";
import { inPlaceOf, methodOf } from "../in-place-of.ts";
import { Clients } from "./clients.ts";
import { simulateGraph } from "./drawn-run.ts";
import { electionTimeout, PartitionRun, type Case } from "./partition-run.ts";
import { judge } from "./verdict.ts";
import { judgeWhole, runWholeNodes, type WholeMeasured } from "./whole-node.ts";

const chained: Case = { graph: "chained-3", leader: "b", lag: "none", seed: 1, timeouts: 4 };

function breaks(invariant: string, message: RegExp, different: Partial<Case> = {}): void {
  const [fault, ...others] = judge(new PartitionRun({ ...chained, ...different }).run());
  assert.equal(fault?.invariant, invariant);
  assert.match(fault.message, message);
  assert.equal(others.length, 0);
}

const nothing = (): undefined => undefined;

test("L1: leadership that cannot be handed over, even before any cut", () => {
  using _ = inPlaceOf(Membership.prototype, "transfer", nothing);
  breaks("L1", /b could not be made the leader/);
});

/** Hands over the cluster of the run that is made meanwhile. */
function watching(): Disposable & { cluster(): CoreCluster } {
  const clusters: CoreCluster[] = [];
  const watch = methodOf(CoreCluster.prototype, "watch");
  const watched = function (this: CoreCluster, watcher: Watcher): void {
    clusters.push(this);
    Reflect.apply(watch, this, [watcher]);
  };
  const replaced = inPlaceOf(CoreCluster.prototype, "watch", watched);
  return {
    cluster: () => {
      const [cluster] = clusters;
      assert.ok(cluster !== undefined);
      return cluster;
    },
    [Symbol.dispose]: () => replaced[Symbol.dispose](),
  };
}

test("L3: a leader that does not stay, even before any cut", () => {
  using watched = watching();
  const transfer = methodOf(Membership.prototype, "transfer");
  using _ = inPlaceOf(Membership.prototype, "transfer", function (this: Membership, to: NodeId) {
    Reflect.apply(transfer, this, [to]);
    // Whoever is asked first may not lead, and only says who does.
    for (const delay of [1, 1.2, 1.4]) {
      watched.cluster().schedule.after(delay * electionTimeout, () => {
        Reflect.apply(transfer, this, ["c"]);
      });
    }
  });
  breaks("L3", /b is deposed for no reason/);
});

test("L2: a seat that stays taken, and a node that does not get to the end of the log", () => {
  {
    using _ = inPlaceOf(Membership.prototype, "exile", nothing);
    breaks("L2", /5 seats are taken/, { graph: "4:63", leader: "a" });
  }
  using watched = watching();
  using _ = inPlaceOf(Clients.prototype, "stop", () => {
    const { network } = watched.cluster();
    for (const id of ["a", "b"]) {
      network.cut(id, "c");
      network.cut("c", id);
    }
  });
  breaks("L2", /[ac] is at \d+ of \d+/);
});

test("L5: a node that misses nothing while it is cut off, since nothing is decided", () => {
  const step = methodOf(CoreCluster.prototype, "step");
  using _ = inPlaceOf(
    CoreCluster.prototype,
    "step",
    function (this: CoreCluster, node: CoreNode, input: Unstamped) {
      return input.kind === "enqueue" ? null : Reflect.apply(step, this, [node, input]);
    },
  );
  breaks("L5", /misses nothing/, { lag: "isolated" });
});

test("A1, L6: cuts that cut nothing, where nobody should be able to lead", () => {
  const nobody = { graph: "3:0", leader: "a" };
  assert.deepEqual(judge(new PartitionRun({ ...chained, ...nobody }).run()), []);
  using _ = inPlaceOf(Network.prototype, "cut", nothing);
  const faults = judge(new PartitionRun({ ...chained, ...nobody }).run());
  assert.deepEqual(
    faults.map(({ invariant }) => invariant),
    ["A1", "L6"],
  );
});

test("a drawn run passes, and tells what is out of bounds by its id", () => {
  assert.ok(simulateGraph(1, null).slots > 100);
  using _ = inPlaceOf(Membership.prototype, "transfer", nothing);
  const leaders = Array.from({ length: 4 }, (_each, seed) => seed + 1);
  assert.throws(() => leaders.map((seed) => simulateGraph(seed, null)), {
    name: "Violation",
    invariant: "L1",
    message: /could not be made the leader/,
  });
});

test("L1, L3: whole nodes that do not serve, or that another leads than should", async () => {
  const measured = await runWholeNodes(chained);
  const flagged = (different: Partial<WholeMeasured>): readonly string[] => {
    return judgeWhole({ ...measured, ...different }).map(({ invariant }) => invariant);
  };
  assert.deepEqual(flagged({}), []);
  assert.deepEqual(flagged({ served: ["a"] }), ["L1"]);
  assert.deepEqual(flagged({ allAfter: 3.01 }), ["L1"]);
  assert.deepEqual(flagged({ idleWindows: 1 }), ["L3"]);
  const [before] = measured.ballots;
  assert.ok(before !== undefined);
  assert.deepEqual(flagged({ ballots: [before, { ...before, id: "z" }] }), ["L3"]);
  using _ = inPlaceOf(Kibitzer.prototype, "transfer", async () => ({ leader: "z" }));
  const { report } = await runWholeNodes(chained);
  assert.equal(report.failure?.invariant, "L1");
});

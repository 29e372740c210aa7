/**
 * An exile is of one incarnation: whoever joins under the same id afterwards is in to stay (C5).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../prng.ts";
import { CoreCluster } from "./core-cluster.ts";
import type { CoreNode, Unstamped } from "./core-node.ts";
import { Invariants } from "./invariants.ts";
import { Membership } from "./membership.ts";

function leads(node: CoreNode): boolean {
  return node.legislator.view().role === "leading";
}

class Republic {
  readonly invariants: Invariants = new Invariants();
  readonly cluster: CoreCluster;
  readonly membership: Membership;

  constructor(ids: readonly string[]) {
    const prng = new Prng(11);
    const { invariants } = this;
    this.cluster = new CoreCluster({ prng, invariants, recorded: false, trace: null });
    const options = { cluster: this.cluster, invariants, prng: prng.fork("operator") };
    this.membership = new Membership({ ...options, parliamentSize: 3 }, "a");
    for (const id of ids) this.cluster.add(id);
    this.proceed(3000);
    assert.deepEqual(this.parliament, ["a", "b", "c"]);
  }

  get parliament(): readonly string[] {
    return this.invariants.chosen.republic.government?.parliament ?? [];
  }

  proceed(duration: number): void {
    const until = this.cluster.now + duration;
    while (this.cluster.now < until && this.cluster.schedule.next(until));
  }

  askLeader(input: Unstamped): string | undefined {
    const leader = this.cluster.up.find((node) => !node.halted && leads(node));
    assert.ok(leader !== undefined);
    return this.cluster.step(leader, input)?.reply?.kind;
  }
}

for (const ids of [
  ["a", "b", "c"],
  ["a", "b", "c", "d"],
]) {
  const id = ids.at(-1) ?? "";
  test(`of ${ids.length} nodes ${id} loses its disk, is exiled, and is replaced`, () => {
    const republic = new Republic(ids);
    const { cluster, invariants } = republic;
    const lost = cluster.node(id);
    cluster.crash(lost);
    lost.retired = true;
    assert.equal(republic.askLeader({ kind: "exile", id }), "enqueued");
    republic.proceed(1000);
    assert.equal(invariants.chosen.republic.member(id), null);
    assert.deepEqual(invariants.chosen.republic.government?.leaving, []);
    const next = cluster.add(id);
    republic.proceed(4000);
    const member = invariants.chosen.republic.member(id);
    assert.equal(member?.cookie, next.cookie);
    assert.equal(member?.naturalized, true);
    assert.equal(next.halted, false);
    assert.deepEqual(republic.parliament, ["a", "b", "c"]);
  });
}

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
    for (const id of ids.slice(0, 3)) this.cluster.add(id);
    this.proceed(3000);
    for (const id of ids.slice(3)) this.cluster.add(id);
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

  proceedUntil(what: string, holds: () => boolean): void {
    const until = this.cluster.now + 60_000;
    while (!holds()) {
      assert.ok(this.cluster.now < until && this.cluster.schedule.next(until), what);
    }
  }

  /** Takes the disk of `id` away for good, and makes it a member again, with another. */
  replace(id: string): CoreNode {
    const lost = this.cluster.node(id);
    this.cluster.crash(lost);
    lost.retired = true;
    this.proceedUntil("a leader", () => this.askLeader({ kind: "exile", id }) === "enqueued");
    this.proceedUntil("its exile", () => this.invariants.chosen.republic.member(id) === null);
    return this.cluster.add(id);
  }

  isIn(node: CoreNode): boolean {
    const member = this.invariants.chosen.republic.member(node.id);
    return member?.cookie === node.cookie && member.naturalized;
  }

  /** Makes the log longer by `slots`. */
  fill(slots: number): void {
    for (let count = 0; count < slots; count += 1) {
      const nonce = count.toString(16).padStart(16, "0");
      this.askLeader({ kind: "enqueue", value: { kind: "registration", nonce } });
      this.proceed(10);
    }
  }

  askLeader(input: Unstamped): string | undefined {
    const leader = this.cluster.up.find((node) => !node.halted && leads(node));
    if (leader === undefined) return undefined;
    if (input.kind === "exile") this.membership.expectExile(this.cluster.node(input.id));
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

test("a newcomer that stops while it learns goes on, though all it knows were replaced", () => {
  const republic = new Republic(["a", "b", "c", "d", "e"]);
  const { cluster, invariants } = republic;
  republic.fill(400);
  const newcomer = republic.replace("c");
  republic.proceedUntil("a part of the log", () => invariants.appliedBy(newcomer) > 40);
  assert.ok(invariants.appliedBy(newcomer) < 300, "it is stopped while it learns");
  cluster.crash(newcomer);
  for (const id of ["a", "b", "d", "e"]) {
    const next = republic.replace(id);
    republic.proceedUntil(`${id} is in`, () => republic.isIn(next));
  }
  cluster.start(newcomer);
  republic.proceedUntil("the newcomer is in", () => republic.isIn(newcomer));
  assert.equal(newcomer.halted, false);
});

test("a seat that is taken away is not given to whom an exile is under way for", () => {
  const republic = new Republic(["a", "b", "c", "d"]);
  const { cluster, invariants } = republic;
  for (const id of ["d", "c"]) {
    assert.equal(republic.askLeader({ kind: "exile", id }), "enqueued");
    cluster.node(id).retired = true;
  }
  republic.proceed(1000);
  assert.equal(invariants.chosen.republic.member("c"), null);
  assert.equal(invariants.chosen.republic.member("d"), null);
  assert.deepEqual(republic.parliament, ["a", "b"]);
  const next = cluster.add("d");
  republic.proceed(4000);
  assert.equal(republic.isIn(next), true);
  assert.deepEqual(republic.parliament, ["a", "b", "d"]);
});

test("M4: an exile that nobody asked for", () => {
  const republic = new Republic(["a", "b", "c", "d"]);
  const leader = republic.cluster.up.find(leads);
  assert.ok(leader !== undefined);
  republic.cluster.step(leader, { kind: "exile", id: "d" });
  assert.throws(() => republic.proceed(2000), /M4/);
});

/** A node that comes back with an old disk attests nothing any more, and halts (C5, D5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import { CoreCluster } from "./core-cluster.ts";
import type { CoreNode } from "./core-node.ts";
import { Invariants } from "./invariants.ts";
import { Membership } from "./membership.ts";

class Republic {
  readonly invariants: Invariants = new Invariants();
  readonly cluster: CoreCluster;
  readonly membership: Membership;
  readonly attested: Message["kind"][] = [];
  watched: CoreNode | null = null;

  constructor(seed: number) {
    const prng = new Prng(seed);
    const { invariants } = this;
    this.cluster = new CoreCluster({ prng, invariants, recorded: false, trace: null });
    const options = { cluster: this.cluster, invariants, prng: prng.fork("operator") };
    this.membership = new Membership({ ...options, parliamentSize: 3 }, "a");
    for (const id of ["a", "b", "c"]) this.cluster.add(id);
    this.cluster.watch((node, { send }) => {
      if (node !== this.watched) return;
      for (const { message } of send) {
        const binds = message.kind === "promised" || message.kind === "accepted";
        if (binds || message.kind === "prepare") this.attested.push(message.kind);
      }
    });
  }

  /** Lets `duration` pass, deciding something all the time. */
  proceed(duration: number): void {
    const until = this.cluster.now + duration;
    const nonce = "0".repeat(16);
    for (let now = this.cluster.now; now < until; now = this.cluster.now) {
      for (const node of this.cluster.up) {
        if (node.halted || node.legislator.view().role !== "leading") continue;
        this.cluster.step(node, { kind: "enqueue", value: { kind: "registration", nonce } });
      }
      while (this.cluster.schedule.next(now + 20));
    }
  }
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`an old backup never votes: seed ${seed}`, () => {
    const republic = new Republic(seed);
    const { cluster, invariants } = republic;
    republic.proceed(2000);
    assert.equal(invariants.chosen.republic.government?.parliament.length, 3);
    const node = cluster.node("b");
    const backup = node.disk.backUp();
    republic.membership.transfer("c");
    // Long enough for the others to note durably what b attests meanwhile.
    republic.proceed(4000);
    cluster.crash(node);
    node.disk.rollBack(backup);
    invariants.rollBack(node);
    republic.watched = node;
    cluster.start(node);
    republic.proceed(2000);
    assert.equal(cluster.counts.get("halt staleDisk"), 1);
    assert.deepEqual(republic.attested, []);
    assert.ok(invariants.chosen.length > 100);
  });
}

test("the same disk again is not an old disk", () => {
  const republic = new Republic(6);
  const { cluster } = republic;
  republic.proceed(2000);
  const node = cluster.node("b");
  cluster.crash(node);
  republic.watched = node;
  cluster.start(node);
  republic.proceed(2000);
  assert.equal(cluster.counts.get("halt staleDisk"), undefined);
  assert.ok(republic.attested.length > 0);
});

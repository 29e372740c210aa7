/**
 * One seeded run: a phase with faults in which nothing wrong may happen, then a phase without, in
 * which everything right must (the cluster settles all batches and agrees to the last slot).
 */
import { Prng } from "../prng.ts";
import { decreesText } from "./abbreviate.ts";
import { calmNodes, CoreCluster } from "./core-cluster.ts";
import type { CoreNode } from "./core-node.ts";
import { Faults } from "./faults.ts";
import { Invariants } from "./invariants.ts";
import { Membership } from "./membership.ts";
import { calmLinks } from "./network.ts";
import { describeProfile, drawProfile, type Profile, type ProfileName } from "./profiles.ts";
import { Publisher } from "./publisher.ts";
import { demand } from "./violation.ts";

export interface Report {
  readonly profile: string;
  readonly steps: number;
  readonly slots: number;
  readonly acknowledged: number;
  /** Virtual milliseconds from the end of all faults to convergence. */
  readonly settledAfter: number;
  readonly counts: ReadonlyMap<string, number>;
}

export interface RunOptions {
  readonly seed: number;
  readonly profile: ProfileName;
  /** Takes each line of the trace; null for none. */
  readonly trace: ((line: string) => void) | null;
}

const settleWithin = 12_000;
/** Without any change: several rounds of pings, and as long as silence takes to be noticed. */
const settledFor = 600;
const staysCalmFor = 1500;

class Simulation {
  readonly profile: Profile;
  readonly #prng: Prng;
  readonly #invariants = new Invariants();
  readonly #cluster: CoreCluster;
  readonly #membership: Membership;
  readonly #publishers: Publisher[] = [];
  readonly #barriers = new Map<string, { readonly atLeast: number }>();
  #barrier = 0;

  constructor({ seed, profile, trace }: RunOptions) {
    this.#prng = new Prng(`core ${seed} ${profile}`);
    this.profile = drawProfile(profile, this.#prng.fork("profile"));
    trace?.(describeProfile(this.profile));
    const invariants = this.#invariants;
    const recorded = this.#prng.chance(0.5);
    this.#cluster = new CoreCluster({ prng: this.#prng, invariants, recorded, trace });
    this.#membership = new Membership(
      {
        cluster: this.#cluster,
        invariants,
        prng: this.#prng.fork("membership"),
        parliamentSize: this.profile.parliamentSize,
      },
      "a",
    );
  }

  /** @throws {Violation} with the id of the first invariant that was broken. */
  run(): Report {
    const cluster = this.#cluster;
    this.#populate();
    cluster.network.faults = this.profile.links;
    cluster.nodeFaults = this.profile.nodes;
    const membership = this.#membership;
    const faults = new Faults(cluster, membership, this.#prng.fork("faults"), this.profile);
    this.#askBarriers();
    this.#proceed(this.profile.duration);
    faults.stop();
    const settledAfter = this.#settle();
    this.#stayCalm();
    for (const node of cluster.up) node.verifyRecording();
    return {
      profile: describeProfile(this.profile),
      steps: cluster.steps,
      slots: this.#invariants.chosen.length,
      acknowledged: this.#invariants.acknowledged,
      settledAfter,
      counts: cluster.counts,
    };
  }

  #populate(): void {
    const cluster = this.#cluster;
    this.#addNode("a");
    for (const [at, delay] of this.profile.arrivals.entries()) {
      cluster.schedule.after(delay, () => this.#addNode("bcdefghi".charAt(at)));
    }
    for (let count = 0; count < this.profile.publishers; count += 1) {
      cluster.schedule.after(this.#prng.between(50, 1000), () => {
        const { batches } = this.profile;
        const prng = this.#prng.fork("publisher");
        const invariants = this.#invariants;
        const publisher = new Publisher({ cluster, invariants, prng, batches });
        publisher.loss = this.profile.links.drop;
        this.#publishers.push(publisher);
      });
    }
    cluster.watch((node, { barriers }) => {
      for (const { barrier, slot } of barriers) this.#onBarrier(node, barrier, slot);
    });
  }

  #addNode(id: string): void {
    const node = this.#cluster.add(id);
    node.rate = 1 + this.#prng.between(-1, 1) * this.profile.drift;
  }

  #askBarriers(): void {
    const cluster = this.#cluster;
    const { barrier } = this.profile.rates;
    const node = this.#prng.pick([...cluster.nodes.values()]);
    if (node.isUp && this.#prng.chance(barrier * 0.05)) {
      this.#barrier += 1;
      const number = this.#barrier;
      const atLeast = this.#invariants.acknowledgedSlot;
      this.#barriers.set(`${node.id} ${node.starts} ${number}`, { atLeast });
      cluster.step(node, { kind: "barrier", barrier: number });
    }
    cluster.schedule.after(50, () => this.#askBarriers());
  }

  #onBarrier(node: CoreNode, barrier: number, slot: number | null): void {
    const key = `${node.id} ${node.starts} ${barrier}`;
    const asked = this.#barriers.get(key);
    demand(asked !== undefined, "C5", () => `barrier ${key} is answered but not asked`);
    this.#barriers.delete(key);
    this.#cluster.count(slot === null ? "barrier lost" : "barrier answered");
    demand(slot === null || slot >= asked.atLeast, "C5", () => {
      return `barrier ${key} says ${slot ?? 0}, slot ${asked.atLeast} was acknowledged before`;
    });
  }

  #proceed(duration: number): void {
    const until = this.#cluster.now + duration;
    while (this.#cluster.schedule.next(until));
  }

  /** Heals and restarts everything; returns how long it took to settle. */
  #settle(): number {
    const cluster = this.#cluster;
    cluster.note(() => "all faults end");
    cluster.network.faults = calmLinks;
    cluster.nodeFaults = calmNodes;
    for (const publisher of this.#publishers) publisher.loss = 0;
    for (const node of cluster.nodes.values()) {
      node.pausedUntil = Math.min(node.pausedUntil, cluster.now);
      cluster.start(node);
    }
    const from = cluster.now;
    let since = from;
    let signs = "";
    while (cluster.now - since < settledFor) {
      this.#proceed(50);
      const now = this.#signsOfLife();
      if (now === signs && this.#isSettled()) continue;
      [signs, since] = [now, cluster.now];
      const isLate = since - from > settleWithin;
      demand(!isLate, "L2", () => `not settled: ${this.#unsettled().join("; ")}`);
    }
    return since - from;
  }

  /** Changes whenever somebody campaigns or anything is decided. */
  #signsOfLife(): string {
    return `${this.#invariants.chosen.length} ${this.#cluster.counts.get("prepare") ?? 0}`;
  }

  #isSettled(): boolean {
    return this.#unsettled().length === 0;
  }

  /** What is still to come, for people. */
  #unsettled(): string[] {
    const missing: string[] = [];
    if (!this.#membership.isSettled) missing.push("membership changes are open");
    if (!this.#publishers.every((publisher) => publisher.isDone)) missing.push("batches are open");
    if (this.#publishers.length < this.profile.publishers) missing.push("publishers are to come");
    const { chosen } = this.#invariants;
    for (const node of this.#staying()) {
      const applied = this.#invariants.appliedBy(node);
      if (!node.isUp) missing.push(`${node.id} is down`);
      if (applied < chosen.length) missing.push(`${node.id} is at ${applied} of ${chosen.length}`);
    }
    const { members, government } = chosen.republic;
    const seats = government?.parliament ?? [];
    const most = Math.min(this.profile.parliamentSize, members.length);
    // An exile may leave an even number behind; growth never does.
    if (seats.length < most - 1) missing.push(`of ${most} seats are taken: ${seats.join(" ")}`);
    if (seats.length > this.profile.parliamentSize) missing.push(`too many: ${seats.join(" ")}`);
    return missing;
  }

  #staying(): readonly CoreNode[] {
    return [...this.#cluster.nodes.values()].filter((node) => !node.retired);
  }

  /** Left alone, a settled republic changes nothing any more (L3). */
  #stayCalm(): void {
    const { chosen } = this.#invariants;
    const { length } = chosen;
    const prepares = this.#cluster.counts.get("prepare");
    this.#proceed(staysCalmFor);
    demand(chosen.length === length, "L3", () => {
      const decree = chosen.at(length + 1)?.decree;
      return `decided for no reason: ${decree === undefined ? "" : decreesText([decree])}`;
    });
    demand(this.#cluster.counts.get("prepare") === prepares, "L3", () => "a leader is deposed");
    demand(this.#isSettled(), "L3", () => `unsettled again: ${this.#unsettled().join("; ")}`);
  }
}

export function simulate(options: RunOptions): Report {
  return new Simulation(options).run();
}

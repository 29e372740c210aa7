/**
 * One seeded run: a phase with faults in which nothing wrong may happen, then a phase without, in
 * which everything right must (the cluster settles all batches and agrees to the last slot).
 */
import type { NodeId } from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import { decreesText } from "./abbreviate.ts";
import { calmNodes, CoreCluster } from "./core-cluster.ts";
import { clockwork, type CoreNode } from "./core-node.ts";
import { Epilogue } from "./epilogue.ts";
import { Faults } from "./faults.ts";
import { Invariants } from "./invariants.ts";
import { Membership } from "./membership.ts";
import { drawMinority } from "./minority.ts";
import { calmLinks, orderlyLinks } from "./network.ts";
import { describeProfile, drawProfile, type Profile, type ProfileName } from "./profiles.ts";
import { Publisher } from "./publisher.ts";
import { endureFullDisks, leaderHasRoom, Rooms, type RoomParts } from "./rooms.ts";
import { endureStall, Leaders } from "./stalls.ts";
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
const barrierWithin = 1000;

class Simulation {
  readonly profile: Profile;
  readonly #prng: Prng;
  readonly #roomPrng: Prng;
  readonly #leaders = new Leaders();
  readonly #invariants = new Invariants();
  readonly #cluster: CoreCluster;
  readonly #membership: Membership;
  readonly #publishers: Publisher[] = [];
  readonly #barriers = new Map<string, { readonly atLeast: number; readonly askedAt: number }>();
  #barrier = 0;

  constructor({ seed, profile, trace }: RunOptions) {
    this.#prng = new Prng(`core ${seed} ${profile}`);
    this.#roomPrng = this.#prng.fork("room");
    this.profile = drawProfile(profile, this.#prng.fork("profile"));
    trace?.(describeProfile(this.profile));
    const invariants = this.#invariants;
    const recorded = this.#prng.chance(0.5);
    const timing = { ...clockwork, replaceTicks: this.profile.replaceTicks };
    this.#cluster = new CoreCluster({ prng: this.#prng, invariants, recorded, trace, timing });
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
    const prng = this.#prng.fork("epilogue");
    const epilogue = new Epilogue({ cluster, invariants: this.#invariants, membership, prng });
    this.#askBarriers();
    this.#proceed(this.profile.duration);
    faults.stop();
    const settledAfter = this.#settle();
    this.#stayCalm();
    epilogue.run();
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
        const { batches, large, window } = this.profile;
        const prng = this.#prng.fork("publisher");
        const invariants = this.#invariants;
        const publisher = new Publisher({ cluster, invariants, prng, batches, window, large });
        publisher.loss = this.profile.links.drop;
        this.#publishers.push(publisher);
      });
    }
    const rooms = new Rooms();
    cluster.watch((node, outcome, input) => rooms.check(node, outcome, input));
    cluster.watch((node) => this.#leaders.see(node));
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
    if (node.isUp && this.#prng.chance(barrier * 0.05)) this.#askBarrier(node);
    cluster.schedule.after(50, () => this.#askBarriers());
  }

  #askBarrier(node: CoreNode): void {
    this.#barrier += 1;
    const number = this.#barrier;
    const atLeast = this.#invariants.acknowledgedSlot;
    const askedAt = this.#cluster.now;
    this.#barriers.set(`${node.id} ${lifeOf(node)} ${number}`, { atLeast, askedAt });
    this.#cluster.step(node, { kind: "barrier", barrier: number });
  }

  #onBarrier(node: CoreNode, barrier: number, slot: number | null): void {
    const key = `${node.id} ${lifeOf(node)} ${barrier}`;
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

  /**
   * Heals everything, and restarts everything but a minority, which then comes back last; returns
   * how long it took to settle.
   */
  #settle(): number {
    const cluster = this.#cluster;
    cluster.note(() => "all faults end");
    cluster.network.faults = calmLinks;
    cluster.nodeFaults = calmNodes;
    for (const publisher of this.#publishers) publisher.loss = 0;
    const from = cluster.now;
    const isDue = this.#prng.chance(0.5) && this.#membership.exiling.size === 0;
    const lost = isDue ? drawMinority(cluster, this.#invariants.chosen, this.#prng) : [];
    const areFull = this.#roomPrng.chance(0.4);
    for (const node of cluster.nodes.values()) {
      node.pausedUntil = Math.min(node.pausedUntil, cluster.now);
      if (lost.includes(node)) cluster.lose(node, areFull ? "full" : "down");
      else cluster.mend(node);
    }
    if (lost.length > 0) {
      this.#converge(() => [...this.#unserved(), ...this.#unreplaced()]);
      if (areFull) leaderHasRoom(this.#roomParts());
      this.#exileMeanwhile();
    }
    for (const node of lost) cluster.mend(node);
    return this.#converge(() => this.#unsettled()) - from;
  }

  /** A seat can be taken away, and given to who waits for one, also while others are down. */
  #exileMeanwhile(): void {
    const { republic } = this.#invariants.chosen;
    const seats = republic.government?.parliament ?? [];
    const waiting = republic.members.filter(({ id, naturalized, eligible }) => {
      return naturalized && eligible && !seats.includes(id) && this.#cluster.node(id).isUp;
    });
    if (waiting.length === 0 || this.#prng.chance(0.5)) return;
    const node = this.#cluster.node(this.#prng.pick(seats));
    this.#cluster.note(() => `${node.id} is to leave, while others are down`);
    this.#cluster.count("exile while others are down");
    this.#membership.exile(node);
    this.#converge(() => {
      const open = [...this.#membership.exiling].map(({ id }) => `${id} is to be exiled`);
      return [...this.#unserved(), ...open];
    });
  }

  #roomParts(): RoomParts {
    return {
      cluster: this.#cluster,
      invariants: this.#invariants,
      prng: this.#roomPrng,
      proceed: (duration) => this.#proceed(duration),
      askBarrier: (node) => this.#askBarrier(node),
    };
  }

  /** Waits until nothing is open and nothing has changed for a while; returns since when. */
  #converge(open: () => readonly string[]): number {
    const cluster = this.#cluster;
    const from = cluster.now;
    let since = from;
    let signs = "";
    while (cluster.now - since < settledFor) {
      this.#proceed(50);
      const now = this.#signsOfLife();
      if (now === signs && open().length === 0) continue;
      [signs, since] = [now, cluster.now];
      const isLate = since - from > settleWithin;
      demand(!isLate, "L2", () => `not settled: ${open().join("; ")}`);
    }
    return since;
  }

  /** Changes whenever somebody campaigns or anything is decided. */
  #signsOfLife(): string {
    return `${this.#invariants.chosen.length} ${this.#cluster.counts.get("prepare") ?? 0}`;
  }

  #isSettled(): boolean {
    return this.#unsettled().length === 0;
  }

  /** What clients still wait for of those that are up. */
  #unserved(): string[] {
    const missing: string[] = [];
    if (!this.#publishers.every((publisher) => publisher.isDone)) missing.push("batches are open");
    if (this.#publishers.length < this.profile.publishers) missing.push("publishers are to come");
    const { chosen } = this.#invariants;
    for (const node of this.#staying()) {
      const applied = this.#invariants.appliedBy(node);
      if (node.isUp && node.hasSpace && applied < chosen.length) {
        missing.push(`${node.id} is at ${applied} of ${chosen.length}`);
      }
    }
    return missing;
  }

  /** Whoever stays away gives way to a constituent that waits for a seat. */
  #unreplaced(): string[] {
    if (this.profile.replaceTicks === null) return [];
    const { members, government } = this.#invariants.chosen.republic;
    const seats = government?.parliament ?? [];
    const isUp = (id: NodeId): boolean => this.#cluster.node(id).isUp;
    const exiling = [...this.#membership.exiling].map(({ id }) => id);
    const waiting = members.filter(({ id, naturalized, eligible }) => {
      return naturalized && eligible && !seats.includes(id) && isUp(id) && !exiling.includes(id);
    });
    if (waiting.length === 0) return [];
    return seats.filter((id) => !isUp(id)).map((id) => `${id} is silent, and keeps its seat`);
  }

  /** What is still to come, for people. */
  #unsettled(): string[] {
    const missing = this.#unserved();
    if (!this.#membership.isSettled) missing.push("membership changes are open");
    const { chosen } = this.#invariants;
    for (const node of this.#staying()) if (!node.isUp) missing.push(`${node.id} is down`);
    const { members, government } = chosen.republic;
    const seats = government?.parliament ?? [];
    const eligible = members.filter((member) => member.eligible);
    const most = Math.min(this.profile.parliamentSize, eligible.length);
    const demoted = members.filter((member) => !member.eligible && seats.includes(member.id));
    if (demoted.length > 0 && seats.length > 1)
      missing.push(`demoted, with a seat: ${seats.join()}`);
    // An exile may leave an even number behind; growth never does.
    if (seats.length < most - 1) missing.push(`of ${most} seats are taken: ${seats.join(" ")}`);
    if (seats.length > this.profile.parliamentSize) missing.push(`too many: ${seats.join(" ")}`);
    return missing;
  }

  #staying(): readonly CoreNode[] {
    return [...this.#cluster.nodes.values()].filter((node) => !node.retired);
  }

  /**
   * What is published in a calm is decided, and told to everybody, at once; also when all that is
   * under way gets lost for a moment, which is too short for anybody to be missed (L2, L5).
   */
  #publishInCalm(): void {
    const cluster = this.#cluster;
    const { chosen } = this.#invariants;
    for (const [isLossy, within] of [
      [false, clockwork.pingTicks * 0.8],
      [true, 4 * clockwork.pingTicks],
    ] as const) {
      const leader = cluster.up.find((node) => node.legislator.role === "leading");
      demand(leader !== undefined, "L2", () => "nobody leads in a calm");
      const nonce = this.#prng.hex16();
      const slot = chosen.length + 1;
      cluster.network.faults = isLossy ? { ...calmLinks, drop: 1 } : calmLinks;
      cluster.step(leader, { kind: "enqueue", value: { kind: "registration", nonce } });
      this.#proceed(2);
      cluster.network.faults = calmLinks;
      this.#proceed(within);
      const seats = chosen.republic.government?.parliament ?? [];
      const late = seats.filter((id) => this.#invariants.appliedBy(cluster.node(id)) < slot);
      demand(late.length === 0, isLossy ? "L5" : "L2", () => {
        const how = isLossy ? "lost for a moment" : "decided in a calm";
        return `slot ${slot}, ${how}, is not known at ${late.join(" ")} after ${within} ms`;
      });
    }
  }

  /**
   * Leadership goes over in a calm while the leader has more and more to propose, and a moment
   * later everybody knows all that is decided (L5).
   */
  #handOverInCalm(): void {
    const cluster = this.#cluster;
    const { chosen } = this.#invariants;
    // A sync that began in the bad times may take long yet.
    if (this.#prng.chance(0.5) || cluster.up.some(({ syncing }) => syncing)) return;
    const leader = cluster.up.find((node) => node.legislator.role === "leading");
    const reply = leader && cluster.step(leader, { kind: "transfer", to: null })?.reply;
    if (leader === undefined || reply?.kind !== "enqueued") return;
    cluster.count("handover in a calm");
    cluster.network.faults = orderlyLinks;
    for (let bursts = this.#prng.integer(1, 8); bursts > 0; bursts -= 1) {
      this.#proceed(this.#prng.exponential(1));
      for (let left = this.#prng.integer(1, 4); left > 0; left -= 1) {
        const value = { kind: "registration", nonce: this.#prng.hex16() } as const;
        cluster.step(leader, { kind: "enqueue", value });
      }
    }
    this.#proceed(clockwork.pingTicks * 1.8);
    const seats = chosen.republic.government?.parliament ?? [];
    const late = seats.filter((id) => this.#invariants.appliedBy(cluster.node(id)) < chosen.length);
    demand(late.length === 0, "L5", () => {
      return `slot ${chosen.length}, decided in a handover, is not known at ${late.join(" ")}`;
    });
    cluster.network.faults = calmLinks;
    // Until everybody follows the new leader as it did the old one.
    this.#proceed(2 * clockwork.pingTicks);
  }

  /** Left alone, a settled republic changes nothing any more (L3). */
  #stayCalm(): void {
    const { chosen } = this.#invariants;
    if (this.#roomPrng.chance(0.3)) endureFullDisks(this.#roomParts());
    if (this.#roomPrng.chance(0.3)) endureStall(this.#roomParts(), this.#leaders);
    this.#converge(() => this.#unsettled());
    this.#handOverInCalm();
    const prepares = this.#cluster.counts.get("prepare");
    this.#publishInCalm();
    const { length } = chosen;
    const answered = this.#cluster.counts.get("barrier answered") ?? 0;
    for (const node of this.#cluster.up) this.#askBarrier(node);
    this.#proceed(staysCalmFor);
    demand((this.#cluster.counts.get("barrier answered") ?? 0) > answered, "L5", () => {
      return "no barrier is answered in a calm";
    });
    for (const [key, { askedAt }] of this.#barriers) {
      const [id = "", life] = key.split(" ");
      const node = this.#cluster.node(id);
      const isOver = !node.isUp || lifeOf(node) !== life;
      const isLate = askedAt < this.#cluster.now - barrierWithin;
      demand(isOver || !isLate, "L5", () => `barrier ${key} is never answered`);
    }
    demand(chosen.length === length, "L3", () => {
      const decree = chosen.at(length + 1)?.decree;
      return `decided for no reason: ${decree === undefined ? "" : decreesText([decree])}`;
    });
    demand(this.#cluster.counts.get("prepare") === prepares, "L3", () => "a leader is deposed");
    demand(this.#isSettled(), "L3", () => `unsettled again: ${this.#unsettled().join("; ")}`);
  }
}

/** Another incarnation under the same id counts its lives from 1 again. */
function lifeOf({ cookie, starts }: CoreNode): string {
  return `${cookie}#${starts}`;
}

export function simulate(options: RunOptions): Report {
  return new Simulation(options).run();
}

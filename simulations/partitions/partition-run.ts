/**
 * One run: a whole cluster under a given leader, from one moment on only the links of a graph, and
 * in the end all of them again. Measures how leadership takes it. No other faults, no judgement.
 */
import type { NodeId } from "../../consensus/index.ts";
import { CoreCluster } from "../core/core-cluster.ts";
import type { Clockwork, CoreNode } from "../core/core-node.ts";
import { Invariants } from "../core/invariants.ts";
import { Membership } from "../core/membership.ts";
import { demand, Violation } from "../core/violation.ts";
import { Prng } from "../prng.ts";
import { Clients } from "./clients.ts";
import { graphOf, laggard, quorumConnected, reaches, type Graph } from "./graph.ts";

/** The shipped defaults: the silence after which a peer counts as gone is one election time-out. */
export const timing: Clockwork = {
  pingTicks: 50,
  silenceTicks: 400,
  stallTicks: 2000,
  replaceTicks: 600_000,
};

/** One election time-out (ET) in virtual milliseconds. */
export const electionTimeout: number = timing.silenceTicks;

/**
 * Whether one follower misses entries before the cut: since its link to the leader is cut, so that
 * it has them from others a little later, or since it is cut off from everybody.
 */
export const lags = ["none", "link", "isolated"] as const;
export type Lag = (typeof lags)[number];

export interface Case {
  readonly graph: string;
  readonly leader: NodeId;
  readonly lag: Lag;
  readonly seed: number;
  /** How long only the links of the graph work, in ET. */
  readonly timeouts: number;
}

export interface Measured {
  readonly quorumConnected: readonly NodeId[];
  /** How many decided slots the lagging node missed at the cut. */
  readonly missed: number;
  /** ET until a quorum-connected node had an entry decided that was published after the cut. */
  readonly recoveredAfter: number | null;
  /** Leaderships that began between the cut and the healing. */
  readonly leaderChanges: number;
  /** Ballots begun after the recovery, or without one later than 4 ET after the cut. */
  readonly laterBallots: number;
  /** Windows of 2 ET after the recovery in which no such entry was decided. */
  readonly idleWindows: number;
  /** Who led at the end of the cut, though it could not be heard by a majority. */
  readonly idleLeaders: readonly NodeId[];
  /** Entries that were published and decided while the links were cut, wherever. */
  readonly decided: number;
  /** ET from the healing until every node had an entry that was published after it. */
  readonly healedAfter: number | null;
  /** Leaderships that began after the healing. */
  readonly changesHealed: number;
  /** Ballots begun, in vain or not, after every node had such an entry. */
  readonly ballotsHealed: number;
  readonly violation: { readonly invariant: string; readonly message: string } | null;
  /** Virtual seconds of the whole run. */
  readonly seconds: number;
  readonly story: readonly string[];
}

/** How much happened. */
export interface Ran {
  readonly steps: number;
  readonly slots: number;
  readonly counts: ReadonlyMap<string, number>;
}

const healingMax = 20 * electionTimeout;
const calmFor = 4 * electionTimeout;
const patience = 4 * electionTimeout;
const storyLinesMax = 200;

export class PartitionRun {
  readonly #case: Case;
  readonly #graph: Graph;
  readonly #prng: Prng;
  readonly #invariants = new Invariants();
  readonly #cluster: CoreCluster;
  readonly #membership: Membership;
  readonly #quorumConnected: readonly NodeId[];
  readonly #roles = new Map<NodeId, string>();
  readonly #ballotsAt: number[] = [];
  readonly #leadershipsAt: number[] = [];
  /** When a quorum-connected node saw an entry decided that was published after the cut. */
  readonly #servedAt: number[] = [];
  readonly #caughtUp = new Set<NodeId>();
  readonly #story: string[] = [];
  #idleLeaders: readonly NodeId[] = [];
  #decided = 0;
  #missed = 0;
  #cutAt = Infinity;
  #healedAt = Infinity;
  #convergedAt: number | null = null;

  constructor(options: Case, trace: ((line: string) => void) | null = null) {
    this.#case = options;
    this.#graph = graphOf(options.graph);
    this.#quorumConnected = quorumConnected(this.#graph);
    const { graph, leader, lag, seed } = options;
    if (!this.#graph.nodes.includes(leader)) {
      throw new RangeError(`no node ${leader} in graph ${graph}`);
    }
    this.#prng = new Prng(`partition ${seed} ${graph} ${leader} ${lag}`);
    const invariants = this.#invariants;
    const prng = this.#prng;
    this.#cluster = new CoreCluster({ prng, invariants, recorded: false, trace, timing });
    const parliamentSize = this.#spare === null ? this.#graph.nodes.length : 5;
    this.#membership = new Membership(
      { cluster: this.#cluster, invariants, prng: prng.fork("membership"), parliamentSize },
      "a",
    );
  }

  get ran(): Ran {
    const { steps, counts } = this.#cluster;
    return { steps, slots: this.#invariants.chosen.length, counts };
  }

  /** A parliament grows by two seats at a time: four seats are five less an exile. */
  get #spare(): NodeId | null {
    return this.#graph.nodes.length === 4 ? "e" : null;
  }

  run(): Measured {
    let violation: Measured["violation"] = null;
    try {
      this.#play();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      violation = { invariant: error.invariant, message: error.message };
    }
    return this.#measure(violation);
  }

  #play(): void {
    this.#assemble();
    const clients = this.#employ();
    this.#enthrone();
    this.#fallBehind();
    this.#cut();
    this.#proceed(this.#case.timeouts * electionTimeout);
    this.#heal();
    this.#proceed(healingMax, () => this.#convergedAt !== null);
    this.#proceed(calmFor);
    clients.stop();
    this.#proceed(electionTimeout);
    this.#demandOneLog();
  }

  #assemble(): void {
    const cluster = this.#cluster;
    const { nodes } = this.#graph;
    const spare = this.#spare;
    const ids = spare === null ? nodes : [...nodes, spare];
    for (const id of ids) cluster.add(id);
    cluster.watch((node) => this.#onStep(node));
    const { chosen } = this.#invariants;
    const seats = (): number => chosen.republic.government?.parliament.length ?? 0;
    this.#proceed(50_000, () => seats() === ids.length);
    if (spare !== null) {
      const node = cluster.node(spare);
      this.#membership.exile(node);
      this.#proceed(20_000, () => seats() === nodes.length && node.retired);
      cluster.crash(node);
    }
    // What begins with the last change of government has time to end.
    this.#proceed(2 * electionTimeout);
    demand(seats() === nodes.length, "L2", () => `${seats()} seats are taken`);
  }

  #employ(): Clients {
    return new Clients({
      cluster: this.#cluster,
      prng: this.#prng.fork("clients"),
      ids: this.#graph.nodes,
      interval: electionTimeout / 4,
      decided: (node, publishedAt, isFirst) => {
        if (isFirst && this.#isUnderCut(publishedAt)) this.#decided += 1;
        this.#onDecided(node, publishedAt);
      },
    });
  }

  /** Hands leadership over, as an operator does, until it has arrived. */
  #enthrone(): void {
    const { leader } = this.#case;
    const leads = (): boolean => this.#cluster.node(leader).legislator.role === "leading";
    for (let attempt = 0; attempt < 20 && !leads(); attempt += 1) {
      this.#membership.transfer(leader);
      this.#proceed(2 * electionTimeout, leads);
    }
    demand(leads(), "L1", () => `${leader} could not be made the leader`);
    this.#proceed(2 * electionTimeout);
    demand(leads(), "L3", () => `${leader} is deposed for no reason`);
  }

  #fallBehind(): void {
    const { lag, leader } = this.#case;
    if (lag === "none") return;
    const behind = laggard(this.#graph, leader);
    this.#tell(`${behind} lags: ${lag}`);
    for (const id of this.#graph.nodes) {
      if (id === behind || (lag === "link" && id !== leader)) continue;
      this.#cluster.network.cut(id, behind);
      this.#cluster.network.cut(behind, id);
    }
    this.#proceed(2 * electionTimeout);
    const node = this.#cluster.node(behind);
    const behindBy = (): number =>
      this.#invariants.chosen.length - this.#invariants.appliedBy(node);
    // It has what is decided from others within a round: the cut comes while it has not.
    this.#proceed(4 * electionTimeout, () => behindBy() > 0);
    this.#missed = behindBy();
    demand(this.#missed > 0, "L5", () => `${behind} misses nothing, though it was cut off`);
  }

  #cut(): void {
    const { network } = this.#cluster;
    const { nodes } = this.#graph;
    network.heal();
    for (const from of nodes) {
      for (const to of nodes) {
        if (!reaches(this.#graph, from, to)) network.cut(from, to);
      }
    }
    this.#cutAt = this.#cluster.now;
    this.#tell("the cut");
  }

  #heal(): void {
    this.#idleLeaders = this.#graph.nodes.filter((id) => {
      const { role } = this.#cluster.node(id).legislator;
      return role === "leading" && !this.#quorumConnected.includes(id);
    });
    this.#cluster.network.heal();
    this.#healedAt = this.#cluster.now;
    this.#tell("all links work again");
  }

  #onStep(node: CoreNode): void {
    const { role } = node.legislator;
    const before = this.#roles.get(node.id);
    if (role === before) return;
    this.#roles.set(node.id, role);
    if (role === "candidate") this.#ballotsAt.push(this.#cluster.now);
    if (role === "leading") this.#leadershipsAt.push(this.#cluster.now);
    const { round } = node.legislator.view().ballot;
    this.#tell(`${node.id}: ${before ?? "new"} → ${role}, ballot ${round}`);
  }

  #onDecided(node: CoreNode, publishedAt: number): void {
    const { now } = this.#cluster;
    if (publishedAt >= this.#healedAt) {
      this.#caughtUp.add(node.id);
      if (this.#caughtUp.size === this.#graph.nodes.length && this.#convergedAt === null) {
        this.#convergedAt = now;
        this.#tell("every node has an entry published after the healing");
      }
      return;
    }
    if (!this.#isUnderCut(publishedAt)) return;
    if (!this.#quorumConnected.includes(node.id)) return;
    if (this.#servedAt.length === 0) this.#tell(`${node.id}: has an entry published after the cut`);
    this.#servedAt.push(now);
  }

  /** Whether it was published and is decided while the links are cut. */
  #isUnderCut(publishedAt: number): boolean {
    return publishedAt >= this.#cutAt && this.#cluster.now < this.#healedAt;
  }

  #demandOneLog(): void {
    const { chosen } = this.#invariants;
    for (const id of this.#graph.nodes) {
      const applied = this.#invariants.appliedBy(this.#cluster.node(id));
      demand(applied === chosen.length, "L2", () => `${id} is at ${applied} of ${chosen.length}`);
    }
  }

  #measure(violation: Measured["violation"]): Measured {
    const [recoveredAt = null] = this.#servedAt;
    const [cutAt, healedAt] = [this.#cutAt, this.#healedAt];
    const isCut = (at: number): boolean => at > cutAt && at <= healedAt;
    const settledAt = recoveredAt ?? cutAt + patience;
    const calmAt = this.#convergedAt ?? healedAt;
    return {
      quorumConnected: this.#quorumConnected,
      missed: this.#missed,
      recoveredAfter: recoveredAt === null ? null : (recoveredAt - cutAt) / electionTimeout,
      leaderChanges: this.#leadershipsAt.filter(isCut).length,
      laterBallots: this.#ballotsAt.filter((at) => isCut(at) && at > settledAt).length,
      idleWindows: recoveredAt === null ? 0 : this.#idleWindows(recoveredAt),
      idleLeaders: this.#idleLeaders,
      decided: this.#decided,
      healedAfter:
        this.#convergedAt === null ? null : (this.#convergedAt - healedAt) / electionTimeout,
      changesHealed: this.#leadershipsAt.filter((at) => at > healedAt).length,
      ballotsHealed: this.#ballotsAt.filter((at) => at > calmAt).length,
      violation,
      seconds: this.#cluster.now / 1000,
      story: this.#story,
    };
  }

  #idleWindows(recoveredAt: number): number {
    const window = 2 * electionTimeout;
    const windows = Math.floor((this.#healedAt - recoveredAt) / window);
    const busy = new Set(this.#servedAt.map((at) => Math.floor((at - recoveredAt) / window)));
    let idle = 0;
    for (let at = 0; at < windows; at += 1) if (!busy.has(at)) idle += 1;
    return idle;
  }

  #proceed(duration: number, done: () => boolean = () => false): void {
    const until = this.#cluster.now + duration;
    while (!done() && this.#cluster.schedule.next(until));
  }

  /** Times of the story are in ET from the cut. */
  #tell(line: string): void {
    this.#cluster.note(() => line);
    if (this.#cutAt === Infinity && !line.includes("lags")) this.#story.length = 0;
    if (this.#story.length >= storyLinesMax) return;
    const since = (this.#cluster.now - this.#cutAt) / electionTimeout;
    this.#story.push(Number.isFinite(since) ? `${since.toFixed(3)} ET  ${line}` : line);
  }
}

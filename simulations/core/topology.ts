/**
 * Elections under lasting partial partitions: five members, one of them leads, then only some links
 * remain, for good. Measures how long it takes until something is decided again, and how calm it is
 * afterwards. No other faults.
 */
import type { NodeId } from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import { ballotText } from "./abbreviate.ts";
import { CoreCluster } from "./core-cluster.ts";
import { clockwork } from "./core-node.ts";
import { Invariants } from "./invariants.ts";
import { Membership } from "./membership.ts";
import { demand } from "./violation.ts";

export const ids = ["a", "b", "c", "d", "e"] as const;

export type Link = readonly [NodeId, NodeId];

export interface Topology {
  readonly name: string;
  readonly leader: NodeId;
  /** Cut off from the leader while entries are decided, before all else is cut; or nobody. */
  readonly lagging: NodeId | null;
  /**
   * Led before `leader`, and was cut off with entries that nobody else holds; or nobody did. Then
   * `leader` is whoever takes over.
   */
  readonly deposed?: NodeId;
  /** All that remains, both ways. */
  readonly links: readonly Link[];
}

export interface TopologyResult {
  /** Who hears a majority, itself included. */
  readonly quorumConnected: readonly NodeId[];
  /** Election time-outs until something was decided again; null when nothing was. */
  readonly recoveredAfter: number | null;
  /** Ballots that were begun later than four time-outs after the cut. */
  readonly laterBallots: number;
  /** Windows of two time-outs, after the recovery, in which nothing was decided. */
  readonly idleWindows: number;
  /** How many have led one after the other, and decided something, since the cut. */
  readonly successions: number;
  /** Who leads in the end though nobody is to be led. */
  readonly idleLeaders: readonly NodeId[];
}

type Counts = ReadonlyMap<string, number>;

const electionTimeout = clockwork.silenceTicks;

/** Pairs every two of `nodes`. */
function fullMesh(nodes: readonly NodeId[]): readonly Link[] {
  return nodes.flatMap((left, at) => nodes.slice(at + 1).map((right): Link => [left, right]));
}

function star(centre: NodeId, others: readonly NodeId[]): readonly Link[] {
  return others.map((other): Link => [centre, other]);
}

/** The named topologies N7–N10, each with all that makes it hard. */
export const namedTopologies: readonly Topology[] = [
  {
    name: "quorum-loss",
    leader: "c",
    lagging: null,
    links: star("a", ["b", "c", "d", "e"]),
  },
  {
    name: "constrained election",
    leader: "e",
    lagging: null,
    links: star("a", ["b", "c", "d"]),
  },
  {
    name: "constrained election, the candidate lags",
    leader: "e",
    lagging: "a",
    links: star("a", ["b", "c", "d"]),
  },
  {
    name: "constrained election, the candidate holds what nobody else does",
    leader: "e",
    lagging: null,
    deposed: "a",
    links: star("a", ["b", "c", "d"]),
  },
  {
    name: "chained",
    leader: "a",
    lagging: null,
    links: fullMesh(ids).filter(([left, right]) => left !== "a" || right !== "e"),
  },
  ...ids.map((leader) => ({
    name: `Howard and Abraham, ${leader} leads`,
    leader,
    lagging: null,
    links: [...fullMesh(["a", "b", "c"]), ["d", "b"] as const, ["e", "c"] as const],
  })),
];

/** One of the 1,024 labelled graphs on five nodes: bit n of `number` is link n. */
export function graphTopology(number: number, leader: NodeId, lagging: NodeId | null): Topology {
  const links = fullMesh(ids).filter((_, bit) => ((number >> bit) & 1) === 1);
  return { name: `graph ${number}, ${leader} leads`, leader, lagging, links };
}

export class TopologyRun {
  readonly #invariants = new Invariants();
  readonly #cluster: CoreCluster;
  readonly #membership: Membership;
  readonly #prng: Prng;
  readonly #topology: Topology;
  /** Virtual times at which something was decided. */
  readonly #decidedAt: number[] = [];
  readonly #ballotsAt: number[] = [];
  /** The ballots that have decided something, one after the other. */
  readonly #ballots: { readonly text: string; readonly at: number }[] = [];

  constructor(topology: Topology, seed: number, trace: ((line: string) => void) | null = null) {
    this.#topology = topology;
    this.#prng = new Prng(`topology ${seed} ${topology.name}`);
    const invariants = this.#invariants;
    this.#cluster = new CoreCluster({ prng: this.#prng, invariants, recorded: false, trace });
    const prng = this.#prng.fork("membership");
    const parliamentSize = ids.length;
    this.#membership = new Membership(
      { cluster: this.#cluster, invariants, prng, parliamentSize },
      "a",
    );
  }

  /** How much happened so far. */
  get ran(): { readonly steps: number; readonly slots: number; readonly counts: Counts } {
    const { steps, counts } = this.#cluster;
    return { steps, slots: this.#invariants.chosen.length, counts };
  }

  run(): TopologyResult {
    const { leader, lagging, deposed = null } = this.#topology;
    this.#assemble(deposed ?? leader);
    if (deposed !== null) this.#depose(deposed);
    if (lagging !== null) {
      this.#cut([[leader, lagging]]);
      this.#proceed(() => false, electionTimeout / 2);
    }
    const cutAt = this.#cluster.now;
    this.#cluster.network.heal();
    const kept = new Set(this.#topology.links.map((link) => link.toSorted().join(" ")));
    this.#cut(fullMesh(ids).filter((link) => !kept.has(link.join(" "))));
    this.#proceed(() => false, 40 * electionTimeout);
    return this.#judge(cutAt);
  }

  /** Cuts off whoever leads, and goes on as soon as its successor has decided something. */
  #depose(id: NodeId): void {
    const { chosen } = this.#invariants;
    this.#cut(ids.filter((other) => other !== id).map((other): Link => [id, other]));
    const successorLeads = (): boolean => {
      const node = this.#cluster.up.find((other) => {
        return other.id !== id && other.legislator.role === "leading";
      });
      return node !== undefined && chosen.hasChosenIn(node.legislator.view().promised);
    };
    this.#proceed(successorLeads, 8 * electionTimeout);
    demand(successorLeads(), "L1", () => `nobody takes over from ${id}`);
  }

  #judge(cutAt: number): TopologyResult {
    const links = this.#topology.links;
    const quorumConnected = ids.filter((id) => {
      return links.filter((link) => link.includes(id)).length + 1 > ids.length / 2;
    });
    // What was under way at the cut may still be decided by what had arrived.
    const first = this.#decidedAt.find((at) => at > cutAt + electionTimeout / 10);
    const recoveredAfter = first === undefined ? null : (first - cutAt) / electionTimeout;
    let idleWindows = 0;
    const window = 2 * electionTimeout;
    for (let from = cutAt + 2 * window; from + window <= this.#cluster.now; from += window) {
      if (!this.#decidedAt.some((at) => at >= from && at < from + window)) idleWindows += 1;
    }
    const laterBallots = this.#ballotsAt.filter((at) => at > cutAt + 2 * window).length;
    const idleLeaders = ids.filter((id) => {
      const { role } = this.#cluster.node(id).legislator.view();
      return role === "leading" && !quorumConnected.includes(id);
    });
    const successions = this.#ballots.filter(({ at }) => at > cutAt).length;
    return { quorumConnected, recoveredAfter, laterBallots, idleWindows, idleLeaders, successions };
  }

  /** Five seats, `leader` leading, and a steady stream of values to decide. */
  #assemble(leader: NodeId): void {
    const cluster = this.#cluster;
    const { chosen } = this.#invariants;
    for (const id of ids) cluster.add(id);
    let length = 0;
    cluster.watch((node, { send }) => {
      if (send.some(({ message }) => message.kind === "prepare" && message.ballot.id === node.id)) {
        this.#ballotsAt.push(cluster.now);
      }
      if (chosen.length > length) this.#decidedAt.push(cluster.now);
      for (let slot = length + 1; slot <= chosen.length; slot += 1) this.#noteBallot(slot);
      length = chosen.length;
    });
    this.#proceed(() => chosen.republic.government?.parliament.length === ids.length, 20_000);
    this.#feed();
    const leads = (): boolean => cluster.node(leader).legislator.view().role === "leading";
    for (let attempt = 0; attempt < 20 && !leads(); attempt += 1) {
      this.#membership.transfer(leader);
      this.#proceed(leads, 2 * electionTimeout);
    }
    demand(leads(), "L1", () => `${leader} could not be made the leader`);
    this.#proceed(() => false, 2 * electionTimeout);
    demand(leads(), "L3", () => `${leader} is deposed for no reason`);
  }

  #noteBallot(slot: number): void {
    const ballot = this.#invariants.chosen.ballotAt(slot);
    const text = ballot === null ? "" : ballotText(ballot);
    if (this.#ballots.at(-1)?.text !== text) this.#ballots.push({ text, at: this.#cluster.now });
  }

  #feed(): void {
    for (const node of this.#cluster.up) {
      if (node.legislator.view().role !== "leading") continue;
      this.#cluster.step(node, {
        kind: "enqueue",
        value: { kind: "registration", nonce: this.#prng.hex16() },
      });
    }
    this.#cluster.schedule.after(electionTimeout / 10, () => this.#feed());
  }

  #cut(links: readonly Link[]): void {
    this.#cluster.note(() => `cut ${links.map((link) => link.join("-")).join(" ")}`);
    for (const [left, right] of links) {
      this.#cluster.network.cut(left, right);
      this.#cluster.network.cut(right, left);
    }
  }

  #proceed(done: () => boolean, duration: number): void {
    const until = this.#cluster.now + duration;
    while (!done() && this.#cluster.schedule.next(until));
  }
}

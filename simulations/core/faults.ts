/** Injects the faults of a profile into a cluster, each at its own rate, until told to stop. */
import type { Message, NodeId, Outcome } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { CoreCluster } from "./core-cluster.ts";
import type { CoreNode } from "./core-node.ts";
import type { Membership } from "./membership.ts";
import type { Profile } from "./profiles.ts";

const every = 50;

export class Faults {
  readonly #cluster: CoreCluster;
  readonly #membership: Membership;
  readonly #prng: Prng;
  readonly #profile: Profile;
  #stopped = false;

  constructor(cluster: CoreCluster, membership: Membership, prng: Prng, profile: Profile) {
    this.#cluster = cluster;
    this.#membership = membership;
    this.#prng = prng;
    this.#profile = profile;
    if (profile.ambush > 0) cluster.watch((node, outcome) => this.#ambush(node, outcome));
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#cluster.network.heal();
  }

  #tick(): void {
    if (this.#stopped) return;
    const { rates } = this.#profile;
    const cluster = this.#cluster;
    const nodes = [...cluster.nodes.values()].filter((node) => !node.retired);
    if (this.#happens(rates.crash, "crash")) {
      this.#crash(this.#prng.pick(nodes), this.#profile.downMean);
    }
    if (this.#happens(rates.crashAll, "crash all")) {
      for (const node of nodes) this.#crash(node, 300);
    }
    if (this.#happens(rates.pause, "pause")) {
      cluster.pause(this.#prng.pick(nodes), this.#prng.exponential(400));
    }
    if (this.#happens(rates.fill, "full disk")) this.#fill(this.#prng.shuffle(nodes));
    if (this.#happens(rates.partition, "partition")) this.#partition(nodes.map(({ id }) => id));
    if (this.#happens(rates.hint, "hint")) {
      cluster.hint(this.#prng.pick(nodes), this.#prng.pick(nodes).id);
    }
    this.#operate(nodes);
    cluster.schedule.after(every, () => this.#tick());
  }

  /** Operators, too, come at any time. */
  #operate(nodes: readonly CoreNode[]): void {
    const { rates } = this.#profile;
    if (this.#happens(rates.transfer, "transfer")) {
      this.#membership.transfer(this.#prng.chance(0.5) ? null : this.#prng.pick(nodes).id);
    }
    if (this.#happens(rates.exile, "exile")) this.#exile(nodes);
    if (this.#happens(rates.reseat, "reseat")) this.#reseat(nodes);
    if (this.#happens(rates.move, "move")) this.#prng.pick(nodes).moves += 1;
  }

  #happens(rate: number, what: string): boolean {
    if (!this.#prng.chance((rate * every) / 1000)) return false;
    this.#cluster.count(what);
    return true;
  }

  /** One disk, or several at once, have no room for a while. */
  #fill(nodes: readonly CoreNode[]): void {
    const full = nodes.slice(0, this.#prng.chance(0.7) ? 1 : nodes.length - 1);
    for (const node of full) {
      this.#cluster.setRoom(node, false);
      this.#cluster.schedule.after(this.#prng.exponential(1500), () => {
        if (!this.#stopped) this.#cluster.setRoom(node, true);
      });
    }
  }

  #crash(node: CoreNode, downMean: number): void {
    this.#cluster.crash(node);
    if (this.#prng.chance(this.#profile.damage)) this.#damage(node);
    const down = this.#prng.exponential(downMean);
    this.#cluster.schedule.after(down, () => this.#cluster.start(node));
  }

  /** K5: never of more than a minority at a time, so that somebody still has what was chosen. */
  #damage(node: CoreNode): void {
    const { log, decided } = node.disk.durable;
    const { seats } = this.#membership;
    const lost = [...this.#cluster.nodes.values()].filter((each) => {
      return each !== node && each.disk.durable.lostUpTo > 0;
    });
    const isFew = 2 * (lost.length + 1) < seats.length;
    if (node.isUp || node.retired || !isFew || log.length <= decided) return;
    this.#cluster.damage(node, this.#prng.integer(decided + 1, log.length));
  }

  /**
   * The moment in which something is half done: proposed and not accepted, accepted and not
   * counted, decided and not told. Its node is gone, or is cut off from all others, or all but one.
   */
  #ambush(node: CoreNode, { send }: Outcome): void {
    if (this.#stopped || !send.some(({ message }) => momentous.has(message.kind))) return;
    if (!this.#prng.chance(this.#profile.ambush)) return;
    this.#cluster.count("ambush");
    this.#cluster.schedule.after(0, () => {
      if (this.#stopped) return;
      if (this.#prng.chance(0.4)) this.#crash(node, this.#profile.downMean);
      else this.#cutOff(node.id);
    });
  }

  /**
   * The others may be told at once, and go on without it before it finds out; or it is away itself
   * meanwhile.
   */
  #cutOff(alone: NodeId): void {
    const others = [...this.#cluster.nodes.keys()].filter((id) => id !== alone);
    const friends = this.#drawFriends(others);
    const cut = others.filter((id) => !friends.includes(id));
    this.#cut(cut.flatMap((id) => [[id, alone] as const, [alone, id] as const]));
    const isTold = this.#prng.chance(0.5);
    for (const id of isTold ? cut : []) this.#cluster.hint(this.#cluster.node(id), alone);
    if (!this.#prng.chance(0.3)) return;
    this.#cluster.pause(this.#cluster.node(alone), this.#prng.exponential(400));
  }

  /** Whom a node that is cut off still hears: nobody, anybody, or who has no vote to give. */
  #drawFriends(others: readonly NodeId[]): readonly NodeId[] {
    const kind = this.#prng.pick(["none", "one", "voteless"]);
    if (kind === "one") return [this.#prng.pick(others)];
    const seats = this.#membership.seats;
    return kind === "none" ? [] : others.filter((id) => !seats.includes(id));
  }

  /** What an operator may say of seats, sensible or not. */
  #reseat(nodes: readonly CoreNode[]): void {
    const node = this.#prng.pick(nodes);
    switch (this.#prng.pick(["promote", "demote", "swap"])) {
      case "promote":
        return this.#membership.letHaveSeat(node, true);
      case "demote":
        return this.#membership.letHaveSeat(node, false);
      default:
        return this.#membership.swap(node, this.#prng.pick(nodes));
    }
  }

  #exile(nodes: readonly CoreNode[]): void {
    const { exiling } = this.#membership;
    // One may leave while another does; enough stay to decide it.
    if (exiling.size > 1 || nodes.length - exiling.size <= 3) return;
    const node = this.#prng.pick(nodes);
    this.#membership.exile(node);
    if (this.#prng.chance(this.#profile.reincarnation)) this.#reincarnate(node);
  }

  /** Once `node` is out, another one with an empty disk takes its id. */
  #reincarnate(node: CoreNode): void {
    const cluster = this.#cluster;
    cluster.schedule.after(every, () => {
      if (this.#stopped) return;
      if (!node.retired || this.#membership.exiling.has(node)) this.#reincarnate(node);
      else cluster.replace(node);
    });
  }

  #partition(ids: readonly NodeId[]): void {
    this.#cut(this.#prng.pick([split, isolate, bridge, ring, web, oneWay])(this.#prng, ids));
  }

  #cut(cut: Cut): void {
    const { network, schedule } = this.#cluster;
    this.#cluster.note(() => `cut ${cut.map(([from, to]) => `${from}>${to}`).join(" ")}`);
    for (const [from, to] of cut) network.cut(from, to);
    schedule.after(this.#prng.exponential(this.#profile.cutMean), () => {
      this.#cluster.note(() => "heal");
      network.heal();
    });
  }
}

const momentous: ReadonlySet<Message["kind"]> = new Set([
  "promised",
  "synchronize",
  "accept",
  "accepted",
  "decide",
]);

type Cut = readonly (readonly [NodeId, NodeId])[];

function cutUnless(ids: readonly NodeId[], linked: (left: number, right: number) => boolean): Cut {
  return ids.flatMap((from, left) =>
    ids.flatMap((to, right) =>
      left === right || linked(left, right) ? [] : [[from, to] as const],
    ),
  );
}

function split(prng: Prng, ids: readonly NodeId[]): Cut {
  const sides = ids.map(() => prng.chance(0.5));
  return cutUnless(ids, (left, right) => sides[left] === sides[right]);
}

function isolate(prng: Prng, ids: readonly NodeId[]): Cut {
  const alone = prng.integer(0, ids.length - 1);
  return cutUnless(ids, (left, right) => left !== alone && right !== alone);
}

/** Two halves that only one node connects. */
function bridge(prng: Prng, ids: readonly NodeId[]): Cut {
  const middle = prng.integer(0, ids.length - 1);
  const sides = ids.map(() => prng.chance(0.5));
  return cutUnless(ids, (left, right) => {
    return left === middle || right === middle || sides[left] === sides[right];
  });
}

function ring(prng: Prng, ids: readonly NodeId[]): Cut {
  const order = prng.shuffle(ids);
  return cutUnless(order, (left, right) => {
    const distance = Math.abs(left - right);
    return distance === 1 || distance === ids.length - 1;
  });
}

/** Any graph: who hears whom is all the same to who hears somebody else. */
function web(prng: Prng, ids: readonly NodeId[]): Cut {
  const density = prng.pick([0.4, 0.6, 0.8]);
  const links = new Set<string>();
  for (const [at, left] of ids.entries()) {
    for (const right of ids.slice(at + 1)) {
      if (prng.chance(density)) links.add(`${left} ${right}`).add(`${right} ${left}`);
    }
  }
  return cutUnless(ids, (left, right) => links.has(`${ids[left] ?? ""} ${ids[right] ?? ""}`));
}

function oneWay(prng: Prng, ids: readonly NodeId[]): Cut {
  return cutUnless(ids, () => prng.chance(0.7));
}

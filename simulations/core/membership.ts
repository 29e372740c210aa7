/**
 * The operators of a simulated republic: found it, let nodes in, exile, replace and hand over. What
 * gets lost is asked again until it is seen in the chosen log.
 */
import type { NodeId, RefusalReason, RepublicIdentity } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { CoreCluster } from "./core-cluster.ts";
import type { CoreNode, Unstamped } from "./core-node.ts";
import type { Invariants } from "./invariants.ts";
import { demand } from "./violation.ts";

export interface MembershipOptions {
  readonly cluster: CoreCluster;
  readonly invariants: Invariants;
  readonly prng: Prng;
  readonly parliamentSize: number;
}

const askAgainAfter = 150;
const swapAttempts = 5;
/** Fewer are never left that may have a seat. */
const eligibleMin = 3;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #prng: Prng;
  readonly #identity: RepublicIdentity;
  /** The founder; the only node that may bootstrap. */
  readonly #founder: NodeId;
  readonly #exiling = new Set<CoreNode>();
  /** Whoever was ever to be exiled. */
  readonly #unwanted = new Set<CoreNode>();
  /** What operators want of seats until the log shows it, or it is refused. */
  readonly #seating = new Map<CoreNode, boolean>();
  #leader: NodeId | null = null;

  constructor(options: MembershipOptions, founder: NodeId) {
    this.#options = options;
    this.#prng = options.prng;
    this.#identity = { name: "simulated", identity: options.prng.hex16() };
    this.#founder = founder;
    this.#tick();
  }

  /** Whether everybody is in who should be, and nobody else. */
  get isSettled(): boolean {
    const { cluster, invariants } = this.#options;
    const { republic } = invariants.chosen;
    const wanted = [...cluster.nodes.values()].filter((node) => !node.retired);
    return (
      this.#exiling.size === 0 &&
      wanted.every((node) => this.#isNaturalized(node)) &&
      republic.members.length === wanted.length
    );
  }

  #isNaturalized(node: CoreNode): boolean {
    const member = this.#options.invariants.chosen.republic.member(node.id);
    if (member?.cookie !== node.cookie || member.url !== node.citizen.url) return false;
    return member.naturalized;
  }

  /** Goes on until the log shows it; only of a member. */
  exile(node: CoreNode): void {
    const { republic } = this.#options.invariants.chosen;
    if (republic.member(node.id)?.cookie !== node.cookie) return;
    this.#exiling.add(node);
    this.expectExile(node);
  }

  /** Somebody asks for the exile of `node`. */
  expectExile(node: CoreNode): void {
    this.#unwanted.add(node);
  }

  get exiling(): ReadonlySet<CoreNode> {
    return this.#exiling;
  }

  /** Who has a seat in the government in force. */
  get seats(): readonly NodeId[] {
    return this.#options.invariants.chosen.republic.government?.parliament ?? [];
  }

  /** Whether `node` may have a seat; one that it has is taken from it otherwise. */
  letHaveSeat(node: CoreNode, eligible: boolean): void {
    const { members } = this.#options.invariants.chosen.republic;
    const demoted = [...this.#seating.values()].filter((each) => !each).length;
    const left = members.filter((member) => member.eligible).length - demoted;
    if (eligible || left > eligibleMin) this.#seating.set(node, eligible);
  }

  /** `next` is to have the seat of `insteadOf`, for as long as anybody cares. */
  swap(next: CoreNode, insteadOf: CoreNode, attempts: number = swapAttempts): void {
    if (attempts === 0 || next.retired || insteadOf.retired) return;
    this.#ask({ kind: "promote", id: next.id, insteadOf: insteadOf.id });
    const { schedule } = this.#options.cluster;
    schedule.after(askAgainAfter, () => this.swap(next, insteadOf, attempts - 1));
  }

  transfer(to: NodeId | null): void {
    this.#ask({ kind: "transfer", to });
  }

  #tick(): void {
    const { cluster } = this.#options;
    for (const node of cluster.nodes.values()) this.#mayBeIn(node);
    for (const node of cluster.up) this.#lookAfter(node);
    for (const node of this.#exiling) this.#goOnExiling(node);
    for (const [node, eligible] of this.#seating) this.#goOnSeating(node, eligible);
    cluster.schedule.after(this.#prng.between(0.5, 1.5) * askAgainAfter, () => this.#tick());
  }

  /** An exile is of the incarnation that it was asked for, and of no other (M4). */
  #mayBeIn(node: CoreNode): void {
    const { republic } = this.#options.invariants.chosen;
    const isOut = republic.departed(node.id, node.cookie) !== null;
    demand(!isOut || this.#unwanted.has(node), "M4", () => {
      return `${node.id} (${node.cookie}) is exiled, which nobody asked for`;
    });
  }

  #lookAfter(node: CoreNode): void {
    const { cluster, invariants, parliamentSize } = this.#options;
    if (this.#exiling.has(node)) return;
    const { republic } = invariants.chosen;
    if (node.retired) return;
    if (node.id === this.#founder && republic.slot === 0) {
      if (node.disk.written.log.length > 0) return;
      const founder = node.citizen;
      cluster.step(node, { kind: "bootstrap", republic: this.#identity, founder, parliamentSize });
      return;
    }
    const member = republic.member(node.id);
    if (member?.cookie !== node.cookie) {
      this.#ask({ kind: "immigrate", citizen: node.citizen });
      return;
    }
    if (member.url !== node.citizen.url) this.#ask({ kind: "immigrate", citizen: node.citizen });
    // The shell of a newcomer does both at each start; telling it again must do no harm.
    if (invariants.appliedBy(node) < member.admitted) this.#join(node);
    if (!member.naturalized) cluster.step(node, { kind: "naturalize" });
  }

  #join(node: CoreNode): void {
    const { cluster, invariants } = this.#options;
    const members = invariants.chosen.republic.members.filter(({ id }) => id !== node.id);
    const known = members.filter(({ id }) => cluster.nodes.get(id)?.isUp === true);
    if (known.length === 0) return;
    const contacts = this.#prng.shuffle(known).slice(0, 2);
    cluster.step(node, { kind: "join", republic: this.#identity, contacts });
  }

  #goOnExiling(node: CoreNode): void {
    const { republic } = this.#options.invariants.chosen;
    if (republic.member(node.id)?.cookie === node.cookie) {
      this.#ask({ kind: "exile", id: node.id });
      return;
    }
    this.#exiling.delete(node);
    node.retired = true;
  }

  #goOnSeating(node: CoreNode, eligible: boolean): void {
    const { id, cookie } = node;
    const member = this.#options.invariants.chosen.republic.member(id);
    if (member?.cookie !== cookie || member.eligible === eligible) {
      this.#seating.delete(node);
      return;
    }
    const input = eligible
      ? ({ kind: "promote", id, insteadOf: null } as const)
      : ({ kind: "demote", id } as const);
    this.#ask(input, (reason) => {
      if (reason === "quorum" || reason === "notFound") this.#seating.delete(node);
    });
  }

  /**
   * Nobody asks for the admission of a node that is being exiled; nor, since such a request names
   * an id only, for the exile of one that is out, whose id may be another's by now.
   */
  #isStale(input: Unstamped): boolean {
    if (input.kind === "exile") {
      const member = this.#options.invariants.chosen.republic.member(input.id);
      const exiling = [...this.#exiling];
      return !exiling.some(({ id, cookie }) => id === input.id && cookie === member?.cookie);
    }
    if (input.kind !== "immigrate") return false;
    const node = this.#options.cluster.node(input.citizen.id);
    return node.cookie !== input.citizen.cookie || node.retired || this.#exiling.has(node);
  }

  /** Asks whoever leads, or anybody, who then says who leads. */
  #ask(input: Unstamped, refused?: (reason: RefusalReason) => void): void {
    const { cluster, invariants } = this.#options;
    const members = invariants.chosen.republic.members.map(({ id }) => id);
    const up = cluster.up.filter(({ id }) => members.includes(id));
    if (up.length === 0) return;
    const leader = up.find(({ id }) => id === this.#leader);
    const node = leader ?? this.#prng.pick(up);
    cluster.later(node, this.#prng.exponential(2), () => {
      const outcome = this.#isStale(input) ? null : cluster.step(node, input);
      if (outcome?.reply?.kind !== "refused") return;
      this.#leader = outcome.reply.leader;
      refused?.(outcome.reply.reason);
    });
  }
}

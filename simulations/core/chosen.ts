/**
 * Ghost state: which value was ever chosen at which slot, counted on what is durable. No node ever
 * sees it. Folds the chosen log, so that it knows who governs each slot.
 */
import {
  Republic,
  compareBallots,
  emptyRepublic,
  sameBallot,
  type Applied,
  type Ballot,
  type Cookie,
  type Decree,
  type Government,
  type Hash,
  type NodeId,
  type Slot,
} from "../../consensus/index.ts";
import { ballotText, valueText } from "./abbreviate.ts";
import type { CoreNode } from "./core-node.ts";
import { EffectModel } from "./effect-model.ts";
import { hashAt, type Image } from "./virtual-disk.ts";
import { demand } from "./violation.ts";

/** Who held one decree durably under one ballot, at any time. */
interface Votes {
  readonly ballot: Ballot;
  readonly decree: Decree;
  readonly voters: Set<NodeId>;
}

interface ChosenSlot {
  readonly applied: Applied;
  /** The lowest ballot known to have chosen it. */
  readonly ballot: Ballot;
  readonly parliament: readonly NodeId[];
}

export class Chosen {
  readonly effects: EffectModel = new EffectModel();
  readonly #slots: ChosenSlot[] = [];
  readonly #votes = new Map<Slot, Map<string, Votes>>();
  readonly #governments: Government[] = [];
  /** Which incarnations have the seats of each government. */
  readonly #seats: ReadonlySet<Cookie>[] = [];
  readonly republic: Republic = new Republic(emptyRepublic());
  /** How far each member ever held each ballot's log durably. */
  readonly #reached = new Map<string, Map<NodeId, Slot>>();
  /** Up to which chosen slot each node's durable log is the chosen one. */
  readonly #held = new Map<CoreNode, Slot>();

  /** The last slot chosen; all before it are chosen too. */
  get length(): Slot {
    return this.#slots.length;
  }

  at(slot: Slot): Applied | null {
    return this.#slots[slot - 1]?.applied ?? null;
  }

  hash(slot: Slot): Hash | null {
    return this.at(slot)?.decree.hash ?? null;
  }

  /** The lowest ballot known to have chosen `slot`. */
  ballotAt(slot: Slot): Ballot | null {
    return this.#slots[slot - 1]?.ballot ?? null;
  }

  government(number: number): Government | null {
    return this.#governments[number - 1] ?? null;
  }

  /** Whether this incarnation, not just its id, has a seat in a government. */
  seats(number: number, { cookie }: CoreNode): boolean {
    return this.#seats[number - 1]?.has(cookie) === true;
  }

  /** The last slot that a ballot below `ballot` has chosen. */
  lengthBelow(ballot: Ballot): Slot {
    let slot = this.length;
    for (; slot > 0; slot -= 1) {
      const chosen = this.#slots[slot - 1];
      if (chosen !== undefined && compareBallots(chosen.ballot, ballot) < 0) return slot;
    }
    return 0;
  }

  /** Whether `ballot` itself has chosen anything. */
  hasChosenIn(ballot: Ballot): boolean {
    return this.#slots.some((chosen) => sameBallot(chosen.ballot, ballot));
  }

  /** Whether a majority of its government ever held the log of `ballot` durably through `slot`. */
  holds(ballot: Ballot, slot: Slot): boolean {
    const reached = this.#reached.get(ballotText(ballot)) ?? new Map<NodeId, Slot>();
    const voters = [...reached].filter(([, length]) => length >= slot).map(([id]) => id);
    return isMajority(new Set(voters), this.government(ballot.government)?.parliament ?? []);
  }

  /** Whether anybody ever held this decree durably. */
  isKnown({ slot, hash }: Decree): boolean {
    const candidates = this.#votes.get(slot)?.values() ?? [];
    return [...candidates].some(({ decree }) => decree.hash === hash);
  }

  register(node: CoreNode): void {
    if (!this.#held.has(node)) this.#held.set(node, 0);
  }

  /** An old disk was put in: what the newer one held is not held any more. */
  rollBack(node: CoreNode): void {
    this.#held.set(node, 0);
    this.#hold(node);
  }

  /** `node` has made durable the log `image`, of which slots from `slotFirst` on are new. */
  onDurable(node: CoreNode, image: Image, slotFirst: Slot): void {
    const held = this.#held.get(node) ?? 0;
    demand(held === 0 || hashAt(image, held) === this.hash(held), "A16", () => {
      return `${node.id} drops slot ${held}, which is chosen`;
    });
    this.#reach(node, image);
    const equal = Math.min(this.length, image.log.length);
    const known = equal > 0 && hashAt(image, equal) === this.hash(equal) ? equal : 0;
    for (let slot = Math.max(slotFirst, known + 1); slot <= image.log.length; slot += 1) {
      const decree = image.log[slot - 1];
      if (decree !== undefined) this.#vote(node, image.accepted, decree);
    }
    this.#advance();
    this.#hold(node);
  }

  #reach({ id }: CoreNode, { accepted, log }: Image): void {
    const key = ballotText(accepted);
    const reached = this.#reached.get(key) ?? new Map<NodeId, Slot>();
    this.#reached.set(key, reached.set(id, Math.max(log.length, reached.get(id) ?? 0)));
  }

  #vote(node: CoreNode, ballot: Ballot, decree: Decree): void {
    const { slot, hash } = decree;
    let candidates = this.#votes.get(slot);
    if (candidates === undefined) this.#votes.set(slot, (candidates = new Map()));
    const key = `${ballotText(ballot)} ${hash}`;
    const votes = candidates.get(key) ?? { ballot, decree, voters: new Set() };
    candidates.set(key, votes);
    if (!this.#isCitizen(node, decree)) return;
    votes.voters.add(node.id);
    const chosen = this.#slots[slot - 1];
    if (chosen === undefined || chosen.applied.decree.hash === hash) return;
    demand(!isMajority(votes.voters, chosen.parliament), "A1", () => {
      const { ballot: before, applied } = chosen;
      return (
        `slot ${slot}: ${valueText(applied.decree.value)} was chosen in ${ballotText(before)}, ` +
        `now ${valueText(decree.value)} in ${ballotText(ballot)}`
      );
    });
  }

  /** Votes count by (id, cookie); the founder's first vote makes it a citizen. */
  #isCitizen(node: CoreNode, { value }: Decree): boolean {
    if (value.kind === "bootstrap") return value.founder.cookie === node.cookie;
    const member = this.republic.member(node.id);
    return member === null || member.cookie === node.cookie;
  }

  #advance(): void {
    for (;;) {
      const votes = this.#nextChosen();
      if (votes === null) return;
      const applied = this.republic.apply(votes.decree);
      const parliament = this.#parliamentFor(votes.decree);
      this.#slots.push({ applied, ballot: votes.ballot, parliament });
      this.effects.check(applied);
      const { government } = this.republic;
      if (government !== null && government.number > this.#governments.length) {
        demand(government.number === this.#governments.length + 1, "M1", () => "governments skip");
        this.#governments.push(government);
        const seated = this.republic.members.filter(({ id }) => this.republic.seats(id));
        demand(seated.length === government.parliament.length, "M6", () => {
          return `${government.parliament.join(" ")} have seats, and not all of them are members`;
        });
        this.#seats.push(new Set(seated.map(({ cookie }) => cookie)));
      }
      for (const node of this.#held.keys()) this.#hold(node);
    }
  }

  #nextChosen(): Votes | null {
    for (const votes of this.#votes.get(this.length + 1)?.values() ?? []) {
      const parliament = this.#parliamentFor(votes.decree);
      if (isMajority(votes.voters, parliament)) return votes;
    }
    return null;
  }

  /** Who governs the slot of `decree`: the last succession before it says so. */
  #parliamentFor({ slot, value }: Decree): readonly NodeId[] {
    if (value.kind === "bootstrap") return [value.founder.id];
    return this.#governments.findLast((government) => government.slot < slot)?.parliament ?? [];
  }

  #hold(node: CoreNode): void {
    const image = node.disk.durable;
    let held = this.#held.get(node) ?? 0;
    while (held < this.length && hashAt(image, held + 1) === this.hash(held + 1)) held += 1;
    this.#held.set(node, held);
  }
}

export function isMajority(voters: ReadonlySet<NodeId>, parliament: readonly NodeId[]): boolean {
  const votes = parliament.filter((id) => voters.has(id)).length;
  return parliament.length > 0 && votes > parliament.length / 2;
}

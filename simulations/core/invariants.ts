/**
 * What must hold after every step of every node, whatever the faults. Sees all nodes, all disks and
 * all times at once; throws a {@link Violation} that names what was broken.
 */
import {
  sameBallot,
  type Applied,
  type Ballot,
  type DurableState,
  type Halt,
  type Index,
  type LegislatorInput,
  type Message,
  type NodeId,
  type Outcome,
  type PublisherId,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import { Attestations } from "./attestations.ts";
import { ballotText } from "./abbreviate.ts";
import { BarrierRounds } from "./barrier-rounds.ts";
import { Chosen, isMajority } from "./chosen.ts";
import type { CoreNode } from "./core-node.ts";
import { hashAt } from "./virtual-disk.ts";
import { demand, Violation } from "./violation.ts";

export class Invariants {
  readonly chosen: Chosen = new Chosen();
  readonly #attestations = new Attestations(this.chosen);
  readonly #barriers = new BarrierRounds(this.chosen);
  /** The last slot that each node has applied in its present life. */
  readonly #applied = new Map<CoreNode, Slot>();
  /** The highest slot with an acknowledged batch. */
  acknowledgedSlot: Slot = 0;
  acknowledged = 0;
  /** Nodes that were given an old disk. */
  readonly #rolledBack = new Set<CoreNode>();
  /** Nodes whose disk tells of another past: what they say is wrong, until they halt. */
  readonly #astray = new Set<CoreNode>();

  appliedBy(node: CoreNode): Slot {
    return this.#applied.get(node) ?? 0;
  }

  /** `node` was given an old disk: it must halt. */
  rollBack(node: CoreNode): void {
    this.#rolledBack.add(node);
    this.chosen.rollBack(node);
  }

  /** `node` has lost a part of its log: it holds no more than the rest, and must know that. */
  loseSlots(node: CoreNode): void {
    this.chosen.rollBack(node);
  }

  /** The past of `node` was altered: it must halt. */
  alterPast(node: CoreNode): void {
    this.#astray.add(node);
  }

  /** A life begins: what recovery calls decided was chosen. */
  onStart(node: CoreNode, { republic }: DurableState): void {
    this.chosen.register(node);
    this.#applied.set(node, republic.slot);
    if (republic.slot === 0 || this.#astray.has(node)) return;
    const expected = this.chosen.at(republic.slot);
    demand(expected?.stateHash === republic.stateHash, "A2", () => {
      return `${node.id} recovers slot ${republic.slot} as decided, which is not chosen so`;
    });
  }

  /** `node` was given `input`; what it writes is written, nothing else has happened yet. */
  onOutcome(node: CoreNode, input: LegislatorInput, outcome: Outcome): void {
    if (outcome.halt !== null) this.#onHalt(node, outcome.halt);
    // Whom it promises something cannot know that it is not to be believed.
    for (const { message } of outcome.send) this.#attestations.believe(node, message);
    if (this.#astray.has(node)) return;
    if (this.#rolledBack.has(node)) attestsNothing(node, outcome);
    for (const applied of outcome.applied) this.#onApplied(node, applied);
    if (outcome.applied.length > 0) this.#judgeDecision(node, input);
    if (changesLog(input)) holdsWhatIsWritten(node);
    this.#barriers.onOutcome(node, input, outcome);
    for (const { message } of outcome.send) this.#attestations.check(node, message);
    this.#sendsDecided(node, outcome);
    const { deadline } = outcome;
    const isLater = deadline === null || deadline > input.now || input.kind !== "event";
    demand(isLater, "L5", () => `${node.id} waits for tick ${deadline ?? 0}, which is past`);
  }

  #sendsDecided(node: CoreNode, { sendSlots }: Outcome): void {
    for (const { to, slotFirst, slotLast } of sendSlots) {
      demand(slotFirst >= 1 && slotLast <= this.appliedBy(node), "A2", () => {
        return `${node.id} sends ${slotFirst}…${slotLast} to ${to}`;
      });
    }
  }

  /** The leader of `ballot` has decided `slot`: by votes in that very ballot. */
  onDecided(ballot: Ballot, slot: Slot): void {
    demand(this.chosen.holds(ballot, slot), "A11", () => {
      return `${ballot.id} decides slot ${slot} in ${ballotText(ballot)} without a majority in it`;
    });
  }

  /**
   * Nothing stands after a stop-sign before that is decided, and nobody proposes a government that
   * could not decide anything, since most of its members are away (M2), nor gives a seat to who is
   * away: it could vote no more than it did without (M6).
   */
  onWritten(node: CoreNode, write: Write, isThere: (id: NodeId) => boolean = () => true): void {
    if (this.#astray.has(node)) return;
    const { log } = node.disk.written;
    for (const decree of write.decrees) {
      const { slot, value } = decree;
      const isOwn = write.accepted.id === node.id && value.kind === "succession";
      const mayChange =
        !isOwn || this.chosen.isKnown(decree) || this.chosen.hasChosenIn(write.accepted);
      demand(mayChange, "M2", () => {
        return `${node.id} proposes a government before its own ballot has decided anything`;
      });
      if (isOwn && !this.chosen.isKnown(decree)) {
        canDecide(node, value.parliament, isThere);
        this.#seatsWhoIsThere(node, value.parliament, isThere);
      }
      const before = log[slot - 2];
      if (before?.value.kind !== "succession") continue;
      demand(this.chosen.hash(before.slot) === before.hash, "M2", () => {
        return `${node.id} writes slot ${slot} after a stop-sign that is not decided`;
      });
    }
    const { decided } = node.disk.written;
    const isChosen =
      decided === 0 || this.chosen.hash(decided) === hashAt(node.disk.written, decided);
    demand(isChosen, "A2", () => `${node.id} writes that slot ${decided} is decided`);
  }

  #seatsWhoIsThere(
    { id: by }: CoreNode,
    parliament: readonly NodeId[],
    isThere: (id: NodeId) => boolean,
  ): void {
    const seats = this.chosen.republic.government?.parliament ?? [];
    const away = parliament.filter((id) => !seats.includes(id) && !isThere(id));
    demand(away.length === 0, "M6", () => `${by} gives a seat to ${away.join(" ")}, who is away`);
  }

  onDurable(node: CoreNode, write: Write, acceptedRose: boolean): void {
    if (this.#astray.has(node)) return;
    this.chosen.onDurable(node, node.disk.durable, acceptedRose ? 1 : write.slotFirst);
  }

  /** A client was told that its batch took `index` (C1, D2, D3). */
  acknowledge(publisher: PublisherId, sequence: number, index: Index): void {
    const settled = this.chosen.effects.settled(publisher, sequence);
    demand(settled !== null && settled.index === index, "D2", () => {
      return `batch ${publisher}:${sequence} is acknowledged at index ${index}, not chosen there`;
    });
    this.acknowledged += 1;
    this.acknowledgedSlot = Math.max(this.acknowledgedSlot, settled.slot);
  }

  #onApplied(node: CoreNode, applied: Applied): void {
    const { slot, hash } = applied.decree;
    const before = this.appliedBy(node);
    demand(slot === before + 1, "A5", () => `${node.id} applies slot ${slot} after ${before}`);
    this.#applied.set(node, slot);
    const expected = this.chosen.at(slot);
    demand(expected?.decree.hash === hash, "A2", () => {
      const how = expected === null ? "not" : "otherwise";
      return `${node.id} applies slot ${slot}, which is ${how} chosen`;
    });
    const same = JSON.stringify(applied) === JSON.stringify(expected);
    demand(same, "S1", () => `${node.id} makes something else of slot ${slot}`);
  }

  #judgeDecision(node: CoreNode, input: LegislatorInput): void {
    // What a leader learns was decided by others, in their ballots.
    const isLearned = input.kind === "receive" && input.message.kind === "learn";
    if (isLearned || !node.isUp) return;
    const { role, ballot, decided } = node.legislator.view();
    if (role === "leading") this.onDecided(ballot, decided);
  }

  #onHalt(node: CoreNode, halt: Halt): void {
    if (halt.kind === "exiled") {
      const { value } = this.chosen.at(halt.slot)?.decree ?? { value: null };
      const isExile = value?.kind === "exile" && value.cookie === node.cookie;
      demand(isExile, "M4", () => `${node.id} calls itself exiled by slot ${halt.slot}`);
      return;
    }
    if (halt.kind === "staleDisk" && this.#rolledBack.has(node)) return;
    if (halt.kind === "diverged" && this.#astray.has(node)) return;
    throw new Violation(halt.kind === "diverged" ? "S1" : "D5", `${node.id} halts: ${halt.kind}`);
  }
}

/** Whether the input may have changed what the node holds, and not just what it knows of others. */
function changesLog(input: LegislatorInput): boolean {
  return input.kind === "receive" && input.message.kind !== "ping" && input.message.kind !== "pong";
}

/** What a node goes by is on its way to the disk, ballot and log alike. */
function holdsWhatIsWritten(node: CoreNode): void {
  const { promised, accepted, length } = node.legislator.view();
  const { written } = node.disk;
  const same =
    sameBallot(promised, written.promised) &&
    sameBallot(accepted, written.accepted) &&
    length === written.log.length;
  demand(same, "D1", () => {
    const [held, kept] = [`${ballotText(accepted)}, ${length}`, ballotText(written.accepted)];
    return `${node.id} holds ${held} and has written ${kept}, ${written.log.length}`;
  });
}

function canDecide(
  node: CoreNode,
  parliament: readonly NodeId[],
  isThere: (id: NodeId) => boolean,
): void {
  demand(isMajority(new Set(parliament.filter(isThere)), parliament), "M2", () => {
    return `${node.id} proposes the parliament ${parliament.join(" ")}, most of which is away`;
  });
}

const bindingKinds: ReadonlySet<Message["kind"]> = new Set([
  "prepare",
  "promised",
  "synchronize",
  "accept",
  "accepted",
  "decide",
  "confirm",
  "confirmed",
]);

/** An old disk has forgotten what its node attested: it must not attest anything again (D5). */
function attestsNothing(node: CoreNode, { send }: Outcome): void {
  const binding = send.find(({ message }) => bindingKinds.has(message.kind));
  demand(binding === undefined, "D5", () => {
    return `${node.id}, on an old disk, sends ${binding === undefined ? "" : binding.message.kind}`;
  });
}

/**
 * What must hold of one step of one node, whatever the others do: nothing is attested that a loss
 * of power could undo (D1), a promise is kept and truthful (A7, A8), and what is decided goes on
 * without a hole (A5) and means the same everywhere (S1, C1).
 */
import {
  Republic,
  compareBallots,
  emptyRepublic,
  sameBallot,
  type Applied,
  type Ballot,
  type Decree,
  type Hash,
  type Message,
  type Outcome,
  type Promised,
  type Report,
} from "../../../consensus/index.ts";
import { messageText } from "../../core/abbreviate.ts";
import { EffectModel } from "../../core/effect-model.ts";
import { demand, Violation } from "../../core/violation.ts";
import { hashAt } from "../../core/virtual-disk.ts";
import type { LiveNode } from "./live-node.ts";

export class StepChecks {
  /** What each log, by its hash, made of its last decree. */
  readonly #applied = new Map<Hash, Applied>();

  /** @param founding The log that all nodes share at the start. */
  constructor(founding: readonly Decree[]) {
    const republic = new Republic(emptyRepublic());
    for (const decree of founding) this.#applied.set(decree.hash, republic.apply(decree));
  }

  /**
   * After `outcome`, whose write is on the disk already, though not durable.
   * @throws {Violation} when an invariant does not hold.
   */
  check(node: LiveNode, outcome: Outcome, decidedBefore: number): void {
    for (const [at, applied] of outcome.applied.entries()) {
      demand(applied.decree.slot === decidedBefore + 1 + at, "A5", () => {
        return `${node.id} applies slot ${applied.decree.slot} after ${decidedBefore + at}`;
      });
      this.#checkApplied(node, applied);
    }
    for (const { message } of outcome.send) checkMessage(node, message);
    for (const { slotLast, to } of outcome.sendSlots) {
      demand(slotLast <= node.legislator.view().decided, "A2", () => {
        return `${node.id} sends up to slot ${slotLast} to ${to}, which it has not decided`;
      });
    }
    // Nobody's disk is rolled back here, and nobody is exiled: whoever halts is wrong.
    const { halt } = outcome;
    if (halt === null) return;
    throw new Violation(halt.kind === "diverged" ? "S1" : "D5", `${node.id} halts: ${halt.kind}`);
  }

  #checkApplied({ id, disk }: LiveNode, applied: Applied): void {
    const { slot, hash } = applied.decree;
    const known = this.#applied.get(hash);
    if (known !== undefined) {
      const isSame = JSON.stringify(known) === JSON.stringify(applied);
      demand(isSame, "S1", () => `${id} makes something else of slot ${slot}`);
      return;
    }
    this.#applied.set(hash, applied);
    const effects = new EffectModel();
    for (const decree of disk.written.log.slice(0, slot)) {
      const before = this.#applied.get(decree.hash);
      if (before !== undefined) effects.check(before);
    }
  }
}

function checkMessage(node: LiveNode, message: Message): void {
  switch (message.kind) {
    case "ping":
    case "pong":
      return checkReport(node, message, message.report);
    case "promised":
      return checkPromised(node, message);
    case "accepted":
      return checkAccepted(node, message);
    case "prepare":
    case "confirm":
    case "takeOver":
      return checkOwn(node, message, message.ballot);
    case "synchronize":
    case "accept":
      checkOwn(node, message, message.ballot);
      demand(sameBallot(node.disk.written.promised, message.ballot), "A7", () => {
        return `${node.id} proposes after a higher promise: ${messageText(message)}`;
      });
      return checkDecided(node, message, message.decided);
    case "decide":
      checkOwn(node, message, message.ballot);
      return checkDecided(node, message, message.decided);
    case "learn":
    case "ahead":
      return checkDecided(node, message, message.decided);
    case "snapshot":
      return checkDecided(node, message, message.slot);
    case "confirmed":
      return demand(sameBallot(node.disk.written.promised, message.ballot), "C5", () => {
        return `${node.id}: ${messageText(message)}`;
      });
    case "refused":
    case "resynchronize":
    case "fetch":
    case "naturalize":
      return undefined;
  }
}

function checkDecided(node: LiveNode, message: Message, decided: number): void {
  demand(decided <= node.legislator.view().decided, "A2", () => {
    return `${node.id} calls slot ${decided} decided: ${messageText(message)}`;
  });
}

/** Only who leads a ballot speaks for it, and its own promise is durable. */
function checkOwn({ id, disk }: LiveNode, message: Message, ballot: Ballot): void {
  demand(ballot.id === id, "A14", () => `${id}, not its own ballot: ${messageText(message)}`);
  demand(compareBallots(disk.durable.promised, ballot) >= 0, "D1", () => {
    return `${id} has not durably promised: ${messageText(message)}`;
  });
}

function checkReport(node: LiveNode, message: Message, report: Report): void {
  const { durable } = node.disk;
  const accepted = compareBallots(report.accepted, durable.accepted);
  const isDurable =
    compareBallots(report.promised, durable.promised) <= 0 &&
    (accepted < 0 || (accepted === 0 && report.length <= durable.log.length));
  demand(isDurable, "D1", () => `${node.id}, not durable: ${messageText(message)}`);
  checkDecided(node, message, report.decided);
}

function checkPromised({ id, disk }: LiveNode, message: Promised): void {
  const { durable, written } = disk;
  const text = (): string => `${id}: ${messageText(message)}`;
  demand(sameBallot(durable.promised, message.ballot), "D1", () => `not durable, ${text()}`);
  demand(sameBallot(written.promised, message.ballot), "A7", () => `promised more, ${text()}`);
  const { length } = durable.log;
  // What replaced the end of the durable log was chosen, so that this end was not.
  const isWhole = hashAt(written, length) === hashAt(durable, length);
  const isTruthful =
    sameBallot(message.accepted, durable.accepted) &&
    message.length <= length &&
    (message.length === length || !isWhole);
  demand(isTruthful, "A8", () => `not what is durable, ${text()}`);
  for (const { slot, hash } of message.decrees) {
    demand(hashAt(durable, slot) === hash, "A8", () => `another log, ${text()}`);
  }
}

function checkAccepted(
  { id, disk }: LiveNode,
  message: Extract<Message, { kind: "accepted" }>,
): void {
  const { durable, written } = disk;
  const { ballot, length } = message;
  const isDurable = sameBallot(durable.accepted, ballot) && durable.log.length >= length;
  demand(isDurable, "D1", () => `${id}, not durable: ${messageText(message)}`);
  demand(sameBallot(written.promised, ballot), "A7", () => {
    return `${id} has promised more: ${messageText(message)}`;
  });
}

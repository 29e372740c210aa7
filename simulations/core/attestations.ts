/**
 * Checks every message at the moment it leaves a node against what is durable there: nothing is
 * attested that a loss of power could undo, and nobody proposes what it must not (D1, A7–A15, M3).
 */
import {
  compareBallots,
  hashZero,
  sameBallot,
  type Accept,
  type Ballot,
  type Confirmed,
  type Hash,
  type Message,
  type NodeId,
  type Prepare,
  type Promised,
  type Report,
  type Slot,
  type Synchronize,
} from "../../consensus/index.ts";
import { ballotText, messageText } from "./abbreviate.ts";
import { isMajority, type Chosen } from "./chosen.ts";
import type { CoreNode } from "./core-node.ts";
import { attestedLength, hashAt } from "./virtual-disk.ts";
import { demand } from "./violation.ts";

interface Log {
  readonly accepted: Ballot;
  readonly length: Slot;
}

function compareLogs(left: Log, right: Log): number {
  const order = compareBallots(left.accepted, right.accepted);
  return order === 0 ? left.length - right.length : order;
}

export class Attestations {
  readonly #chosen: Chosen;
  /** Who leads a ballot: one life of one node. */
  readonly #leaders = new Map<string, string>();
  /** What each ballot proposes, by slot. */
  readonly #proposals = new Map<string, Map<Slot, Hash>>();
  readonly #promises = new Map<string, Set<NodeId>>();
  readonly #opened = new Set<string>();
  /** The highest log that who asks in a ballot said it has: what is above it, it has to be told. */
  readonly #asked = new Map<string, Log>();

  constructor(chosen: Chosen) {
    this.#chosen = chosen;
  }

  check(node: CoreNode, message: Message): void {
    switch (message.kind) {
      case "ping":
      case "pong":
        return this.#report(node, message, message.report);
      case "prepare":
        this.#asks(message);
        return this.#leads(node, message, message.ballot);
      case "promised":
        return this.#promised(node, message);
      case "synchronize":
      case "accept":
        return this.#proposes(node, message);
      case "accepted":
        return this.#accepted(node, message.ballot, message.length);
      case "decide":
        this.#leads(node, message, message.ballot);
        return this.#decided(node, message, message.decided);
      case "confirmed":
        return confirmed(node, message);
      case "ahead":
      case "learn":
        return this.#decided(node, message, message.decided);
      case "confirm":
      case "takeOver":
        return this.#leads(node, message, message.ballot);
      case "refused":
      case "resynchronize":
      case "fetch":
        return undefined;
      case "naturalize":
        return this.#asksForSeat(node);
    }
  }

  /** Whoever asks for a seat would know after a loss of power that it was admitted (M6). */
  #asksForSeat(node: CoreNode): void {
    const admitted = this.#chosen.republic.member(node.id)?.admitted ?? 0;
    demand(node.disk.durable.log.length >= admitted, "M6", () => {
      return `${node.id} asks for a seat without a durable slot ${admitted}, its admission`;
    });
  }

  #report(node: CoreNode, message: Message, report: Report): void {
    const { durable } = node.disk;
    const length = durable.log.length;
    const isDurable =
      compareBallots(report.promised, durable.promised) <= 0 &&
      compareLogs(report, { accepted: durable.accepted, length }) <= 0;
    demand(
      isDurable,
      "D1",
      () => `${node.id} reports what is not durable: ${messageText(message)}`,
    );
    this.#decided(node, message, report.decided);
  }

  #decided(node: CoreNode, message: Message, decided: Slot): void {
    demand(decided <= this.#chosen.length, "A2", () => {
      return `${node.id} calls slot ${decided} decided: ${messageText(message)}`;
    });
  }

  /** Only a member leads, in one life, in a ballot of its own that it durably promised (A14). */
  #leads(node: CoreNode, message: Message, ballot: Ballot): void {
    const { durable } = node.disk;
    const text = (): string => `${node.id}: ${messageText(message)}`;
    demand(ballot.id === node.id, "A14", () => `not its own ballot, ${text()}`);
    demand(compareBallots(durable.promised, ballot) >= 0, "D1", () => `not promised, ${text()}`);
    demand(this.#chosen.seats(ballot.government, node), "M3", () => `no seat, ${text()}`);
    const life = `${node.cookie} ${node.starts}`;
    const leader = this.#leaders.get(ballotText(ballot)) ?? life;
    demand(leader === life, "A6", () => `a ballot of an earlier life, ${text()}`);
    this.#leaders.set(ballotText(ballot), life);
  }

  #asks(message: Prepare): void {
    const key = ballotText(message.ballot);
    const before = this.#asked.get(key);
    if (before === undefined || compareLogs(message, before) > 0) this.#asked.set(key, message);
  }

  #proposes(node: CoreNode, message: Synchronize | Accept): void {
    const { ballot, decrees } = message;
    this.#leads(node, message, ballot);
    this.#decided(node, message, message.decided);
    const { promised } = node.disk.written;
    demand(sameBallot(promised, ballot), "A7", () => {
      return `${node.id} proposes in ${ballotText(ballot)} after promising ${ballotText(promised)}`;
    });
    this.#opens(node, ballot);
    for (const { slot, hash } of decrees) this.#proposal(node, ballot, { slot, hash });
  }

  #proposal(node: CoreNode, ballot: Ballot, { slot, hash }: { slot: Slot; hash: Hash }): void {
    const key = ballotText(ballot);
    let proposals = this.#proposals.get(key);
    if (proposals === undefined) this.#proposals.set(key, (proposals = new Map()));
    const before = proposals.get(slot) ?? hash;
    demand(before === hash, "A6", () => `${node.id} proposes two values for ${key} slot ${slot}`);
    proposals.set(slot, hash);
  }

  /** At its first proposal a leader has a majority of promises and all that lower ballots chose. */
  #opens(node: CoreNode, ballot: Ballot): void {
    const key = ballotText(ballot);
    if (this.#opened.has(key)) return;
    this.#opened.add(key);
    const promises = new Set(this.#promises.get(key) ?? []).add(node.id);
    const parliament = this.#chosen.government(ballot.government)?.parliament ?? [];
    demand(isMajority(promises, parliament), "A9", () => {
      return `${node.id} leads ${key} with promises of ${[...promises].join(" ")} only`;
    });
    const length = this.#chosen.lengthBelow(ballot);
    demand(hashAt(node.disk.written, length) === this.#hash(length), "A15", () => {
      return `${node.id} leads ${key} without slot ${length}, which was chosen before`;
    });
    for (const { slot, hash } of node.disk.written.log.slice(length)) {
      this.#proposal(node, ballot, { slot, hash });
    }
  }

  #promised(node: CoreNode, message: Promised): void {
    const { durable } = node.disk;
    const { ballot } = message;
    const text = (): string => `${node.id}: ${messageText(message)}`;
    demand(compareBallots(durable.promised, ballot) >= 0, "D1", () => `not durable, ${text()}`);
    const log = { accepted: durable.accepted, length: attestedLength(durable) };
    demand(compareLogs(message, log) <= 0, "D1", () => `log not durable, ${text()}`);
    const isThere = message.intact <= durable.log.length && message.intact <= message.length;
    demand(isThere, "A8", () => `calls whole what was lost, ${text()}`);
    const made = node.disk.promiseMade(ballot);
    // What was learned meanwhile may have replaced another log, which then was not chosen.
    const learned = made !== null && hashAt(node.disk.written, made.length) !== made.hash;
    const isTruthful = made === null || learned || compareLogs(message, made) >= 0;
    demand(isTruthful, "A8", () => `hides a log, ${text()}`);
    for (const { slot, hash } of message.decrees) {
      demand(hashAt(durable, slot) === hash, "A8", () => `another log, ${text()}`);
    }
    const { decided } = message;
    demand(hashAt(durable, decided) === this.#hash(decided), "D1", () => {
      return `holds another slot ${decided} than what is decided, ${text()}`;
    });
    const [first] = message.decrees;
    const told = message.decrees.length;
    demand(
      first === undefined ||
        (first.slot === message.decided + 1 && told === message.length - message.decided),
      "A8",
      () => `decrees are missing, ${text()}`,
    );
    const asked = this.#asked.get(ballotText(ballot));
    const isLacking = asked !== undefined && compareLogs(message, asked) > 0;
    const isWhole = message.intact === message.length;
    demand(!isLacking || !isWhole || told === message.length - decided, "A8", () => {
      return `withholds what its candidate lacks, ${text()}`;
    });
    this.#isOfGovernment(node, message, ballot);
  }

  /** A promise counts for whom it is made to, whatever the promiser holds. */
  believe({ id }: CoreNode, message: Message): void {
    if (message.kind !== "promised") return;
    const key = ballotText(message.ballot);
    this.#promises.set(key, (this.#promises.get(key) ?? new Set()).add(id));
  }

  #accepted(node: CoreNode, ballot: Ballot, length: Slot): void {
    const { durable, written } = node.disk;
    const message: Message = { kind: "accepted", ballot, length };
    const text = (): string => `${node.id}: ${messageText(message)}`;
    const isDurable = sameBallot(durable.accepted, ballot) && durable.log.length >= length;
    demand(isDurable, "D1", () => `not durable, ${text()}`);
    demand(compareBallots(written.promised, ballot) <= 0, "A7", () => `promised more, ${text()}`);
    this.#isOfGovernment(node, message, ballot);
    const proposals = this.#proposals.get(ballotText(ballot));
    const hash = hashAt(durable, length);
    const proposed = proposals?.get(length) ?? this.#hash(length);
    demand(
      proposed === null || proposed === hash,
      "A13",
      () => `not what its leader proposed, ${text()}`,
    );
  }

  /** Votes of a government come from its members that hold the log through its stop-sign. */
  #isOfGovernment(node: CoreNode, message: Message, ballot: Ballot): void {
    const text = (): string => `${node.id}: ${messageText(message)}`;
    const government = this.#chosen.government(ballot.government);
    demand(this.#chosen.seats(ballot.government, node), "M3", () => `no seat, ${text()}`);
    const slot = government?.slot ?? 0;
    const held = hashAt(node.disk.durable, slot) === this.#hash(slot);
    demand(held, "M6", () => `does not hold slot ${slot}, ${text()}`);
  }

  #hash(slot: Slot): Hash | null {
    return slot === 0 ? hashZero : this.#chosen.hash(slot);
  }
}

/** Whoever confirms has promised nothing higher, durable or not. */
function confirmed(node: CoreNode, message: Confirmed): void {
  const { written } = node.disk;
  demand(sameBallot(written.promised, message.ballot), "C5", () => {
    const promised = ballotText(written.promised);
    return `${node.id} confirms ${ballotText(message.ballot)}, promised ${promised}`;
  });
}

/**
 * The journal of one simulated node. A write is first *written* (it may be lost), later *durable*;
 * writes become durable in order, each one whole. Checks that every write is well formed.
 */
import {
  Republic,
  ballotZero,
  compareBallots,
  emptyRepublic,
  formatBallot,
  hashDecree,
  hashZero,
  type Ballot,
  type Decree,
  type DurableState,
  type Hash,
  type Heard,
  type NodeId,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import { demand } from "./violation.ts";

/** What a journal holds, as of some write. */
export interface Image {
  readonly promised: Ballot;
  readonly accepted: Ballot;
  /** Slot 1 first. */
  readonly log: readonly Decree[];
  readonly decided: Slot;
  /** Attested up to here, and damaged after the log; 0 when nothing is. */
  readonly lostUpTo: Slot;
  readonly heard: ReadonlyMap<NodeId, Heard>;
}

class MutableImage implements Image {
  promised: Ballot = ballotZero;
  accepted: Ballot = ballotZero;
  decided: Slot = 0;
  lostUpTo: Slot = 0;
  readonly log: Decree[] = [];
  readonly heard = new Map<NodeId, Heard>();

  apply(write: Write): void {
    if (write.promised !== null) this.promised = write.promised;
    this.accepted = write.accepted;
    this.decided = Math.max(this.decided, write.decided);
    this.log.length = write.slotFirst - 1;
    this.log.push(...write.decrees);
    this.lostUpTo = write.lostUpTo;
    for (const heard of write.heard ?? []) this.heard.set(heard.id, heard);
  }

  copyFrom(other: MutableImage): void {
    this.promised = other.promised;
    this.accepted = other.accepted;
    this.decided = other.decided;
    this.lostUpTo = other.lostUpTo;
    this.log.length = 0;
    this.log.push(...other.log);
    this.heard.clear();
    for (const [id, heard] of other.heard) this.heard.set(id, heard);
  }
}

/** The log hash at `slot` in an image; null when the slot is not there. */
export function hashAt(image: Image, slot: Slot): Hash | null {
  if (slot === 0) return hashZero;
  return image.log[slot - 1]?.hash ?? null;
}

/** How far the log of an image was attested, whatever is left of it. */
export function attestedLength({ log, lostUpTo }: Image): Slot {
  return Math.max(log.length, lostUpTo);
}

/** What a promise must report at least: the state as of the write that made it. */
interface PromiseMade {
  readonly ballot: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
  readonly hash: Hash | null;
}

export class VirtualDisk {
  readonly #written = new MutableImage();
  readonly #durable = new MutableImage();
  #pending: Write[] = [];
  #writeLast = 0;
  #promisesMade: PromiseMade[] = [];

  /** With every write, also those that a crash would lose. */
  get written(): Image {
    return this.#written;
  }

  /** What would survive a loss of power now. */
  get durable(): Image {
    return this.#durable;
  }

  get pending(): readonly Write[] {
    return this.#pending;
  }

  /** What was written when `ballot` was promised, or null when this disk never promised it. */
  promiseMade(ballot: Ballot): PromiseMade | null {
    return this.#promisesMade.find((made) => compareBallots(made.ballot, ballot) === 0) ?? null;
  }

  append(write: Write): void {
    this.#check(write);
    this.#writeLast = write.number;
    this.#written.apply(write);
    if (write.promised !== null) {
      const length = attestedLength(this.#written);
      const hash = hashAt(this.#written, length);
      this.#promisesMade.push({ ballot: write.promised, accepted: write.accepted, length, hash });
    }
    this.#pending.push(write);
  }

  /** Makes the next pending write durable; null when there is none. */
  harden(): Write | null {
    const write = this.#pending.shift();
    if (write === undefined) return null;
    this.#durable.apply(write);
    return write;
  }

  /** Power is lost: pending writes are gone. */
  crash(): void {
    this.#pending = [];
    this.#written.copyFrom(this.#durable);
    this.#promisesMade = this.#promisesMade.filter(
      (made) => compareBallots(made.ballot, this.#durable.promised) <= 0,
    );
  }

  /** What is durable now, for {@link VirtualDisk.rollBack}. */
  backUp(): VirtualDisk {
    const backup = new VirtualDisk();
    backup.#durable.copyFrom(this.#durable);
    return backup;
  }

  /** Puts an old backup in the place of everything, as an operator must not. */
  rollBack(backup: VirtualDisk): void {
    this.#durable.copyFrom(backup.#durable);
    this.crash();
  }

  /** The records of undecided slots from `slot` on rot, and nobody else can give them back (K5). */
  lose(slot: Slot): void {
    const image = this.#durable;
    image.lostUpTo = attestedLength(image);
    image.log.length = slot - 1;
    this.#written.copyFrom(image);
  }

  /** Makes the decree of a decided slot another, and chains soundly what follows. */
  alterPast(slot: Slot): void {
    const log = this.#durable.log;
    for (let at = slot - 1; at < log.length; at += 1) {
      const decree = log[at];
      if (decree === undefined) return;
      const when = at === slot - 1 ? decree.when + 1 : decree.when;
      const altered = { ...decree, when };
      log[at] = { ...altered, hash: hashDecree(log[at - 1]?.hash ?? hashZero, altered) };
    }
    this.#written.copyFrom(this.#durable);
  }

  recover(): DurableState {
    const image = this.#durable;
    const republic = new Republic(emptyRepublic());
    for (const decree of image.log.slice(0, image.decided)) republic.apply(decree);
    return {
      promised: image.promised,
      accepted: image.accepted,
      republic: republic.state(),
      decrees: image.log.slice(image.decided),
      lostUpTo: image.lostUpTo,
      heard: [...image.heard.values()],
      writeLast: this.#writeLast,
    };
  }

  #check(write: Write): void {
    const before = this.#written;
    const promised = write.promised ?? before.promised;
    const length = write.slotFirst - 1 + write.decrees.length;
    demand(write.number > this.#writeLast, "D1", () => `write ${write.number} is used again`);
    demand(compareBallots(promised, before.promised) >= 0, "A7", () => {
      return `promise falls from ${formatBallot(before.promised)} to ${formatBallot(promised)}`;
    });
    demand(compareBallots(write.accepted, before.accepted) >= 0, "A17", () => {
      return `accepted falls from ${formatBallot(before.accepted)}`;
    });
    demand(compareBallots(write.accepted, promised) <= 0, "A7", () => {
      return `accepts ${formatBallot(write.accepted)} above its promise ${formatBallot(promised)}`;
    });
    demand(write.slotFirst >= 1 && write.slotFirst <= before.log.length + 1, "A5", () => {
      return `write from slot ${write.slotFirst} after a log of ${before.log.length}`;
    });
    const isCovered =
      length >= before.lostUpTo || compareBallots(write.accepted, before.accepted) > 0;
    demand(isCovered ? write.lostUpTo === 0 : write.lostUpTo === before.lostUpTo, "A8", () => {
      return `write ${write.number} forgets that slots up to ${before.lostUpTo} were lost`;
    });
    demand(write.decided <= length, "A5", () => `decided ${write.decided} beyond length ${length}`);
    demand(
      length <= write.decided ||
        write.decrees.length === 0 ||
        compareBallots(write.accepted, promised) === 0,
      "A7",
      () => `accepts in ${formatBallot(write.accepted)}, has promised ${formatBallot(promised)}`,
    );
    let hash = hashAt(before, write.slotFirst - 1) ?? hashZero;
    for (const [offset, decree] of write.decrees.entries()) {
      demand(decree.slot === write.slotFirst + offset, "A5", () => `slot ${decree.slot} in a hole`);
      demand(hashDecree(hash, decree) === decree.hash, "A13", () => `hash of ${decree.slot}`);
      hash = decree.hash;
    }
  }
}

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
  type RepublicState,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import { demand } from "./violation.ts";

/** What a journal holds, as of some write. */
export interface Image {
  readonly promised: Ballot;
  readonly accepted: Ballot;
  /** Slot 1 first; also those that the node itself could not read any more, but a ghost can. */
  readonly log: readonly Decree[];
  /** The state that stands for the decrees up to its slot; null while the log has them all. */
  readonly snapshot: RepublicState | null;
  readonly decided: Slot;
  /** Attested up to here, and damaged after the log; 0 when nothing is. */
  readonly lostUpTo: Slot;
  readonly heard: ReadonlyMap<NodeId, Heard>;
}

class MutableImage implements Image {
  promised: Ballot = ballotZero;
  accepted: Ballot = ballotZero;
  decided: Slot = 0;
  snapshot: RepublicState | null = null;
  lostUpTo: Slot = 0;
  readonly log: Decree[] = [];
  readonly heard = new Map<NodeId, Heard>();

  /** @param installed What a write that begins the log anew begins it with. */
  apply(write: Write, installed: Installed | null): void {
    if (installed !== null) {
      this.snapshot = installed.state;
      this.log.length = 0;
      this.log.push(...installed.log);
    }
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
    this.snapshot = other.snapshot;
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

/** A snapshot that was installed, and the decrees that it stands for. */
export interface Installed {
  readonly state: RepublicState;
  readonly log: readonly Decree[];
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
  /** By the write that begins the log anew with it. */
  readonly #installed = new Map<number, Installed>();

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

  /** @param installed What `write` begins the log anew with. */
  append(write: Write, installed: Installed | null = null): void {
    this.#check(write, installed);
    this.#writeLast = write.number;
    if (installed !== null) this.#installed.set(write.number, installed);
    this.#written.apply(write, installed);
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
    this.#durable.apply(write, this.#installed.get(write.number) ?? null);
    return write;
  }

  /**
   * The decrees up to `slot`, which are durable and decided, give way to the state after them; what
   * is under way behind them is not touched.
   */
  truncate(slot: Slot): void {
    const durable = this.#durable;
    if (slot > durable.decided || slot <= (durable.snapshot?.slot ?? 0)) return;
    const republic = this.#fold(slot);
    durable.snapshot = republic.state();
    if ((this.#written.snapshot?.slot ?? 0) < slot) this.#written.snapshot = durable.snapshot;
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
    // Its whole past is another one, whichever form it is kept in.
    this.#durable.snapshot = null;
    this.#written.copyFrom(this.#durable);
  }

  recover(): DurableState {
    const image = this.#durable;
    const republic = this.#fold(image.decided);
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

  #fold(slot: Slot): Republic {
    const { snapshot, log } = this.#durable;
    const republic = new Republic(snapshot ?? emptyRepublic());
    for (const decree of log.slice(republic.slot, slot)) republic.apply(decree);
    return republic;
  }

  #check(write: Write, installed: Installed | null): void {
    const before = this.#written;
    checkBase(write, installed, before);
    const known = installed?.log ?? before.log;
    checkBallots(write, before);
    const promised = write.promised ?? before.promised;
    const length = write.slotFirst - 1 + write.decrees.length;
    demand(write.number > this.#writeLast, "D1", () => `write ${write.number} is used again`);
    demand(write.slotFirst >= 1 && write.slotFirst <= known.length + 1, "A5", () => {
      return `write from slot ${write.slotFirst} after a log of ${known.length}`;
    });
    checkLost(write, length, before);
    demand(write.decided <= length, "A5", () => `decided ${write.decided} beyond length ${length}`);
    demand(
      length <= write.decided ||
        write.decrees.length === 0 ||
        compareBallots(write.accepted, promised) === 0,
      "A7",
      () => `accepts in ${formatBallot(write.accepted)}, has promised ${formatBallot(promised)}`,
    );
    let hash = known[write.slotFirst - 2]?.hash ?? hashZero;
    for (const [offset, decree] of write.decrees.entries()) {
      demand(decree.slot === write.slotFirst + offset, "A5", () => `slot ${decree.slot} in a hole`);
      demand(hashDecree(hash, decree) === decree.hash, "A13", () => `hash of ${decree.slot}`);
      hash = decree.hash;
    }
  }
}

function checkBase({ base, slotFirst }: Write, installed: Installed | null, before: Image): void {
  demand((base === null) === (installed === null), "S4", () => "a log begins anew by itself");
  demand(base === null || base.slot > before.decided, "S4", () => {
    return `a snapshot after ${base?.slot ?? 0} takes the log back from ${before.decided}`;
  });
  demand(base === null || slotFirst === base.slot + 1, "S4", () => {
    return `a log goes on with ${slotFirst} after a snapshot of ${base?.slot ?? 0}`;
  });
}

function checkBallots(write: Write, before: Image): void {
  const promised = write.promised ?? before.promised;
  demand(compareBallots(promised, before.promised) >= 0, "A7", () => {
    return `promise falls from ${formatBallot(before.promised)} to ${formatBallot(promised)}`;
  });
  demand(compareBallots(write.accepted, before.accepted) >= 0, "A17", () => {
    return `accepted falls from ${formatBallot(before.accepted)}`;
  });
  demand(compareBallots(write.accepted, promised) <= 0, "A7", () => {
    return `accepts ${formatBallot(write.accepted)} above its promise ${formatBallot(promised)}`;
  });
}

/** What was lost stays attested until something covers it. @param length Of the log by then. */
function checkLost(write: Write, length: Slot, before: Image): void {
  const isCovered =
    length >= before.lostUpTo || compareBallots(write.accepted, before.accepted) > 0;
  demand(isCovered ? write.lostUpTo === 0 : write.lostUpTo === before.lostUpTo, "A8", () => {
    return `write ${write.number} forgets that slots up to ${before.lostUpTo} were lost`;
  });
}

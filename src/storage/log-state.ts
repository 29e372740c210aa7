/**
 * What a journal's synced writes amount to: where each slot stands, which slots are damaged, and
 * how far the log is known decided. Memory only.
 */
import {
  assert,
  ballotZero,
  compareBallots,
  compareIds,
  type Ballot,
  type Heard,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import { Extents, type Extent } from "./extents.ts";
import { Holes } from "./holes.ts";
import type { LogEnd } from "./read-start.ts";
import type { SalvagedRecord } from "./salvage.ts";
import { SlotIndex, type Place } from "./slot-index.ts";

type RecordPlace = Pick<Place, "offset" | "size">;

export class LogState {
  readonly index: SlotIndex = new SlotIndex();
  readonly holes: Holes = new Holes();
  readonly #extents = new Extents();
  readonly #heard = new Map<string, Heard>();
  /** Where settled slots stand whose records were mended since. */
  readonly #moved = new Map<Slot, Place>();
  #promised: Ballot = ballotZero;
  #writeLast = 0;

  /** @param end What the groups before the first that is applied amount to. */
  constructor(end: LogEnd | null = null) {
    if (end === null) return;
    this.index.restart(end.length);
    const { accepted, length, decided, hash } = end;
    this.#extents.jump({ accepted, length, decided, hash });
    this.#promised = end.promised;
    this.#writeLast = end.writeLast;
    for (const note of end.heard) this.#heard.set(note.id, note);
  }

  /** What was applied so far, the last of it in `group`. */
  end(group: number): LogEnd {
    const { promised, writeLast, heard } = this;
    return { group, ...this.extent, promised, writeLast, heard };
  }

  /** The highest promise that a write carried. */
  get promised(): Ballot {
    return this.#promised;
  }

  get accepted(): Ballot {
    return this.#extents.now.accepted;
  }

  get decided(): Slot {
    return this.#extents.now.decided;
  }

  /** Where the log ends. */
  get extent(): Extent {
    return this.#extents.now;
  }

  /** To be gone on with from here. */
  extents(): Extents {
    return this.#extents.copy();
  }

  get writeLast(): number {
    return this.#writeLast;
  }

  /** The latest note of each peer, sorted by id. */
  get heard(): readonly Heard[] {
    return [...this.#heard.values()].toSorted((left, right) => compareIds(left.id, right.id));
  }

  /** Why `write` cannot follow what is there, or null. */
  objection(write: Write): string | null {
    if (write.number <= this.#writeLast) return `write ${write.number} after ${this.#writeLast}`;
    if (write.base !== null) {
      return write.slotFirst === write.base.slot + 1 && write.base.slot > this.decided
        ? null
        : `a log from slot ${write.base.slot} on, though ${this.decided} was decided`;
    }
    if (write.slotFirst > this.index.length + 1) {
      return `slot ${write.slotFirst} after a log of ${this.index.length}`;
    }
    if (write.slotFirst <= this.decided) {
      return `slot ${write.slotFirst} again, though ${this.decided} was decided`;
    }
    const length = Math.max(write.slotFirst + write.decrees.length - 1, write.lostUpTo);
    if (write.lostUpTo > this.index.length) {
      return `slots lost up to ${write.lostUpTo} of a log of ${this.index.length}`;
    }
    return write.decided > length ? `slot ${write.decided} decided in a log of ${length}` : null;
  }

  /** `places` are the records of the write's decrees. */
  apply(write: Write, generation: number, places: readonly RecordPlace[]): void {
    assert(this.objection(write) === null, "a write continues the log");
    assert(places.length === write.decrees.length, "each decree has its record");
    const { slotFirst, lostUpTo, base } = write;
    const written = slotFirst - 1 + places.length;
    if (base !== null) this.#restart(base.slot);
    for (const slot of this.#moved.keys()) if (slot >= slotFirst) this.#moved.delete(slot);
    this.#truncate(Math.max(slotFirst - 1, lostUpTo));
    for (const [position, { offset, size }] of places.entries()) {
      this.#place(slotFirst + position, { generation, offset, size });
    }
    for (let slot = written + 1; slot <= lostUpTo; slot += 1) this.#addHole(slot);
    this.#extents.apply(write);
    this.#writeLast = write.number;
    if (write.promised !== null && compareBallots(write.promised, this.#promised) > 0) {
      this.#promised = write.promised;
    }
    for (const note of write.heard ?? []) this.#heard.set(note.id, note);
  }

  /** Damaged records stand elsewhere from now on. */
  mend(write: Pick<Write, "slotFirst">, generation: number, places: readonly RecordPlace[]): void {
    for (const [position, { offset, size }] of places.entries()) {
      const slot = write.slotFirst + position;
      // What was rewritten since is whole.
      if (slot <= this.index.base) this.#move(slot, { generation, offset, size });
      else if (this.holes.has(slot)) this.#place(slot, { generation, offset, size });
    }
  }

  /** Where a settled slot stands that was mended since; null for any other. */
  movedTo(slot: Slot): Place | null {
    return this.#moved.get(slot) ?? null;
  }

  /** All of these. */
  get moved(): ReadonlyMap<Slot, Place> {
    return new Map(this.#moved);
  }

  /** Where it stands is written down elsewhere by now. */
  forgetMove(slot: Slot): void {
    this.#moved.delete(slot);
  }

  /** A state stands for the slots up to `slot`: what was damaged there is not missed. */
  settle(slot: Slot): void {
    this.index.settle(slot);
    this.holes.forgetUpTo(slot);
  }

  /** The record of `slot` is damaged. */
  lose(slot: Slot): void {
    this.holes.add(slot);
  }

  /**
   * Groups were lost that touched `slotLow` and what follows it (null: anything undecided), after
   * which the log ended at `after`; `salvaged` may be what stood there.
   */
  loseGroups(slotLow: Slot | null, after: Extent, salvaged: readonly SalvagedRecord[]): void {
    const low = Math.min(slotLow ?? this.decided + 1, this.index.length + 1);
    if (low <= this.index.base) this.index.truncate(low - 1);
    for (let slot = low; slot <= this.index.length; slot += 1) {
      const place = this.index.get(slot);
      if (place.size > 0) this.holes.propose(slot, place);
    }
    for (const { slot, place } of salvaged) this.holes.propose(slot, place);
    this.#truncate(after.length);
    while (this.index.length < after.length) this.index.push(0, 0, 0);
    for (let slot = low; slot <= after.length; slot += 1) this.holes.add(slot);
    this.#extents.jump(after);
    if (after.hash !== null) this.holes.know(after.length, after.hash);
  }

  #move(slot: Slot, place: Place): void {
    this.#moved.set(slot, place);
    if (this.holes.size > 0) this.holes.fill(slot);
  }

  #addHole(slot: Slot): void {
    if (slot > this.index.length) this.index.push(0, 0, 0);
    this.holes.add(slot);
  }

  #restart(slot: Slot): void {
    this.index.restart(slot);
    this.holes.truncate(0);
    this.#moved.clear();
  }

  #truncate(length: Slot): void {
    if (length < this.index.length) this.index.truncate(length);
    if (this.holes.size > 0) this.holes.truncate(length);
  }

  #place(slot: Slot, place: Place): void {
    if (slot > this.index.length) this.index.push(place.generation, place.offset, place.size);
    else this.index.replace(slot, place);
    if (this.holes.size > 0) this.holes.fill(slot);
  }
}

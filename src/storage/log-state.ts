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
import type { SalvagedRecord } from "./salvage.ts";
import { SlotIndex, type Place } from "./slot-index.ts";

type RecordPlace = Pick<Place, "offset" | "size">;

export class LogState {
  readonly index: SlotIndex = new SlotIndex();
  readonly holes: Holes = new Holes();
  readonly #extents = new Extents();
  readonly #heard = new Map<string, Heard>();
  #promised: Ballot = ballotZero;
  #writeLast = 0;

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
    const { slotFirst, lostUpTo } = write;
    const written = slotFirst - 1 + places.length;
    this.#truncate(Math.max(slotFirst - 1, lostUpTo));
    for (const [position, { offset, size }] of places.entries()) {
      this.#place(slotFirst + position, { generation, offset, size });
    }
    for (let slot = written + 1; slot <= lostUpTo; slot += 1) this.holes.add(slot);
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
      if (this.holes.has(slot)) this.#place(slot, { generation, offset, size });
    }
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

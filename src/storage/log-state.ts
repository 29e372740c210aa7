/**
 * What a journal's synced writes amount to: where each slot stands, and how far the log is known
 * decided. Memory only.
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
import type { LogEnd } from "./read-start.ts";
import { SlotIndex } from "./slot-index.ts";

export class LogState {
  readonly index: SlotIndex = new SlotIndex();
  readonly #heard = new Map<string, Heard>();
  #promised: Ballot = ballotZero;
  #accepted: Ballot = ballotZero;
  #decided: Slot = 0;
  #writeLast = 0;

  /** @param end What the groups before the first that is applied amount to. */
  constructor(end: LogEnd | null = null) {
    if (end === null) return;
    this.index.restart(end.length);
    this.#accepted = end.accepted;
    this.#decided = end.decided;
    this.#promised = end.promised;
    this.#writeLast = end.writeLast;
    for (const note of end.heard) this.#heard.set(note.id, note);
  }

  /** What was applied so far, the last of it in `group`. */
  end(group: number): LogEnd {
    const { accepted, decided, promised, writeLast, heard } = this;
    return { group, length: this.index.length, accepted, decided, promised, writeLast, heard };
  }

  /** The highest promise that a write carried. */
  get promised(): Ballot {
    return this.#promised;
  }

  get accepted(): Ballot {
    return this.#accepted;
  }

  get decided(): Slot {
    return this.#decided;
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
      return write.slotFirst === write.base.slot + 1 && write.base.slot > this.#decided
        ? null
        : `a log from slot ${write.base.slot} on, though ${this.#decided} was decided`;
    }
    if (write.slotFirst > this.index.length + 1) {
      return `slot ${write.slotFirst} after a log of ${this.index.length}`;
    }
    if (write.slotFirst <= this.#decided) {
      return `slot ${write.slotFirst} again, though ${this.#decided} was decided`;
    }
    const length = write.slotFirst + write.decrees.length - 1;
    return write.decided > length ? `slot ${write.decided} decided in a log of ${length}` : null;
  }

  /** `places` are the records of the write's decrees. */
  apply(
    write: Write,
    generation: number,
    places: readonly { readonly offset: number; readonly size: number }[],
  ): void {
    assert(this.objection(write) === null, "a write continues the log");
    assert(places.length === write.decrees.length, "each decree has its record");
    if (write.base === null) this.index.truncate(write.slotFirst - 1);
    else this.index.restart(write.base.slot);
    for (const { offset, size } of places) this.index.push(generation, offset, size);
    this.#accepted = write.accepted;
    this.#decided = Math.max(this.#decided, write.decided);
    this.#writeLast = write.number;
    if (write.promised !== null && compareBallots(write.promised, this.#promised) > 0) {
      this.#promised = write.promised;
    }
    for (const note of write.heard ?? []) this.#heard.set(note.id, note);
  }
}

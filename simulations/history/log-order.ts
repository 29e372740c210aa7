/**
 * The quick check of a log whose values are all different. Its answers name indexes, so they say
 * the order themselves; what is left is whether each index could be filled at a moment that suits
 * all who were told of it. Nearly linear, where the general search may take exponential time.
 *
 * Entry i has some moment p(i), and p(1) < p(2) < …. An operation that began at t and knew of no
 * entry i says t < p(i); one that had ended by t and knew of it says p(i) < t. All can be met
 * exactly when no lower bound of an entry lies behind an upper bound of it or of a later one.
 */
import { assert } from "../../consensus/assert.ts";
import type { Interner } from "./machine.ts";
import type { LogDemand, LogHistory } from "./log.ts";
import { brief, describeOperation, type Operation } from "./operation.ts";

export type LogOrder =
  | { readonly kind: "found"; readonly order: readonly number[] }
  | {
      readonly kind: "impossible";
      readonly order: readonly number[];
      /** Those that contradict each other, the one that cannot be placed first. */
      readonly culprits: readonly number[];
      readonly reason: string;
    };

interface Conflict {
  readonly index: number;
  readonly culprits: readonly number[];
  readonly reason: string;
}

/** Before all events. */
const fromTheStart = -1;
const nobody = -1;

/**
 * @param operations None of them failed; in the order of their invocation.
 * @returns null when a value was published twice, so that it does not name its publisher.
 */
export function orderLog(operations: readonly Operation[], history: LogHistory): LogOrder | null {
  const { demands, held, values } = history;
  const publishers = new Map<number, number>();
  const heldAtFirst = new Set(held);
  for (const [number, demand] of demands.entries()) {
    if (demand.kind !== "publish") continue;
    if (publishers.has(demand.value) || heldAtFirst.has(demand.value)) return null;
    publishers.set(demand.value, number);
  }
  return new LogPuzzle(operations, demands, { values, held, publishers }).solve();
}

interface Known {
  readonly values: Interner;
  readonly held: readonly number[];
  /** Who published a value. */
  readonly publishers: ReadonlyMap<number, number>;
}

/** A bound of the moment of an entry, and the operation that it comes from. */
interface Bound {
  readonly position: number;
  readonly operation: number;
}

/** An operation that changes nothing, how long the log was at its moment, and that moment. */
interface Placed {
  readonly number: number;
  readonly length: number;
  readonly at: number;
}

class LogPuzzle {
  readonly #operations: readonly Operation[];
  readonly #demands: readonly LogDemand[];
  readonly #known: Known;
  /** The value at each index that somebody told of, and who did first. */
  readonly #standing = new Map<number, { readonly value: number; readonly teller: number }>();
  readonly #indexes = new Map<number, number>();
  /** The entries that must be there, as far as nothing contradicts them. */
  #length = 0;
  #conflict: Conflict | null = null;
  /** By index, from 1. */
  #publishers: number[] = [];
  #earliest: Bound[] = [];
  #latest: Bound[] = [];

  constructor(operations: readonly Operation[], demands: readonly LogDemand[], known: Known) {
    this.#operations = operations;
    this.#demands = demands;
    this.#known = known;
  }

  solve(): LogOrder {
    this.#gather();
    this.#bound();
    this.#fillGaps();
    this.#compare();
    const order = this.#order();
    const conflict = this.#conflict;
    if (conflict === null) return { kind: "found", order };
    const { culprits, reason } = conflict;
    const placed = order.filter((number) => !culprits.includes(number));
    return { kind: "impossible", order: placed, culprits, reason };
  }

  /** Collects which value stands where, and how long the log must have been. */
  #gather(): void {
    const { held } = this.#known;
    this.#length = held.length;
    for (const [place, value] of held.entries()) {
      this.#standing.set(place + 1, { value, teller: nobody });
      this.#indexes.set(value, place + 1);
    }
    let lengthMax = this.#length;
    const conflicts: Conflict[] = [];
    const tell = (index: number, value: number, teller: number): void => {
      const conflict = this.#stand(index, value, teller);
      if (conflict !== null) conflicts.push(conflict);
      lengthMax = Math.max(lengthMax, index);
    };
    for (const [number, demand] of this.#demands.entries()) {
      if (demand.kind === "publish") {
        if (demand.index !== null) tell(demand.index, demand.value, number);
        continue;
      }
      lengthMax = Math.max(lengthMax, demand.lengthMin);
      for (const [place, value] of demand.values.entries())
        tell(demand.from + place, value, number);
    }
    // Of more entries than were ever published one has no publisher: no need to look further, and
    // an answer that names a far index costs no memory.
    this.#length = Math.min(lengthMax, held.length + this.#known.publishers.size + 1);
    for (const conflict of conflicts) this.#report(conflict);
  }

  #stand(index: number, value: number, teller: number): Conflict | null {
    const name = (of: number): string => brief(this.#known.values.valueOf(of));
    const standing = this.#standing.get(index);
    if (standing !== undefined && standing.value !== value) {
      const { value: other, teller: before } = standing;
      const who = before === nobody ? "at first" : `by ${this.#name(before)}`;
      const reason = `${this.#name(teller)} has ${name(value)} at index ${index}, where ${who}`;
      return this.#contradiction(index, [teller, before], `${reason} ${name(other)} stands`);
    }
    const elsewhere = this.#indexes.get(value);
    if (elsewhere !== undefined && elsewhere !== index) {
      const before = this.#standing.get(elsewhere)?.teller ?? nobody;
      const reason = `${this.#name(teller)} has ${name(value)} at index ${index}`;
      const other = `by ${this.#name(before)} it stands at index ${elsewhere}`;
      return this.#contradiction(index, [teller, before], `${reason}, though ${other}`);
    }
    if (standing !== undefined) return null;
    if (!this.#known.publishers.has(value)) {
      const reason = `${this.#name(teller)} has ${name(value)} at index ${index}`;
      return this.#contradiction(index, [teller], `${reason}, which nobody published`);
    }
    this.#standing.set(index, { value, teller });
    this.#indexes.set(value, index);
    return null;
  }

  #contradiction(index: number, culprits: readonly number[], reason: string): Conflict {
    return { index, culprits: culprits.filter((number) => number !== nobody), reason };
  }

  #name(number: number): string {
    const operation = this.#operations[number];
    if (operation === undefined) return "what it held at first";
    return `${describeOperation(operation)} (line ${operation.line})`;
  }

  /** Keeps the conflict at the lowest index, and looks no further than it. */
  #report(conflict: Conflict): void {
    if (conflict.index > this.#length) return;
    this.#conflict = conflict;
    this.#length = conflict.index - 1;
  }

  /** Works out when each entry can have been added at the earliest and at the latest. */
  #bound(): void {
    const { held } = this.#known;
    for (let index = 0; index <= this.#length; index += 1) {
      const isHeld = index <= held.length;
      this.#earliest.push({ position: fromTheStart - 1, operation: nobody });
      this.#latest.push({ position: isHeld ? fromTheStart : Infinity, operation: nobody });
      const value = this.#standing.get(index)?.value;
      const publisher = value === undefined ? undefined : this.#known.publishers.get(value);
      this.#publishers.push(publisher ?? nobody);
    }
    for (const [number, demand] of this.#demands.entries()) {
      if (demand.kind === "publish") {
        const { value, index } = demand;
        this.#boundBy(number, this.#indexes.get(value) ?? Infinity, index ?? 0);
      } else this.#boundBy(number, demand.lengthMax + 1, demand.lengthMin);
    }
  }

  /**
   * The operation began before entry `first` was there, and ended with entry `last` there: so also
   * with all before it, as many of them as are looked at.
   */
  #boundBy(number: number, first: number, last: number): void {
    const operation = this.#operations[number];
    assert(operation !== undefined, "a bound comes from an operation");
    const { invoked, returned } = operation;
    const earliest = this.#earliest[first];
    if (earliest !== undefined && earliest.position < invoked) {
      this.#earliest[first] = { position: invoked, operation: number };
    }
    const known = Math.min(last, this.#length);
    const latest = known === 0 ? undefined : this.#latest[known];
    if (latest !== undefined && latest.position > returned) {
      this.#latest[known] = { position: returned, operation: number };
    }
  }

  /**
   * An entry that nobody told of was published by somebody who heard no answer. Those who began
   * first take the lowest indexes: whoever can take an index can also take any later one.
   */
  #fillGaps(): void {
    const deadlines = this.#deadlines();
    const free = this.#demands.flatMap((demand, number) => {
      const isFree = demand.kind === "publish" && !this.#indexes.has(demand.value);
      return isFree ? [number] : [];
    });
    let next = 0;
    for (let index = this.#known.held.length + 1; index <= this.#length; index += 1) {
      if (this.#publishers[index] !== nobody) continue;
      const deadline = deadlines[index] ?? { position: Infinity, operation: nobody };
      const candidate = free[next];
      const operation = candidate === undefined ? undefined : this.#operations[candidate];
      if (candidate === undefined || operation === undefined) {
        this.#missing(index, deadline);
        return;
      }
      if (operation.invoked > deadline.position) {
        this.#missing(index, deadline);
        return;
      }
      this.#publishers[index] = candidate;
      this.#boundBy(candidate, index, index);
      next += 1;
    }
  }

  #missing(index: number, { operation }: Bound): void {
    assert(operation !== nobody, "the log is as long as somebody told");
    const teller = this.#name(operation);
    const reason = `${teller} needs an entry at index ${index}, which nobody can have published`;
    this.#report(this.#contradiction(index, [operation], reason));
  }

  /** The first moment by which somebody knew of the entry, or of a later one. */
  #deadlines(): readonly Bound[] {
    const deadlines = [...this.#latest];
    for (let index = deadlines.length - 2; index >= 0; index -= 1) {
      const own = deadlines[index];
      const later = deadlines[index + 1];
      if (own === undefined || later === undefined) continue;
      if (later.position < own.position) deadlines[index] = later;
    }
    return deadlines;
  }

  #compare(): void {
    let earliest = fromTheStart - 1;
    for (let index = 1; index <= this.#length; index += 1) {
      const own = this.#earliest[index];
      const latest = this.#latest[index];
      assert(own !== undefined && latest !== undefined, "each entry has its bounds");
      earliest = Math.max(earliest, own.position);
      if (earliest < latest.position) continue;
      this.#report(this.#contradictionInTime(index, latest));
    }
  }

  /** Somebody knew of the entry before another operation began that comes before the entry. */
  #contradictionInTime(index: number, { position, operation: early }: Bound): Conflict {
    const late = this.#firstSince(index, position);
    const demand = this.#demands[late];
    const where =
      demand?.kind === "observe"
        ? `goes no further than ${demand.lengthMax}`
        : `stands at index ${this.#publishers.indexOf(late)}`;
    const told = `had told of index ${index} before it began`;
    const known = early === nobody ? `index ${index} was there` : `${this.#name(early)} ${told}`;
    const reason = `${this.#name(late)} ${where}, though ${known}`;
    return this.#contradiction(index, [late, early], reason);
  }

  /** Of the operations that come before the entry, the first that began behind this position. */
  #firstSince(index: number, position: number): number {
    const before = this.#publishers.slice(0, index + 1).filter((number) => number !== nobody);
    for (const [number, demand] of this.#demands.entries()) {
      if (demand.kind === "observe" && demand.lengthMax < index) before.push(number);
    }
    const begins = (number: number): number => this.#operations[number]?.invoked ?? Infinity;
    const since = before.filter((number) => begins(number) > position);
    return since.reduce((first, number) => (begins(number) < begins(first) ? number : first));
  }

  /** An order of all operations whose place is within the part that holds. */
  #order(): readonly number[] {
    const observers = this.#placeObservers();
    const order: number[] = [];
    let next = 0;
    for (let index = 0; index <= this.#length; index += 1) {
      const publisher = this.#publishers[index] ?? nobody;
      if (publisher !== nobody) order.push(publisher);
      for (; observers[next]?.length === index; next += 1) order.push(observers[next]?.number ?? 0);
    }
    return order;
  }

  /** Each as soon as it can be: at its call, or when the last entry that it knew of was there. */
  #placeObservers(): readonly Placed[] {
    const moments = this.#moments();
    const placed: Placed[] = [];
    for (const [number, demand] of this.#demands.entries()) {
      const operation = this.#operations[number];
      if (demand.kind === "publish" || operation?.outcome !== "ok") continue;
      if (demand.lengthMin > this.#length || !this.#isBeforeConflict(operation)) continue;
      const at = Math.max(moments[demand.lengthMin] ?? fromTheStart, operation.invoked);
      const length = Math.min(demand.lengthMax, lastUpTo(moments, at));
      placed.push({ number, length, at });
    }
    return placed.toSorted((left, right) => left.length - right.length || left.at - right.at);
  }

  /** Whether the operation began before the conflict was there to be seen. */
  #isBeforeConflict({ invoked }: Operation): boolean {
    const ends = (this.#conflict?.culprits ?? []).map((number) => this.#operations[number]);
    return ends.every((culprit) => culprit === undefined || invoked < culprit.returned);
  }

  #moments(): readonly number[] {
    let latest = fromTheStart - 1;
    return this.#earliest.slice(0, this.#length + 1).map(({ position }) => {
      latest = Math.max(latest, position);
      return latest;
    });
  }
}

/** The last place whose number is at most `bound`; the numbers never fall, and the first is. */
function lastUpTo(numbers: readonly number[], bound: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((numbers[middle] ?? Infinity) <= bound) low = middle;
    else high = middle - 1;
  }
  return low;
}

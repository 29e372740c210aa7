/**
 * Looks for an order of the operations that respects real time and the model: the search of Wing
 * and Gong with Lowe's memory of configurations. Gives up at its bounds, and says so. One loop, so
 * that long histories need no deep stack.
 */
import { assert } from "../../consensus/assert.ts";
import { Configurations, Progress } from "./configurations.ts";
import { at, impossible, type Machine } from "./machine.ts";
import type { Operation } from "./operation.ts";
import { Supply } from "./supply.ts";

export interface SearchBounds {
  readonly configurationsMax: number;
  readonly bytesMax: number;
  /** Asked now and then; true ends the search. */
  readonly isOver: () => boolean;
}

export type SearchResult =
  | { readonly kind: "found"; readonly order: readonly number[]; readonly configurations: number }
  | {
      readonly kind: "impossible" | "gave up";
      /** The longest order that was found for some of them. */
      readonly order: readonly number[];
      /** The state that it leads to. */
      readonly state: number;
      /** The operation that returned before it could be placed behind that order. */
      readonly blocked: number;
      readonly configurations: number;
      /** Which bound was met; empty when none was. */
      readonly bound: string;
    };

/** How many new configurations lie between two looks at the bounds of bytes and of time. */
const lookEvery = 1024;

const nothingTried = -1;

/** Later than any event. */
const afterAll = 2 ** 50;

/**
 * @param operations In the order of their invocation; none of them failed.
 * @param looksAhead Turns back as soon as no order can come of it: quicker, but what is found of a
 *   history without one may end long before the place that a person would blame.
 */
export function search(
  operations: readonly Operation[],
  machine: Machine,
  bounds: SearchBounds,
  looksAhead = true,
): SearchResult {
  return new Search(operations, machine, bounds, looksAhead).run();
}

class Search {
  readonly #machine: Machine;
  readonly #bounds: SearchBounds;
  readonly #isAnswered: readonly boolean[];
  /** Where each operation stands in its set. */
  readonly #member: Int32Array;
  readonly #timeline: Timeline;
  readonly #supply: Supply;
  readonly #answered: Progress;
  readonly #unanswered: Progress;
  readonly #seen = new Configurations();
  /** The order so far: operations, and the state before each. */
  readonly #chosen: Int32Array;
  readonly #before: Int32Array;
  readonly #wasForced: Uint8Array;
  readonly #urgencies: readonly number[];
  #depth = 0;
  #state: number;
  #missing = 0;
  readonly #best: Best;

  constructor(
    operations: readonly Operation[],
    machine: Machine,
    bounds: SearchBounds,
    looksAhead: boolean,
  ) {
    const count = operations.length;
    this.#machine = machine;
    this.#bounds = bounds;
    this.#state = machine.initial;
    this.#isAnswered = operations.map(({ outcome }) => outcome === "ok");
    this.#member = new Int32Array(count);
    let unanswered = 0;
    for (const [number, isAnswered] of this.#isAnswered.entries()) {
      this.#member[number] = isAnswered ? this.#missing : unanswered;
      if (isAnswered) this.#missing += 1;
      else unanswered += 1;
    }
    this.#answered = new Progress(this.#missing);
    this.#unanswered = new Progress(unanswered);
    this.#timeline = new Timeline(operations);
    this.#supply = new Supply(looksAhead ? machine : null, this.#isAnswered);
    this.#chosen = new Int32Array(count);
    this.#before = new Int32Array(count);
    this.#wasForced = new Uint8Array(count);
    this.#urgencies = operations.map(({ outcome, returned }, number) => {
      return outcome === "ok" ? returned : afterAll + number;
    });
    this.#best = new Best(count, machine.initial);
  }

  run(): SearchResult {
    this.#seen.add(this.#machine.initial, this.#answered, this.#unanswered);
    /** Where the search of this depth goes on: behind the candidates that were tried. */
    let tried = nothingTried;
    while (this.#missing > 0) {
      const forced = tried === nothingTried ? this.#forced() : impossible;
      const candidate = forced === impossible ? this.#nextCandidate(tried) : forced;
      if (candidate !== impossible && this.#try(candidate, forced !== impossible)) {
        const bound = this.#boundMet();
        if (bound !== "") return this.#failed("gave up", bound);
        tried = nothingTried;
      } else if (candidate !== impossible && forced === impossible) {
        tried = this.#urgency(candidate);
      } else {
        const undone = this.#turnBack();
        if (undone === impossible) return this.#failed("impossible", "");
        tried = this.#urgency(undone);
      }
    }
    const order = [...this.#chosen.subarray(0, this.#depth)];
    return { kind: "found", order, configurations: this.#seen.count };
  }

  /** Undoes the last choice, and returns it; {@link impossible} when none is left. */
  #turnBack(): number {
    this.#offer();
    while (this.#depth > 0 && this.#wasForced[this.#depth - 1] === 1) this.#undo();
    return this.#depth === 0 ? impossible : this.#undo();
  }

  /**
   * An operation that could come next and only reads may as well come next: in any order of the
   * rest it can be moved to the front. So nothing else needs to be tried then. A write of what is
   * there already is no such operation: moved to the front, it is missing later.
   */
  #forced(): number {
    let node = this.#timeline.first();
    for (; !this.#timeline.isReturn(node); node = this.#timeline.after(node)) {
      if (this.#isAnswered[node] !== true || !this.#machine.isReadOnly(node)) continue;
      if (this.#machine.step(this.#state, node) !== impossible) return node;
    }
    return impossible;
  }

  /** Whoever returns first must find a state that nobody who could come before it makes. */
  #isStuck(): boolean {
    const supply = this.#supply;
    const blocked = this.#timeline.operationOf(this.#timeline.firstReturn());
    const wanted = supply.finds(blocked);
    if (wanted === impossible || wanted === this.#state) return false;
    let node = this.#timeline.first();
    for (; !this.#timeline.isReturn(node); node = this.#timeline.after(node)) {
      if (supply.leaves(node) === wanted) return false;
    }
    return true;
  }

  /** The most urgent of those that could come next, and are less urgent than what was tried. */
  #nextCandidate(tried: number): number {
    if (tried === nothingTried && this.#isStuck()) return impossible;
    let found = impossible;
    let least = Infinity;
    let node = this.#timeline.first();
    for (; !this.#timeline.isReturn(node); node = this.#timeline.after(node)) {
      const urgency = this.#urgency(node);
      if (urgency <= tried || urgency >= least) continue;
      found = node;
      least = urgency;
    }
    return found;
  }

  /** Who returns first goes first; those without an answer come last, as they are rarely needed. */
  #urgency(operation: number): number {
    return this.#urgencies[operation] ?? Infinity;
  }

  /** Places `candidate` next, if the model allows it and that leads to something new. */
  #try(candidate: number, isForced: boolean): boolean {
    const next = this.#machine.step(this.#state, candidate);
    if (next === impossible) return false;
    const isAnswered = this.#isAnswered[candidate] === true;
    // An outcome that nobody knows and that changes nothing need not be placed.
    if (!isAnswered && next === this.#state) return false;
    const done = isAnswered ? this.#answered : this.#unanswered;
    const member = at(this.#member, candidate);
    this.#supply.place(candidate);
    done.add(member);
    const isLost = next !== this.#state && this.#supply.isLast(this.#state);
    if (isLost || !this.#seen.add(next, this.#answered, this.#unanswered)) {
      done.delete(member);
      this.#supply.takeBack(candidate);
      return false;
    }
    this.#chosen[this.#depth] = candidate;
    this.#before[this.#depth] = this.#state;
    this.#wasForced[this.#depth] = isForced ? 1 : 0;
    this.#depth += 1;
    this.#state = next;
    if (isAnswered) this.#missing -= 1;
    this.#timeline.remove(candidate);
    return true;
  }

  #undo(): number {
    this.#depth -= 1;
    this.#best.forget(this.#depth);
    const undone = at(this.#chosen, this.#depth);
    this.#state = at(this.#before, this.#depth);
    const isAnswered = this.#isAnswered[undone] === true;
    if (isAnswered) this.#missing += 1;
    const done = isAnswered ? this.#answered : this.#unanswered;
    done.delete(at(this.#member, undone));
    this.#supply.takeBack(undone);
    this.#timeline.restore(undone);
    return undone;
  }

  #boundMet(): string {
    const { count } = this.#seen;
    const { configurationsMax, bytesMax, isOver } = this.#bounds;
    if (count >= configurationsMax) return `${configurationsMax} configurations`;
    if (count % lookEvery !== 0) return "";
    if (this.#seen.bytes + this.#machine.bytes() >= bytesMax)
      return `${(bytesMax / 2 ** 20).toFixed(1)} MiB`;
    return isOver() ? "its time" : "";
  }

  #offer(): void {
    this.#best.offer(this.#chosen, this.#depth, this.#state, this.#timeline.firstReturn());
  }

  #failed(kind: "impossible" | "gave up", bound: string): SearchResult {
    const configurations = this.#seen.count;
    if (kind === "gave up") this.#offer();
    const { order, state, blocked } = this.#best;
    assert(blocked !== impossible, "a search that fails was blocked by an operation");
    const operation = this.#timeline.operationOf(blocked);
    return { kind, order: order(), state, blocked: operation, configurations, bound };
  }
}

/** The longest order so far; copies only what changed since it was last copied. */
class Best {
  readonly #order: Int32Array;
  #length = -1;
  #same = 0;
  state: number;
  /** The return that stood in the way. */
  blocked = impossible;

  constructor(count: number, initial: number) {
    this.#order = new Int32Array(count);
    this.state = initial;
  }

  /** The order is now no longer than `depth`, and will be continued differently. */
  forget(depth: number): void {
    if (depth < this.#same) this.#same = depth;
  }

  offer(chosen: Int32Array, depth: number, state: number, blocked: number): void {
    if (depth <= this.#length) return;
    this.#order.set(chosen.subarray(this.#same, depth), this.#same);
    this.#length = depth;
    this.#same = depth;
    this.state = state;
    this.blocked = blocked;
  }

  readonly order = (): readonly number[] => [...this.#order.subarray(0, Math.max(0, this.#length))];
}

/**
 * Calls and returns in the order of time, as a list from which operations are lifted and put back.
 * A node below `count` is the call of that operation, one from `count` on a return.
 */
class Timeline {
  readonly #count: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #returns: readonly boolean[];

  constructor(operations: readonly Operation[]) {
    const count = operations.length;
    this.#count = count;
    this.#returns = operations.map(({ outcome }) => outcome === "ok");
    const nodes: { readonly node: number; readonly position: number }[] = [];
    for (const [number, { invoked, returned, outcome }] of operations.entries()) {
      nodes.push({ node: number, position: invoked });
      if (outcome === "ok") nodes.push({ node: count + number, position: returned });
    }
    nodes.sort((left, right) => left.position - right.position);
    const head = 2 * count;
    this.#next = new Int32Array(head + 1).fill(head);
    this.#previous = new Int32Array(head + 1).fill(head);
    let last = head;
    for (const { node } of nodes) {
      this.#next[last] = node;
      this.#previous[node] = last;
      last = node;
    }
    this.#previous[head] = last;
  }

  first(): number {
    return at(this.#next, 2 * this.#count);
  }

  /** What follows the call of an operation. */
  after(operation: number): number {
    return at(this.#next, operation);
  }

  /** Also at the end of the list: what has not returned by then, need not. */
  isReturn(node: number): boolean {
    return node >= this.#count;
  }

  firstReturn(): number {
    let node = this.first();
    while (!this.isReturn(node)) node = this.after(node);
    return node;
  }

  operationOf(node: number): number {
    return node - this.#count;
  }

  remove(operation: number): void {
    this.#unlink(operation);
    if (this.#returns[operation] === true) this.#unlink(this.#count + operation);
  }

  /** Undoes the last `remove` that was not yet undone: nodes come back where they were. */
  restore(operation: number): void {
    if (this.#returns[operation] === true) this.#link(this.#count + operation);
    this.#link(operation);
  }

  #unlink(node: number): void {
    const next = at(this.#next, node);
    const previous = at(this.#previous, node);
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #link(node: number): void {
    this.#next[at(this.#previous, node)] = node;
    this.#previous[at(this.#next, node)] = node;
  }
}

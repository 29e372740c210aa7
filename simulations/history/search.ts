/**
 * Looks for an order of the operations that respects real time and the model: the search of Wing
 * and Gong with Lowe's memory of configurations. Gives up at its bounds, and says so. One loop, so
 * that long histories need no deep stack.
 */
import { assert } from "../../consensus/assert.ts";
import { Configurations, Progress } from "./configurations.ts";
import { at, impossible, type Machine } from "./machine.ts";
import type { Operation } from "./operation.ts";

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

/** @param operations In the order of their invocation; none of them failed. */
export function search(
  operations: readonly Operation[],
  machine: Machine,
  bounds: SearchBounds,
): SearchResult {
  return new Search(operations, machine, bounds).run();
}

class Search {
  readonly #machine: Machine;
  readonly #bounds: SearchBounds;
  readonly #isAnswered: readonly boolean[];
  /** Where each operation stands in its set. */
  readonly #member: Int32Array;
  readonly #timeline: Timeline;
  readonly #answered: Progress;
  readonly #unanswered: Progress;
  readonly #seen = new Configurations();
  /** The order so far: operations, and the state before each. */
  readonly #chosen: Int32Array;
  readonly #before: Int32Array;
  #depth = 0;
  #state: number;
  #missing = 0;
  readonly #best: Best;

  constructor(operations: readonly Operation[], machine: Machine, bounds: SearchBounds) {
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
    this.#chosen = new Int32Array(count);
    this.#before = new Int32Array(count);
    this.#best = new Best(count, machine.initial);
  }

  run(): SearchResult {
    const { initial } = this.#machine;
    this.#seen.add(initial, this.#answered, this.#unanswered);
    let candidate = this.#timeline.first();
    // Those with an answer go first: the others are candidates for ever, and mostly not needed.
    let isAnsweredTurn = true;
    while (this.#missing > 0) {
      if (this.#timeline.isReturn(candidate)) {
        if (isAnsweredTurn) {
          isAnsweredTurn = false;
          candidate = this.#timeline.first();
          continue;
        }
        this.#best.offer(this.#chosen, this.#depth, this.#state, candidate);
        if (this.#depth === 0) return this.#failed("impossible", "");
        const undone = this.#undo();
        isAnsweredTurn = this.#isAnswered[undone] === true;
        candidate = this.#timeline.after(undone);
        continue;
      }
      if (this.#isAnswered[candidate] !== isAnsweredTurn || !this.#try(candidate)) {
        candidate = this.#timeline.after(candidate);
        continue;
      }
      const bound = this.#boundMet();
      if (bound !== "") return this.#failed("gave up", bound);
      candidate = this.#timeline.first();
      isAnsweredTurn = true;
    }
    const order = [...this.#chosen.subarray(0, this.#depth)];
    return { kind: "found", order, configurations: this.#seen.count };
  }

  /** Places `candidate` next, if the model allows it and that leads to something new. */
  #try(candidate: number): boolean {
    const next = this.#machine.step(this.#state, candidate);
    if (next === impossible) return false;
    const isAnswered = this.#isAnswered[candidate] === true;
    // An outcome that nobody knows and that changes nothing need not be placed.
    if (!isAnswered && next === this.#state) return false;
    const done = isAnswered ? this.#answered : this.#unanswered;
    const member = at(this.#member, candidate);
    done.add(member);
    if (!this.#seen.add(next, this.#answered, this.#unanswered)) {
      done.delete(member);
      return false;
    }
    this.#chosen[this.#depth] = candidate;
    this.#before[this.#depth] = this.#state;
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
    this.#timeline.restore(undone);
    return undone;
  }

  #boundMet(): string {
    const { count } = this.#seen;
    const { configurationsMax, bytesMax, isOver } = this.#bounds;
    if (count >= configurationsMax) return `${configurationsMax} configurations`;
    if (count % lookEvery !== 0) return "";
    if (this.#seen.bytes >= bytesMax) return `${(bytesMax / 2 ** 20).toFixed(1)} MiB`;
    return isOver() ? "its time" : "";
  }

  #failed(kind: "impossible" | "gave up", bound: string): SearchResult {
    const configurations = this.#seen.count;
    if (kind === "gave up") {
      const blocked = this.#timeline.firstReturn();
      this.#best.offer(this.#chosen, this.#depth, this.#state, blocked);
    }
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

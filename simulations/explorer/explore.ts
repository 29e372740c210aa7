/**
 * Walks through all states of a model, breadth-first or depth-first, each one once. Of a state that
 * it left it keeps a hash, its predecessor, and which of that one's actions led here: a trace is
 * rebuilt by taking the same actions again. Draws nothing, and reads the clock only to report.
 */
import { Queue, Stack, type Found, type Frontier } from "./frontier.ts";
import { GrowingWords } from "./growing-words.ts";
import type { Model } from "./model.ts";
import { PairTable } from "./pair-table.ts";
import { StateHash } from "./state-hash.ts";

export type Strategy = "bfs" | "dfs";

export interface Bounds {
  readonly strategy: Strategy;
  /** Stops when so many distinct states were found. */
  readonly states: number;
  /** States so many actions from the start are found, but not expanded. */
  readonly depth: number;
  /** Called every now and then. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly states: number;
  readonly depth: number;
  readonly waiting: number;
}

export interface Breach<Action> {
  readonly what: string;
  /** From the start to the state that breaks; breadth-first, no trace is shorter. */
  readonly actions: readonly Action[];
  /** The trace for people. */
  readonly lines: readonly string[];
}

export interface Exploration<Action> {
  /** Distinct states found. */
  readonly states: number;
  /** Actions taken that changed something, whether or not what they led to was known. */
  readonly transitions: number;
  /** Actions from the start to the deepest state found. */
  readonly depth: number;
  /** Whether nothing is left: no bound cut anything off. */
  readonly isExhausted: boolean;
  readonly breach: Breach<Action> | null;
  readonly seconds: number;
  /** The same by the processor's clock, which stands still while others run. */
  readonly processorSeconds: number;
}

const progressEvery = 1 << 14;
const none = 0xffff_ffff;

export function explore<State, Action>(
  model: Model<State, Action>,
  bounds: Bounds,
): Exploration<Action> {
  return new Search(model, bounds).run();
}

class Search<State, Action> {
  readonly #model: Model<State, Action>;
  readonly #bounds: Bounds;
  readonly #frontier: Frontier<State>;
  readonly #hash = new StateHash();
  readonly #seen = new PairTable();
  /** By number: the state before it, which of its actions led here, and how deep it is. */
  readonly #parents = new GrowingWords();
  readonly #ordinals = new GrowingWords();
  readonly #depths = new GrowingWords();
  #transitions = 0;
  #depth = 0;
  #isCut = false;
  #breach: Breach<Action> | null = null;

  constructor(model: Model<State, Action>, bounds: Bounds) {
    this.#model = model;
    this.#bounds = bounds;
    this.#frontier = bounds.strategy === "bfs" ? new Queue() : new Stack();
  }

  run(): Exploration<Action> {
    const began = performance.now();
    const used = process.cpuUsage();
    for (const [ordinal, state] of this.#model.initial().entries()) {
      this.#find(state, { parent: none, ordinal, depth: 0 });
    }
    for (let expanded = 1; this.#mayGoOn(); expanded += 1) {
      const found = this.#frontier.pop();
      if (found === undefined) break;
      this.#expand(found);
      if (expanded % progressEvery === 0) this.#report();
    }
    return {
      states: this.#parents.length,
      transitions: this.#transitions,
      depth: this.#depth,
      isExhausted: !this.#isCut && this.#frontier.size === 0 && this.#breach === null,
      breach: this.#breach,
      seconds: (performance.now() - began) / 1000,
      processorSeconds: (process.cpuUsage(used).user + process.cpuUsage(used).system) / 1e6,
    };
  }

  #mayGoOn(): boolean {
    return this.#breach === null && this.#parents.length < this.#bounds.states;
  }

  #report(): void {
    const states = this.#parents.length;
    this.#bounds.onProgress?.({ states, depth: this.#depth, waiting: this.#frontier.size });
  }

  #expand({ state, number, depth }: Found<State>): void {
    // Found again on a shorter way while it waited: that entry expands it.
    if (this.#depths.at(number) < depth) return;
    const actions = this.#model.actions(state);
    if (depth >= this.#bounds.depth) {
      this.#isCut ||= actions.length > 0;
      return;
    }
    for (let ordinal = 0; ordinal < actions.length && this.#breach === null; ordinal += 1) {
      const action = actions[ordinal];
      const next = action === undefined ? null : this.#model.next(state, action);
      if (next === null) continue;
      this.#transitions += 1;
      this.#find(next, { parent: number, ordinal, depth: depth + 1 });
    }
  }

  #find(state: State, way: { parent: number; ordinal: number; depth: number }): void {
    this.#hash.begin();
    this.#model.hash(state, this.#hash);
    const number = this.#parents.length;
    const known = this.#seen.add(this.#hash.high, this.#hash.low, number);
    if (known !== -1) {
      this.#findAgain(state, known, way);
      return;
    }
    this.#parents.push(way.parent);
    this.#ordinals.push(way.ordinal);
    this.#depths.push(way.depth);
    this.#depth = Math.max(this.#depth, way.depth);
    const what = this.#model.broken(state);
    if (what === null) this.#frontier.push({ state, number, depth: way.depth });
    else this.#breach = { what, ...this.#traceTo(number) };
  }

  /**
   * Depth-first a state may be found first on a long way, near the bound: what lies behind it would
   * be cut off. So it is expanded again when a shorter way turns up.
   */
  #findAgain(
    state: State,
    known: number,
    { parent, ordinal, depth }: { parent: number; ordinal: number; depth: number },
  ): void {
    if (this.#bounds.depth === Infinity || this.#depths.at(known) <= depth) return;
    this.#parents.set(known, parent);
    this.#ordinals.set(known, ordinal);
    this.#depths.set(known, depth);
    this.#frontier.push({ state, number: known, depth });
  }

  #traceTo(number: number): { actions: readonly Action[]; lines: readonly string[] } {
    const ordinals: number[] = [];
    let at = number;
    for (; at !== none; at = this.#parents.at(at)) ordinals.push(this.#ordinals.at(at));
    let state = this.#model.initial()[ordinals.pop() ?? 0];
    const actions: Action[] = [];
    const lines: string[] = [];
    for (const ordinal of ordinals.toReversed()) {
      if (state === undefined) break;
      const action = this.#model.actions(state)[ordinal];
      if (action === undefined) break;
      actions.push(action);
      const [first = "", ...rest] = this.#model.describe(state, action);
      lines.push(`${String(actions.length).padStart(3)}. ${first}`);
      for (const line of rest) lines.push(`     ${line}`);
      state = this.#model.next(state, action) ?? state;
    }
    return { actions, lines };
  }
}

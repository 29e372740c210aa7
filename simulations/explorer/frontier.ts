/** States that were found and not expanded yet: first in, first out, or last in, first out. */
export interface Found<State> {
  readonly state: State;
  /** Its number, in the order in which states were found. */
  readonly number: number;
  readonly depth: number;
}

export interface Frontier<State> {
  readonly size: number;
  push(found: Found<State>): void;
  pop(): Found<State> | undefined;
}

export class Stack<State> implements Frontier<State> {
  readonly #found: Found<State>[] = [];

  get size(): number {
    return this.#found.length;
  }

  push(found: Found<State>): void {
    this.#found.push(found);
  }

  pop(): Found<State> | undefined {
    return this.#found.pop();
  }
}

/** Two lists, so that nothing is moved: the one is emptied while the other is filled. */
export class Queue<State> implements Frontier<State> {
  #leaving: Found<State>[] = [];
  #arriving: Found<State>[] = [];

  get size(): number {
    return this.#leaving.length + this.#arriving.length;
  }

  push(found: Found<State>): void {
    this.#arriving.push(found);
  }

  pop(): Found<State> | undefined {
    if (this.#leaving.length === 0) {
      this.#leaving = this.#arriving.toReversed();
      this.#arriving = [];
    }
    return this.#leaving.pop();
  }
}

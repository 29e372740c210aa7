/**
 * The rules of the replicated publisher table in their most obvious form: an oracle for tests of
 * whatever submits batches. Applies what it is given, in that order.
 */
import { sameBatch } from "../consensus/decree.ts";
import { limits } from "../consensus/limits.ts";
import type { Batch, Effect, Index } from "../consensus/index.ts";

export interface TableEntry {
  readonly batch: Batch;
  readonly index: Index;
}

export class PublisherTable {
  /** Everything that took effect, in log order. */
  readonly log: TableEntry[] = [];
  readonly #publishers = new Map<number, { sequenceNext: number; results: TableEntry[] }>();
  #slot = 0;
  #index = 0;

  register(nonce: string): Effect {
    this.#slot += 1;
    this.#publishers.set(this.#slot, { sequenceNext: 1, results: [] });
    return { kind: "registered", publisher: this.#slot, nonce };
  }

  expire(publisher: number): void {
    this.#publishers.delete(publisher);
  }

  apply(batch: Batch): Effect {
    this.#slot += 1;
    const state = this.#publishers.get(batch.publisher);
    if (state === undefined) return { kind: "unknownPublisher" };
    if (batch.sequence > state.sequenceNext) return { kind: "gap", expected: state.sequenceNext };
    if (batch.sequence < state.sequenceNext) {
      const before = state.results.find((result) => sameBatch(result.batch, batch));
      return before === undefined
        ? { kind: "conflict" }
        : { kind: "duplicate", index: before.index };
    }
    const entry = { batch, index: this.#index + 1 };
    this.#index += batch.count;
    state.sequenceNext += batch.count;
    state.results.push(entry);
    if (state.results.length > limits.publisherResultsMax) state.results.shift();
    this.log.push(entry);
    return { kind: "applied", index: entry.index };
  }
}

/** A small generator of chance that depends on its seed alone. */
export function chanceFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

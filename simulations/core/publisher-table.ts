/**
 * The rules of the replicated publisher table in their most obvious form: the oracle of the
 * simulation and of tests of whatever submits batches. Never looks at the real table.
 */
import {
  limits,
  sameBatch,
  type Batch,
  type Effect,
  type Index,
  type PublisherId,
  type Slot,
} from "../../consensus/index.ts";

export interface SettledBatch {
  readonly batch: Batch;
  readonly index: Index;
  readonly slot: Slot;
}

export class PublisherTable {
  /** Everything that took effect, in log order. */
  readonly log: SettledBatch[] = [];
  readonly #resultsMax: number;
  readonly #publishers = new Map<PublisherId, SettledBatch[]>();
  #slot: Slot = 0;
  #index: Index = 0;

  /** @param resultsMax How many batches of each publisher are known again. */
  constructor(resultsMax: number = limits.publisherResultsMax) {
    this.#resultsMax = resultsMax;
  }

  /** What became of a batch, or null when it has had no effect. */
  settled(publisher: PublisherId, sequence: number): SettledBatch | null {
    const batches = this.#publishers.get(publisher) ?? [];
    return batches.find(({ batch }) => batch.sequence === sequence) ?? null;
  }

  register(nonce: string, slot: Slot = this.#slot + 1): Effect {
    this.#slot = slot;
    this.#publishers.set(slot, []);
    return { kind: "registered", publisher: slot, nonce };
  }

  expire(publisher: PublisherId): void {
    this.#publishers.delete(publisher);
  }

  apply(batch: Batch, slot: Slot = this.#slot + 1): Effect {
    this.#slot = slot;
    const batches = this.#publishers.get(batch.publisher);
    if (batches === undefined) return { kind: "unknownPublisher" };
    const last = batches.at(-1)?.batch;
    const expected = last === undefined ? 1 : last.sequence + last.count;
    if (batch.sequence > expected) return { kind: "gap", expected };
    if (batch.sequence < expected) {
      const known = batches.slice(-this.#resultsMax);
      const before = known.find((each) => sameBatch(each.batch, batch));
      return before === undefined
        ? { kind: "conflict" }
        : { kind: "duplicate", index: before.index };
    }
    const settled = { batch, index: this.#index + 1, slot };
    this.#index += batch.count;
    batches.push(settled);
    this.log.push(settled);
    return { kind: "applied", index: settled.index };
  }
}

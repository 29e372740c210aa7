/**
 * What each decree must do to users' entries, told again in the most obvious way: exactly once, in
 * the order of each publisher's sequence, with dense indexes (C1, C2). Never looks at the real
 * table.
 */
import {
  sameBatch,
  type Applied,
  type Batch,
  type Effect,
  type Index,
  type PublisherId,
  type Slot,
} from "../../consensus/index.ts";
import { demand } from "./violation.ts";

interface Settled {
  readonly batch: Batch;
  readonly index: Index;
  readonly slot: Slot;
}

export class EffectModel {
  #index: Index = 0;
  readonly #publishers = new Map<PublisherId, Settled[]>();

  /** What became of a batch, or null when it has had no effect. */
  settled(publisher: PublisherId, sequence: number): Settled | null {
    const batches = this.#publishers.get(publisher) ?? [];
    return batches.find(({ batch }) => batch.sequence === sequence) ?? null;
  }

  /** Shows the model the next chosen decree and what the real state made of it. */
  check({ decree, effect }: Applied): void {
    const { slot, value } = decree;
    if (value.kind === "registration") {
      this.#publishers.set(slot, []);
      demandEffect(slot, effect, { kind: "registered", publisher: slot, nonce: value.nonce });
    } else if (value.kind === "batch") {
      demandEffect(slot, effect, this.#settle(slot, value));
    } else {
      demand(!("index" in effect), "C1", () => `slot ${slot} takes an index without entries`);
    }
  }

  #settle(slot: Slot, batch: Batch): Effect {
    const batches = this.#publishers.get(batch.publisher);
    if (batches === undefined) return { kind: "unknownPublisher" };
    const last = batches.at(-1)?.batch;
    const expected = last === undefined ? 1 : last.sequence + last.count;
    if (batch.sequence > expected) return { kind: "gap", expected };
    if (batch.sequence < expected) {
      const before = batches.find((each) => sameBatch(each.batch, batch));
      return before === undefined
        ? { kind: "conflict" }
        : { kind: "duplicate", index: before.index };
    }
    const index = this.#index + 1;
    this.#index += batch.count;
    batches.push({ batch, index, slot });
    return { kind: "applied", index };
  }
}

function demandEffect(slot: Slot, effect: Effect, expected: Effect): void {
  const [found, wanted] = [JSON.stringify(effect), JSON.stringify(expected)];
  demand(found === wanted, "C1", () => `slot ${slot} has effect ${found}, not ${wanted}`);
}

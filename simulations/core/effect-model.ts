/**
 * What each decree must do to users' entries: exactly once, in the order of each publisher's
 * sequence, with dense indexes (C1, C2). Never looks at the real state.
 */
import type { Applied, Effect, PublisherId, Slot } from "../../consensus/index.ts";
import { PublisherTable, type SettledBatch } from "./publisher-table.ts";
import { demand } from "./violation.ts";

export class EffectModel {
  /** Stricter than the real one, which may forget: what took effect is never a conflict. */
  readonly #table = new PublisherTable(Infinity);

  /** What became of a batch, or null when it has had no effect. */
  settled(publisher: PublisherId, sequence: number): SettledBatch | null {
    return this.#table.settled(publisher, sequence);
  }

  /** Shows the model the next chosen decree and what the real state made of it. */
  check({ decree, effect }: Applied): void {
    const { slot, value } = decree;
    if (value.kind === "registration") {
      demandEffect(slot, effect, this.#table.register(value.nonce, slot));
    } else if (value.kind === "batch") {
      demandEffect(slot, effect, this.#table.apply(value, slot));
    } else {
      demand(!("index" in effect), "C1", () => `slot ${slot} takes an index without entries`);
    }
  }
}

function demandEffect(slot: Slot, effect: Effect, expected: Effect): void {
  const [found, wanted] = [JSON.stringify(effect), JSON.stringify(expected)];
  demand(found === wanted, "C1", () => `slot ${slot} has effect ${found}, not ${wanted}`);
}

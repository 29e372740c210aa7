/**
 * What each decree must do to users' entries: exactly once, in the order of each publisher's
 * sequence, with dense indexes (C1, C2), until log time forgets the publisher (C3). Never looks at
 * the real state.
 */
import {
  limits,
  type Applied,
  type Effect,
  type PublisherId,
  type Slot,
} from "../../consensus/index.ts";
import { PublisherTable, type SettledBatch } from "./publisher-table.ts";
import { demand } from "./violation.ts";

export class EffectModel {
  /** Stricter than the real one, which may forget: what took effect is never a conflict. */
  readonly #table = new PublisherTable(Infinity);
  /** The log time of each publisher's registration or latest effect. */
  readonly #times = new Map<PublisherId, number>();

  /** What became of a batch, or null when it has had no effect. */
  settled(publisher: PublisherId, sequence: number): SettledBatch | null {
    return this.#table.settled(publisher, sequence);
  }

  /** Shows the model the next chosen decree and what the real state made of it. */
  check({ decree, effect }: Applied): void {
    const { slot, value } = decree;
    if (value.kind === "registration") {
      demandEffect(slot, effect, this.#table.register(value.nonce, slot));
      this.#times.set(slot, decree.time);
    } else if (value.kind === "batch") {
      const { publisher } = value;
      const since = this.#times.get(publisher) ?? decree.time;
      if (decree.time > since + limits.publisherExpiryMs) this.#table.expire(publisher);
      demandEffect(slot, effect, this.#table.apply(value, slot));
      if (effect.kind === "applied") this.#times.set(publisher, decree.time);
    } else {
      demand(!("index" in effect), "C1", () => `slot ${slot} takes an index without entries`);
    }
  }
}

function demandEffect(slot: Slot, effect: Effect, expected: Effect): void {
  const [found, wanted] = [JSON.stringify(effect), JSON.stringify(expected)];
  demand(found === wanted, "C1", () => `slot ${slot} has effect ${found}, not ${wanted}`);
}

/**
 * The slots of a journal whose records are damaged, and what is known of them: hashes that say what
 * fills them, and records that may. Memory only.
 */
import type { Hash, Slot } from "../../consensus/index.ts";
import type { Place } from "./slot-index.ts";

/** Slots that follow one another. */
export interface SlotRange {
  readonly first: Slot;
  readonly last: Slot;
}

export class Holes {
  readonly #slots = new Set<Slot>();
  readonly #hashes = new Map<Slot, Hash>();
  readonly #candidates = new Map<Slot, Place[]>();

  get size(): number {
    return this.#slots.size;
  }

  has(slot: Slot): boolean {
    return this.#slots.has(slot);
  }

  add(slot: Slot): void {
    this.#slots.add(slot);
  }

  /** The record that was lost at `slot` had this hash. */
  know(slot: Slot, hash: Hash): void {
    if (this.#slots.has(slot)) this.#hashes.set(slot, hash);
  }

  hashAt(slot: Slot): Hash | null {
    return this.#hashes.get(slot) ?? null;
  }

  /** A record for `slot` is whole, and may be the one that the log had last. */
  propose(slot: Slot, place: Place): void {
    const known = this.#candidates.get(slot);
    if (known === undefined) this.#candidates.set(slot, [place]);
    else known.push(place);
  }

  candidates(slot: Slot): readonly Place[] {
    return this.#candidates.get(slot) ?? [];
  }

  fill(slot: Slot): void {
    if (this.#slots.delete(slot)) this.#hashes.delete(slot);
    this.#candidates.delete(slot);
  }

  /** The log has lost every slot after `length`. */
  truncate(length: Slot): void {
    for (const slot of this.#slots) if (slot > length) this.fill(slot);
    for (const slot of this.#candidates.keys()) {
      if (slot > length) this.#candidates.delete(slot);
    }
  }

  /** In order. */
  ranges(): readonly SlotRange[] {
    const ranges: { first: Slot; last: Slot }[] = [];
    for (const slot of [...this.#slots].toSorted((left, right) => left - right)) {
      const last = ranges.at(-1);
      if (last !== undefined && last.last === slot - 1) last.last = slot;
      else ranges.push({ first: slot, last: slot });
    }
    return ranges;
  }
}

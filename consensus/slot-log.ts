/**
 * The undecided end of the log: the decrees after the last applied slot, in order without a hole.
 * Decided decrees leave it; the shell's journal has them.
 */
import { assert } from "./assert.ts";
import type { Decree } from "./decree.ts";
import type { Hash, Slot } from "./identifiers.ts";

export class SlotLog {
  #base: Slot;
  #baseHash: Hash;
  #decrees: Decree[];
  #bytes = 0;

  /** @param base The last decided slot, whose hash is `baseHash`; `decrees` follow it. */
  constructor(base: Slot, baseHash: Hash, decrees: readonly Decree[]) {
    this.#base = base;
    this.#baseHash = baseHash;
    this.#decrees = [];
    this.replaceFrom(base + 1, decrees);
  }

  /** The last decided slot. */
  get base(): Slot {
    return this.#base;
  }
  /** The last slot; equal to `base` when nothing is undecided. */
  get length(): Slot {
    return this.#base + this.#decrees.length;
  }
  /** The bytes of the batches in undecided slots. */
  get bytes(): number {
    return this.#bytes;
  }
  get last(): Decree | null {
    return this.#decrees.at(-1) ?? null;
  }
  /** Whether nothing may follow: the last decree ends its government. */
  get endsInStopSign(): boolean {
    return this.last?.value.kind === "succession";
  }

  /** The hash of the log at an undecided slot or at `base`. */
  hashAt(slot: Slot): Hash {
    if (slot === this.#base) return this.#baseHash;
    return this.at(slot).hash;
  }

  at(slot: Slot): Decree {
    const decree = this.#decrees[slot - this.#base - 1];
    assert(decree !== undefined && decree.slot === slot, "only undecided slots are looked up");
    return decree;
  }

  /** The decrees from `slot` on; `slot` is after `base`. */
  from(slot: Slot): readonly Decree[] {
    assert(slot > this.#base && slot <= this.length + 1, "only undecided slots are read");
    return this.#decrees.slice(slot - this.#base - 1);
  }

  /** Replaces everything from `slot` on; never touches what is decided. */
  replaceFrom(slot: Slot, decrees: readonly Decree[]): void {
    assert(slot > this.#base, "what is decided never changes");
    assert(slot <= this.length + 1, "the log has no hole");
    for (const decree of this.#decrees.slice(slot - this.#base - 1)) this.#bytes -= size(decree);
    this.#decrees.length = slot - this.#base - 1;
    for (const decree of decrees) {
      assert(decree.slot === this.length + 1, "the log has no hole");
      assert(!this.endsInStopSign, "nothing follows a stop-sign in its government");
      this.#decrees.push(decree);
      this.#bytes += size(decree);
    }
  }

  /** Begins anew after a decided slot that is not in the log; what the log holds is dropped. */
  restart(base: Slot, baseHash: Hash): void {
    assert(base > this.#base, "the decided end of the log only moves on");
    this.#base = base;
    this.#baseHash = baseHash;
    this.#decrees = [];
    this.#bytes = 0;
  }

  /** Gives up the first undecided decree, which was decided. */
  shift(): Decree {
    const decree = this.#decrees.shift();
    assert(decree !== undefined, "only what is in the log is decided");
    this.#base = decree.slot;
    this.#baseHash = decree.hash;
    this.#bytes -= size(decree);
    assert(this.#bytes >= 0, "bytes leave as they came");
    return decree;
  }
}

function size(decree: Decree): number {
  return decree.value.kind === "batch" ? decree.value.size : 0;
}

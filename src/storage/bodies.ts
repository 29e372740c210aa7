/**
 * The bytes that batch descriptors stand for while both are in memory: the core passes descriptors
 * by reference, the shell finds the bytes here. Holds nothing longer than its descriptor lives.
 */
import { assert, type Batch } from "../../consensus/index.ts";

export class Bodies {
  readonly #bodies = new WeakMap<Batch, Uint8Array>();

  /** The bytes must not be written to from here on. */
  set(batch: Batch, body: Uint8Array): void {
    assert(body.length === batch.size, "a body has the size its descriptor says");
    this.#bodies.set(batch, body);
  }

  get(batch: Batch): Uint8Array | null {
    return this.#bodies.get(batch) ?? null;
  }
}

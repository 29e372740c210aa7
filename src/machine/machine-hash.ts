/**
 * One hash over all that a state machine answered and, now and then, over its state: what nodes
 * compare, so that one that is not deterministic is noticed (contract C10). Guards against
 * accidents, not against forgers.
 */
import { hashZero, Mixer, type Hash } from "../../consensus/index.ts";
import { crc32 } from "../codec/crc32.ts";
import type { BatchResults } from "./results.ts";

export class MachineHash {
  #value: Hash;

  constructor(value: Hash = hashZero) {
    this.#value = value;
  }

  get value(): Hash {
    return this.#value;
  }

  /** Folds in the results of the batch that begins with `index`. */
  batch(index: number, count: number, results: BatchResults): void {
    const mixer = new Mixer().text(this.#value).number(index).number(count);
    for (const [position, result] of results?.entries() ?? []) {
      if (result === null) continue;
      mixer.number(position);
      if (result === "dropped") mixer.number(-1);
      else if (result === "skipped") mixer.number(-2);
      else mixer.number(result.length).number(crc32(result));
    }
    this.#value = mixer.digest();
  }

  /** Folds in the whole state, as its size and checksum. */
  state(bytes: number, checksum: number): void {
    this.#value = new Mixer()
      .text(this.#value)
      .text("state")
      .number(bytes)
      .number(checksum)
      .digest();
  }
}

/**
 * Running hashes of the log and of the replicated state: 64 bits, mixed in two lanes of 32 with
 * `Math.imul`, the same on every platform. They guard against accidents (damage, bugs, mixed-up
 * disks), not against forgers; each body has its own checksum beside.
 */
import type { Decree, Value } from "./decree.ts";
import type { Hash } from "./identifiers.ts";
import { assert } from "./assert.ts";

/** The hash before anything. */
export const hashZero: Hash = "0000000000000000";

/** Two lanes of state; numbers and strings are folded in word by word. */
export class Mixer {
  #high = 0x6b_69_62_69;
  #low = 0x74_7a_65_72;

  /** Folds in a safe integer, sign included. */
  number(value: number): this {
    assert(Number.isSafeInteger(value), "only whole numbers are hashed");
    this.#word(value | 0);
    this.#word(Math.floor(value / 0x1_0000_0000) | 0);
    return this;
  }

  /** Folds in a string by code unit, its length first, so that neighbours cannot flow together. */
  text(value: string): this {
    this.#word(value.length);
    for (let at = 0; at < value.length; at += 1) this.#word(value.charCodeAt(at));
    return this;
  }

  digest(): Hash {
    const high = avalanche(this.#high ^ Math.imul(this.#low, 0x9e37_79b1));
    const low = avalanche(this.#low ^ Math.imul(high, 0x85eb_ca77));
    return hex16(high, low);
  }

  #word(word: number): void {
    const high = Math.imul(this.#high ^ word, 0xcc9e_2d51);
    const low = Math.imul(this.#low + word, 0x1b87_3593);
    this.#high = (((high << 15) | (high >>> 17)) + this.#low) | 0;
    this.#low = (((low << 13) | (low >>> 19)) ^ high) | 0;
  }
}

/** The log hash after a decree, from the one before it and the decree's own fields. */
export function hashDecree(before: Hash, decree: Omit<Decree, "hash">): Hash {
  assert(before.length === hashZero.length, "a hash has 16 digits");
  const mixer = new Mixer()
    .text(before)
    .number(decree.slot)
    .number(decree.time)
    .number(decree.when);
  return mixValue(mixer, decree.value).digest();
}

function mixValue(mixer: Mixer, value: Value): Mixer {
  if (value.kind !== "batch") return mixer.text(JSON.stringify(value));
  return mixer
    .text("batch")
    .number(value.publisher)
    .number(value.sequence)
    .number(value.count)
    .number(value.size)
    .number(value.checksum);
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function avalanche(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** Two words of 32 bits as 16 hex digits; in one go, since this is done for every input. */
export function hex16(high: number, low: number): Hash {
  return String.fromCharCode(
    digit(high >>> 28),
    digit(high >>> 24),
    digit(high >>> 20),
    digit(high >>> 16),
    digit(high >>> 12),
    digit(high >>> 8),
    digit(high >>> 4),
    digit(high),
    digit(low >>> 28),
    digit(low >>> 24),
    digit(low >>> 20),
    digit(low >>> 16),
    digit(low >>> 12),
    digit(low >>> 8),
    digit(low >>> 4),
    digit(low),
  );
}

/** The code of the hex digit for the last four bits of `word`. */
function digit(word: number): number {
  const value = word & 15;
  return value < 10 ? 48 + value : 87 + value;
}

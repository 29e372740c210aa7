/**
 * The 64-bit hash of one state, in two lanes of 32 bits: what the explorer keeps of a state instead
 * of the state. Two states of a run of n collide with a chance of about n² / 2⁶⁵, which would hide
 * one of them: 7 in ten million runs for five million states. Never used for anything that attests.
 */
export class StateHash {
  #high = 0;
  #low = 0;

  /** Forgets everything; call before each state. */
  begin(): void {
    this.#high = 0x6b_69_62_69;
    this.#low = 0x74_7a_65_72;
  }

  word(word: number): void {
    let high = Math.imul(this.#high ^ word, 0xcc9e_2d51);
    high = (high << 15) | (high >>> 17);
    let low = Math.imul(this.#low + word, 0x1b87_3593);
    low = (low << 13) | (low >>> 19);
    this.#high = (Math.imul(high, 5) + low) | 0;
    this.#low = (low ^ Math.imul(high, 0x9e37_79b1)) + 0x7f4a_7c15;
  }

  /** Folds in a text, its length first, so that neighbours cannot flow together. */
  text(text: string): void {
    this.word(text.length);
    for (let at = 0; at < text.length; at += 1) this.word(text.charCodeAt(at));
  }

  get high(): number {
    return avalanche(this.#high ^ Math.imul(this.#low, 0x9e37_79b1));
  }

  get low(): number {
    return avalanche(this.#low ^ Math.imul(this.#high, 0x85eb_ca77));
  }
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function avalanche(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

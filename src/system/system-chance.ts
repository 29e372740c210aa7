/** Chance from the machine's own source, in a browser too; fit for ids that must not repeat. */
import type { Chance } from "../world.ts";

export function systemChance(): Chance {
  const words = new Uint32Array(2);
  return {
    fraction: () => {
      const [high = 0, low = 0] = crypto.getRandomValues(words);
      return ((high >>> 5) * 0x400_0000 + (low >>> 6)) / 0x20_0000_0000_0000;
    },
    hex16: () => {
      const [high = 0, low = 0] = crypto.getRandomValues(words);
      return hex8(high) + hex8(low);
    },
  };
}

function hex8(word: number): string {
  return word.toString(16).padStart(8, "0");
}

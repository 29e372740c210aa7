/** Chance from the machine's own source, in a browser too; fit for ids that must not repeat. */
import type { Chance } from "../world.ts";

/** Fractions are drawn so many at a time: a call of the source costs as much for one. */
const fractionsDrawn = 128;

export function systemChance(): Chance {
  const drawn = new Uint32Array(2 * fractionsDrawn);
  let next = drawn.length;
  const words = new Uint32Array(2);
  return {
    fraction: () => {
      if (next === drawn.length) {
        crypto.getRandomValues(drawn);
        next = 0;
      }
      const [high = 0, low = 0] = [drawn[next], drawn[next + 1]];
      next += 2;
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

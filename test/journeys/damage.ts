/** Damage to bytes, drawn from a seed: what disks, networks and foreign software make of them. */
import fc from "fast-check";

export interface Harm {
  readonly kind: "flip" | "cut" | "drop" | "insert" | "repeat" | "overwrite" | "number";
  /** Where, as a fraction of all bytes. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

const kinds = ["flip", "cut", "drop", "insert", "repeat", "overwrite", "number"] as const;

export const harms: fc.Arbitrary<readonly Harm[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
    // Unbiased: most doubles below 1 are next to 0, and so is what is drawn by default.
    at: fc.noBias(fc.nat(2 ** 30 - 1)).map((drawn) => drawn / 2 ** 30),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }),
  }),
  { minLength: 1, maxLength: 3 },
);

export function harmed(bytes: Uint8Array, all: readonly Harm[]): Uint8Array {
  let current = Uint8Array.from(bytes);
  for (const harm of all) current = Uint8Array.from(harmedOnce(current, harm));
  return current;
}

function harmedOnce(current: Uint8Array, { kind, at, bytes }: Harm): Uint8Array {
  const offset = Math.floor(at * current.length);
  const [before, after] = [current.subarray(0, offset), current.subarray(offset)];
  const [first = 0] = bytes;
  switch (kind) {
    case "flip":
      return Buffer.concat(
        [before, [(after[0] ?? 0) ^ (1 << (first % 8))], after.subarray(1)].map(toBytes),
      );
    case "cut":
      return before;
    case "drop":
      return Buffer.concat([before, after.subarray(bytes.length)]);
    case "insert":
      return Buffer.concat([before, bytes, after]);
    case "repeat":
      return Buffer.concat([before, after.subarray(0, first), after]);
    case "overwrite":
      return Buffer.concat([before, bytes, after.subarray(bytes.length)]);
    case "number": {
      // What a length or a count may be at worst.
      const worst = [0x00, 0x7f, 0x80, 0xff][first % 4] ?? 0;
      return Buffer.concat([before, new Uint8Array(4).fill(worst), after.subarray(4)]);
    }
  }
}

function toBytes(part: Uint8Array | readonly number[]): Uint8Array {
  return Uint8Array.from(part);
}

/** One of `all` by a drawn number. */
export function picked<Value>(all: readonly Value[], drawn: number): Value {
  const found = all[drawn % all.length];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

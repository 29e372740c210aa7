/** The table of hashes against a plain map, and the hash against accidents of small numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PairTable } from "./pair-table.ts";
import { StateHash } from "./state-hash.ts";

test("it keeps what a map would", () => {
  const word = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 3 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 200 }), (pairs) => {
      const table = new PairTable();
      const expected = new Map<string, number>();
      for (const [value, [high, low]] of pairs.entries()) {
        const key = `${high} ${low}`;
        assert.equal(table.get(high, low), expected.get(key) ?? -1);
        assert.equal(table.add(high, low, value), expected.get(key) ?? -1);
        if (!expected.has(key)) expected.set(key, value);
      }
      assert.equal(table.size, expected.size);
    }),
    { numRuns: 200 },
  );
});

test("it grows without forgetting", () => {
  const table = new PairTable();
  const count = 20_000;
  for (let value = 0; value < count; value += 1) table.add(value, -value, value);
  assert.equal(table.size, count);
  for (let value = 0; value < count; value += 1) assert.equal(table.get(value, -value), value);
  assert.equal(table.get(count, 0), -1);
});

test("lists of small numbers that differ have hashes that differ", () => {
  const hash = new StateHash();
  const seen = new Set<string>();
  let lists = 0;
  const mix = (words: readonly number[]): void => {
    hash.begin();
    for (const word of words) hash.word(word);
    seen.add(`${hash.high} ${hash.low}`);
    lists += 1;
  };
  for (let one = 0; one < 30; one += 1) {
    for (let two = 0; two < 30; two += 1) {
      mix([one, two]);
      for (let three = 0; three < 30; three += 1) mix([one, two, three]);
    }
  }
  assert.equal(seen.size, lists);
});

test("a half of each hash is spread as well, and texts that flow together are told apart", () => {
  const hash = new StateHash();
  const halves = new Set<number>();
  for (let word = 0; word < 3000; word += 1) {
    hash.begin();
    hash.word(word);
    halves.add(hash.low & 0xfff_ffff);
  }
  assert.ok(halves.size > 2990);
  const digest = (texts: readonly string[]): string => {
    hash.begin();
    for (const text of texts) hash.text(text);
    return `${hash.high} ${hash.low}`;
  };
  assert.notEqual(digest(["ab", "c"]), digest(["a", "bc"]));
});

// The tail against a plain map: it gives what was written last, or nothing, and keeps its bound.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { Tail } from "../../src/storage/tail.ts";

const bytesMax = 4096;

function decree(slot: number, time: number, bytes: number | null): FramedDecree {
  const value = { kind: "opening" } as const;
  const body = bytes === null ? null : new Uint8Array(bytes);
  return { decree: { slot, time, when: 0, value, hash: "0000000000000000" }, body };
}

test("the tail gives the newest of each slot, the last ones above all, within its bound", () => {
  const write = fc.record({
    back: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 60 })),
    skip: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 9 })),
    bytes: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 1500 })),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 300 }), (writes) => {
      const tail = new Tail(bytesMax);
      const written = new Map<number, FramedDecree>();
      let last = 0;
      for (const [time, { back, skip, bytes }] of writes.entries()) {
        const slot = Math.max(1, last + 1 - back + skip);
        for (let gone = slot; gone <= last; gone += 1) written.delete(gone);
        last = slot;
        written.set(slot, decree(slot, time, bytes));
        tail.append(decree(slot, time, bytes));
      }
      let kept = 0;
      let missed = false;
      for (let slot = last; slot >= 1; slot -= 1) {
        const found = tail.get(slot);
        if (found === null) missed = true;
        else {
          assert.equal(missed, false, "what is kept has no hole");
          assert.equal(found.decree.time, written.get(slot)?.decree.time);
          kept += found.body?.length ?? 0;
        }
      }
      assert.ok(kept <= bytesMax);
      assert.equal(tail.get(last + 1), null);
      const newest = written.get(last);
      const fits = newest !== undefined && (newest.body?.length ?? 0) + 256 <= bytesMax;
      assert.equal(tail.get(last) !== null, fits);
    }),
  );
});

test("a decree beyond the bound is not kept, nor what it replaced", () => {
  const tail = new Tail(1000);
  tail.append(decree(1, 1, 10));
  tail.append(decree(2, 2, 10));
  tail.append(decree(2, 3, 5000));
  assert.equal(tail.get(2), null);
  assert.equal(tail.get(1), null);
  tail.append(decree(2, 4, 10));
  assert.equal(tail.get(2)?.decree.time, 4);
});

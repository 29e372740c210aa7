/** What byte formats share. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isZero } from "../../src/codec/zeros.ts";

test("one byte that is not zero is found wherever it stands, and none beyond the range", () => {
  for (const length of [0, 1, 63, 64, 65, 65_599, 65_600, 65_601, 200_000]) {
    const bytes = new Uint8Array(length);
    assert.equal(isZero(bytes), true, `${length} zeros`);
    for (const at of [0, 1, 63, 64, 65, 65_599, 65_600, length - 1]) {
      if (at < 0 || at >= length) continue;
      bytes[at] = 1;
      assert.equal(isZero(bytes), false, `${at} of ${length}`);
      assert.equal(isZero(bytes, 0, at), true, `before ${at} of ${length}`);
      assert.equal(isZero(bytes, at + 1), true, `after ${at} of ${length}`);
      bytes[at] = 0;
    }
  }
});

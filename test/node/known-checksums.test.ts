/** A checksum that is continued by arithmetic is the one that the bytes have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../../src/codec/crc32.ts";
import { checksumOf, rememberChecksum } from "../../src/codec/known-checksums.ts";

const least = 16 * 1024;

test("known or not, a piece continues what was before it", () => {
  const piece = fc.uint8Array({ minLength: least - 4, maxLength: least + 200, size: "max" });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), piece, (before, bytes) => {
      const seed = crc32(before);
      const expected = crc32(bytes, seed);
      assert.equal(checksumOf(bytes, seed), expected);
      rememberChecksum(bytes, crc32(bytes));
      assert.equal(checksumOf(bytes, seed), expected);
      assert.equal(checksumOf(bytes), crc32(bytes));
    }),
  );
});

/** Whether a change after the checksum was told shows. */
function changed(bytes: Uint8Array): boolean {
  rememberChecksum(bytes, crc32(bytes));
  const before = checksumOf(bytes, 7);
  bytes[0] = 1;
  return checksumOf(bytes, 7) !== before;
}

test("what is known is not looked at again, unless it is small", () => {
  assert.equal(changed(new Uint8Array(least)), false);
  assert.equal(changed(new Uint8Array(least - 1)), true);
});

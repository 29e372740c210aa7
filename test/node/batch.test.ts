/** The body of a batch: what is appended is what is read, and nothing malformed is taken in. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32 as platformCrc32 } from "node:zlib";
import * as fc from "fast-check";
import { limits } from "../../consensus/limits.ts";
import type { Batch } from "../../consensus/index.ts";
import {
  BatchBuilder,
  entryBytes,
  isBodyOf,
  readBatch,
  verifyBatch,
} from "../../src/codec/batch.ts";
import { crc32, tableChecksum } from "../../src/codec/crc32.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";

type Entry = string | Uint8Array;

const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 20, maxLength: 200 }));
const loneSurrogates = fc
  .array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 50 })
  .map((units) => String.fromCharCode(...units));
const anyEntry: fc.Arbitrary<Entry> = fc.oneof(text, loneSurrogates, fc.uint8Array());

function built(entries: readonly Entry[]): { readonly batch: Batch; readonly body: Uint8Array } {
  const builder = new BatchBuilder();
  for (const entry of entries) assert.equal(builder.append(entry), "appended");
  const { body, count, size, checksum } = builder.close();
  return { batch: { kind: "batch", publisher: 3, sequence: 1, count, size, checksum }, body };
}

function bytesOf(entry: Entry): Uint8Array {
  return typeof entry === "string" ? new TextEncoder().encode(entry) : entry;
}

function refused(code: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof KibitzerError && error.code === code && error.outcome === "none";
}

describe("a batch", () => {
  test("reads back what was appended, byte for byte", () => {
    const property = fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 60 }), (entries) => {
      const { batch, body } = built(entries);
      verifyBatch(batch, body);
      assert.ok(isBodyOf(batch, body));
      const read = [...readBatch(body, batch.count)].map((bytes) => [...bytes]);
      assert.deepEqual(
        read,
        entries.map((entry) => [...bytesOf(entry)]),
      );
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("keeps what `retain` keeps", () => {
    const property = fc.property(
      fc.array(anyEntry, { maxLength: 40 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      (entries, keep) => {
        const builder = new BatchBuilder();
        for (const entry of entries) builder.append(entry);
        builder.retain((position) => keep[position] === true);
        const expected = new BatchBuilder();
        for (const [at, entry] of entries.entries()) if (keep[at] === true) expected.append(entry);
        assert.deepEqual(builder.close(), expected.close());
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test("takes back a tail", () => {
    const builder = new BatchBuilder();
    builder.append("one");
    const { count, size } = builder;
    builder.append("two".repeat(1000));
    builder.rewind(count, size);
    builder.append("three");
    const { body } = builder.close();
    const read = [...readBatch(body, 2)].map((bytes) => new TextDecoder().decode(bytes));
    assert.deepEqual(read, ["one", "three"]);
  });

  test("copies the bytes at once", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const builder = new BatchBuilder();
    builder.append(bytes);
    bytes.fill(9);
    assert.deepEqual([...readBatch(builder.close().body, 1)][0], Uint8Array.of(1, 2, 3));
  });

  test("is full at its bounds, and leaves all as it was", () => {
    const bounds = { entryBytesMax: 10, batchBytesMax: 30, batchEntriesMax: 3 };
    const bytes = new BatchBuilder(bounds);
    assert.equal(bytes.append("0123456789a"), "tooLarge");
    assert.equal(bytes.append("ééééé"), "appended", "10 bytes");
    assert.equal(bytes.append("éééééx"), "tooLarge", "11 bytes");
    assert.equal(bytes.append("0123456789"), "appended");
    assert.equal(bytes.size, 28);
    assert.equal(bytes.append(""), "full");
    assert.equal(bytes.count, 2);
    const exact = new BatchBuilder(bounds);
    for (const entry of ["012345", "012345", "012345"]) {
      assert.equal(exact.append(entry), "appended");
    }
    assert.equal(exact.size, bounds.batchBytesMax);
    assert.equal(exact.append(""), "full", "no more entries");
    assert.equal(exact.close().body.length, 30);
  });

  test("takes a largest entry, in any form", () => {
    for (const entry of ["x".repeat(limits.entryBytesMax), "é".repeat(limits.entryBytesMax / 2)]) {
      const { batch, body } = built([entry]);
      assert.equal(batch.size, limits.entryBytesMax + 4);
      verifyBatch(batch, body);
    }
    assert.equal(new BatchBuilder().append(new Uint8Array(limits.entryBytesMax + 1)), "tooLarge");
  });

  test("knows the length of an entry", () => {
    const property = fc.property(anyEntry, (entry) => {
      assert.equal(entryBytes(entry), bytesOf(entry).length);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe("a batch from outside", () => {
  const { batch, body } = built(["one", "", "three"]);

  test("is refused when any byte is not what it was", () => {
    for (let at = 0; at < body.length; at += 1) {
      const flipped = body.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      assert.equal(isBodyOf(batch, flipped), false);
      assert.throws(() => verifyBatch(batch, flipped), refused("KBZ_DAMAGED"));
    }
  });

  test("is refused when its numbers are none", () => {
    for (const name of ["publisher", "sequence", "count", "size"] as const) {
      for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => verifyBatch({ ...batch, [name]: value }, body), KibitzerError);
      }
    }
    const last = { ...batch, sequence: Number.MAX_SAFE_INTEGER };
    assert.throws(() => verifyBatch(last, body), refused("KBZ_ARGUMENT"));
  });

  test("is refused when its framing is broken under a good checksum", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(8), (bytes, count) => {
      const claimed = { ...batch, count, size: bytes.length, checksum: platformCrc32(bytes) };
      let entries: Uint8Array[] | null = null;
      try {
        verifyBatch(claimed, bytes);
        entries = [...readBatch(bytes, count)];
      } catch (error) {
        assert.ok(refused("KBZ_ARGUMENT")(error));
      }
      if (entries === null) return;
      const size = entries.reduce((sum, entry) => sum + 4 + entry.length, 0);
      assert.equal(size, bytes.length, "what is taken accounts for every byte");
    });
    fc.assert(property, { numRuns: 1000 });
    for (const count of [2, 4]) {
      assert.throws(() => verifyBatch({ ...batch, count }, body), refused("KBZ_ARGUMENT"));
    }
  });

  test("is refused above the bounds", () => {
    const bounds = { ...limits, entryBytesMax: 4 };
    assert.throws(() => verifyBatch(batch, body, bounds), refused("KBZ_TOO_LARGE"));
    const few = { ...limits, batchEntriesMax: 2 };
    assert.throws(() => verifyBatch(batch, body, few), refused("KBZ_TOO_LARGE"));
    const small = { ...limits, batchBytesMax: 10 };
    assert.throws(() => verifyBatch(batch, body, small), refused("KBZ_TOO_LARGE"));
  });
});

test("the checksum is the same with and without the platform's help", () => {
  const plain = tableChecksum();
  const property = fc.property(fc.uint8Array(), (bytes) => {
    assert.equal(plain(bytes), platformCrc32(bytes));
    assert.equal(crc32(bytes), platformCrc32(bytes));
    const half = bytes.length >> 1;
    assert.equal(plain(bytes.subarray(half), plain(bytes.subarray(0, half))), plain(bytes));
    assert.equal(crc32(bytes.subarray(half), crc32(bytes.subarray(0, half))), crc32(bytes));
  });
  fc.assert(property);
});

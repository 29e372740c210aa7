/** What is kept of results: a bounded function of the log, the same after a snapshot of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { limits } from "../../consensus/limits.ts";
import { ByteReader } from "../../src/codec/byte-reader.ts";
import { ByteWriter } from "../../src/codec/byte-writer.ts";
import { machineLimits } from "../../src/machine/machine-limits.ts";
import { readRow, ResultGatherer, ResultTable, writeRow } from "../../src/machine/results.ts";
import type { BatchResults, PackedRow, ResultRow } from "../../src/machine/results.ts";

setFlagsFromString("--expose-gc");
const collectOnce: () => void = runInNewContext("gc");

const results: fc.Arbitrary<BatchResults> = fc.option(
  fc.array(fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 20 })), {
    minLength: 1,
    maxLength: 3,
  }),
);

function small(count: number, at: number): BatchResults {
  return Array.from({ length: count }, (_, entry) => Buffer.from(`ok ${at + entry}`));
}

/** What is in use, in bytes; the memory of arrays is given back one collection later. */
function memory(): number {
  for (let collection = 0; collection < 3; collection += 1) collectOnce();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test("the latest batches of each publisher are kept, as many as the core keeps", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), results)), (batches) => {
      const table = new ResultTable();
      const model = new Map<number, ResultRow[]>();
      for (const [publisher, told] of batches) {
        const rows = model.get(publisher) ?? [];
        model.set(publisher, rows);
        const count = told?.length ?? 1;
        const row = { publisher, sequence: 1 + 4 * rows.length, count, results: told };
        rows.push(row);
        table.add(row);
      }
      for (const rows of model.values()) {
        for (const [at, row] of rows.entries()) {
          const isKept = rows.length - at <= limits.publisherResultsMax;
          const found = table.find(row.publisher, row.sequence);
          assert.deepEqual(found?.results, isKept ? row.results : undefined);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("only so much is kept at all: the oldest of any publisher goes first", () => {
  const table = new ResultTable();
  const bytes = new Uint8Array(machineLimits.resultBytesMax);
  const rows = Math.ceil(machineLimits.resultsCostMax / bytes.length) + 10;
  for (let row = 0; row < rows; row += 1) {
    // Each of them within its own bound.
    const publisher = 1 + (row % 100);
    table.add({ publisher, sequence: 1 + Math.floor(row / 100), count: 1, results: [bytes] });
  }
  assert.ok(table.cost <= machineLimits.resultsCostMax);
  assert.equal(table.find(1, 1), null);
  assert.ok(table.find(100, 1) !== null);
  assert.ok(table.rows().length < rows);
});

test("what is forgotten is let go of, also behind an idle publisher's row", () => {
  const table = new ResultTable();
  table.add({ publisher: 1, sequence: 1, count: 1, results: null });
  const before = memory();
  const results = [new Uint8Array(1)];
  for (let sequence = 1; sequence <= 100_000; sequence += 1) {
    table.add({ publisher: 2, sequence, count: 1, results });
  }
  const took = memory() - before;
  assert.equal(table.rows().length, 1 + limits.publisherResultsMax);
  assert.ok(took < 2_000_000, `${took}`);
});

for (const [shape, rows, rowOf] of [
  ["many small results", 2_000, (at: number) => ({ count: 500, results: small(500, at) })],
  ["a result each", 20_000, (at: number) => ({ count: 1, results: small(1, at) })],
  ["no results", 40_000, () => ({ count: 1, results: null })],
] as const) {
  test(`rows of ${shape} take no more memory than is counted for them`, () => {
    const table = new ResultTable();
    const before = memory();
    for (let at = 0; at < rows; at += 1) {
      // At some of them each batch has another one forgotten.
      const publisher = 1 + (at % (at % 2 === 0 ? 1000 : 10));
      table.add({ publisher, sequence: 1 + 500 * at, ...rowOf(at) });
    }
    const took = memory() - before;
    assert.ok(took <= table.cost * 1.1, `took ${took}, counted ${table.cost}`);
  });
}

test("what somebody was told may be written to: it is kept as it was", () => {
  const table = new ResultTable();
  table.add({ publisher: 1, sequence: 1, count: 1, results: [Uint8Array.of(1, 2)] });
  const told = table.find(1, 1)?.results?.[0];
  assert.ok(told instanceof Uint8Array);
  told.fill(9);
  assert.deepEqual(table.find(1, 1)?.results, [Uint8Array.of(1, 2)]);
});

test("rows that are written and read back make the same table", () => {
  fc.assert(
    fc.property(fc.array(results, { maxLength: 80 }), (batches) => {
      const table = new ResultTable();
      batches.forEach((told, at) => {
        table.add({ publisher: 7, sequence: 1 + 4 * at, count: told?.length ?? 1, results: told });
      });
      const again = new ResultTable();
      for (const row of table.rows()) {
        const writer = new ByteWriter();
        writer.begin();
        writeRow(writer, row);
        again.keep(readRow(new ByteReader(writer.take())));
      }
      assert.deepEqual(
        again.rows().map((row) => plain(row)),
        table.rows().map((row) => plain(row)),
      );
      assert.equal(again.cost, table.cost);
    }),
    { numRuns: 50 },
  );
});

function plain({ publisher, sequence, count, packed }: PackedRow): unknown {
  return [publisher, sequence, count, [...packed]];
}

test("results are copies, and what is too large is dropped, alone or together", () => {
  const gatherer = new ResultGatherer();
  const own = Uint8Array.of(1, 2);
  gatherer.add(own);
  own[0] = 9;
  gatherer.add("é");
  gatherer.add(undefined);
  gatherer.add(new Uint8Array(machineLimits.resultBytesMax + 1));
  const taken = gatherer.take() ?? [];
  assert.deepEqual(
    taken.map((each) => (each instanceof Uint8Array ? [...each] : each)),
    [[1, 2], [0xc3, 0xa9], null, "dropped"],
  );
  gatherer.add(undefined);
  assert.equal(gatherer.take(), null);

  const fitting = machineLimits.batchResultsBytesMax / machineLimits.resultBytesMax;
  for (let at = 0; at <= fitting; at += 1) {
    const told = gatherer.add(new Uint8Array(machineLimits.resultBytesMax));
    assert.equal(told === "dropped", at === fitting);
  }
});

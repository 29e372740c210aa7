/** A body of more lines than may be in flight: what the last line of the answer tells of all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LineRoom, publishLines, type LineResult } from "../../src/http/body-lines.ts";
import { httpLimits } from "../../src/http/http-limits.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";

const linesMax = httpLimits.entriesInFlightMax;

async function resultsOf(
  count: number,
  publish: (line: number) => Promise<number>,
  room: LineRoom = new LineRoom(Infinity),
): Promise<readonly LineResult[]> {
  const body = Array.from({ length: count }, (_, at) => `${at}\n`).join("");
  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    yield new TextEncoder().encode(body);
  }
  const results: LineResult[] = [];
  const line = async (bytes: Uint8Array): Promise<number> =>
    await publish(Number(new TextDecoder().decode(bytes)));
  for await (const result of publishLines(chunks(), room, line)) results.push(result);
  return results;
}

function refused(outcome: "none" | "unknown"): KibitzerError {
  return new KibitzerError("KBZ_BUSY", "too much waits", { retryable: true, outcome });
}

test("outcomes come in the order of the lines, however many there are", async () => {
  const count = linesMax * 2 + 7;
  const results = await resultsOf(count, async (line) => line + 1);
  assert.deepEqual(
    results,
    Array.from({ length: count }, (_, at) => ({ index: at + 1 })),
  );
});

test("no effect is only told of where no line behind may have had one", async () => {
  const fates: readonly (readonly [(line: number) => Promise<number>, string])[] = [
    [async () => await Promise.reject(refused("none")), "none"],
    [async (line) => await (line === 0 ? Promise.reject(refused("none")) : line), "unknown"],
    [async (line) => await Promise.reject(refused(line === 9 ? "unknown" : "none")), "unknown"],
  ];
  for (const [publish, outcome] of fates) {
    for (const count of [20, linesMax + 20]) {
      const results = await resultsOf(count, publish);
      const [result] = results;
      assert.equal(results.length, 1);
      assert.ok(result !== undefined && "error" in result);
      assert.ok(result.error instanceof KibitzerError);
      assert.equal(result.error.outcome, outcome, `${count} lines`);
      assert.equal(result.error.retryable, outcome === "none");
    }
  }
});

test("all bodies together have only so many lines under way, and each goes on", async () => {
  const room = new LineRoom(10);
  let underWay = 0;
  let most = 0;
  const publish = async (line: number): Promise<number> => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return line;
  };
  const bodies = Array.from({ length: 3 }, async () => await resultsOf(50, publish, room));
  const failing = resultsOf(50, async () => await Promise.reject(refused("none")), room);
  for (const results of await Promise.all(bodies)) {
    assert.deepEqual(
      results,
      Array.from({ length: 50 }, (_, index) => ({ index })),
    );
  }
  assert.equal((await failing).length, 1);
  assert.ok(most > 10 && most <= 10 + 4, `${most} at once`);
  for (let place = 0; place < 10; place += 1) assert.ok(room.take(), "all was given back");
  assert.ok(!room.take());
});

/** Reading through a client: every entry once, in order, at whichever endpoint, and bounded. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry } from "../../src/api.ts";
import { BatchBuilder } from "../../src/codec/batch.ts";
import { entriesOf, faultOf } from "../../src/codec/entry-stream.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { EntriesBatch, Request } from "../../src/requests.ts";
import { Harness } from "../client-harness.ts";
import { FakeRepublic } from "../fake-republic.ts";

let sequence = 1;

/** Puts `texts` into the log as one batch of somebody else. */
function add(republic: FakeRepublic, ...texts: readonly string[]): void {
  const builder = new BatchBuilder();
  for (const text of texts) builder.append(text);
  const { count, size, checksum, body } = builder.close();
  const publisher = publisherOf(republic);
  const batch = { kind: "batch", publisher, sequence, count, size, checksum } as const;
  sequence += count;
  const response = republic.enqueue({ method: "enqueue", batch, body, hops: 0 });
  assert.ok(response.kind === "effect" && response.effect.kind === "applied");
}

const publishers = new WeakMap<FakeRepublic, number>();

function publisherOf(republic: FakeRepublic): number {
  const known = publishers.get(republic);
  if (known !== undefined) return known;
  const effect = republic.table.register("0000000000000000");
  assert.ok(effect.kind === "registered");
  publishers.set(republic, effect.publisher);
  sequence = 1;
  return effect.publisher;
}

/** `count` entries in batches of `size`; each text is its index. */
function fill(republic: FakeRepublic, count: number, size: number): void {
  while (count > 0) {
    const first = republic.indexLast + 1;
    const texts = Array.from({ length: Math.min(size, count) }, (_, at) => String(first + at));
    add(republic, ...texts);
    count -= texts.length;
  }
}

async function all(entries: AsyncIterable<Entry>): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

function assertRange(entries: readonly Entry[], from: number, to: number): void {
  const wanted = Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
  assert.deepEqual(
    entries.map(({ index }) => index),
    wanted,
  );
  assert.deepEqual(
    entries.map((entry) => entry.text()),
    wanted.map(String),
  );
}

function readsOf(asked: readonly Request[]): readonly (Request & { method: "entries" })[] {
  return asked.filter((request) => request.method === "entries");
}

describe("a reading", () => {
  test("gives entries with all that belongs to them", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    await client.publishMany(["one", "zwölf"]);
    const [first, second] = await all(client.entries({ to: 2 }));
    assert.ok(first !== undefined && second !== undefined);
    const { index, slot, government, when, publisher, bytes } = second;
    assert.deepEqual(
      { index, slot, government, when, publisher, sequence: second.sequence },
      {
        index: 2,
        slot: 1,
        government: 1,
        when: 1_700_000_000_001,
        publisher: client.publisher,
        sequence: 2,
      },
    );
    assert.equal(first.text(), "one");
    assert.equal(second.text(), "zwölf");
    assert.deepEqual([...bytes], [...new TextEncoder().encode("zwölf")]);
  });

  test("has exactly the range asked for, inside and across batches", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    node.readBytesMax = 40;
    fill(harness.republic, 50, 7);
    const client = await harness.client(["a"]);
    assertRange(await all(client.entries({ follow: false })), 1, 50);
    assertRange(await all(client.entries({ to: 50 })), 1, 50);
    assertRange(await all(client.entries({ from: 9, to: 9 })), 9, 9);
    assertRange(await all(client.entries({ from: 3, to: 37 })), 3, 37);
    assertRange(await all(client.entries({ from: 45, to: 60, follow: false })), 45, 50);
    assertRange(await all(client.entries({ from: 51, follow: false })), 51, 50);
    assertRange(await all(client.entries({ from: 5, to: 4 })), 5, 4);
  });

  test("that does not follow ends at what the node had when it was asked", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    node.readBytesMax = 1;
    fill(harness.republic, 3, 1);
    const client = await harness.client(["a"]);
    const found: Entry[] = [];
    for await (const entry of client.entries({ follow: false })) {
      found.push(entry);
      fill(harness.republic, 1, 1);
    }
    assertRange(found, 1, 3);
  });

  test("follows: waits for what comes, and ends at its last index", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    const reading = all(client.entries({ from: 2, to: 6 }));
    for (let count = 0; count < 4; count += 1) {
      fill(harness.republic, 2, 2);
      await harness.pause(100);
    }
    assertRange(await reading, 2, 6);
  });

  test("outlasts a long poll that ends with nothing", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"]);
    const reading = all(client.entries({ to: 1 }));
    await harness.pause(12_000);
    node.override = (request) =>
      request.method === "entries" && harness.republic.indexLast === 0
        ? { kind: "entries", batches: [], indexLast: 0 }
        : null;
    fill(harness.republic, 1, 1);
    assertRange(await reading, 1, 1);
  });

  test("holds one answer and the next, however slow its reader", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    node.readBytesMax = 1;
    fill(harness.republic, 30, 3);
    const client = await harness.client(["a"]);
    let asked = 0;
    for await (const entry of client.entries({ to: 12 })) {
      await harness.pause(30);
      asked = readsOf(node.asked).length;
      const batch = Math.ceil(entry.index / 3);
      assert.ok(asked <= batch + 1, `${asked} requests at entry ${entry.index}`);
    }
    assert.deepEqual(
      readsOf(node.asked).map(({ index }) => index),
      [1, 4, 7, 10],
    );
  });

  test("refuses what is no index", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    for (const range of [{ from: 0 }, { from: 1.5 }, { to: Number.NaN }]) {
      await assert.rejects(client.entries(range).next(), { code: "KBZ_ARGUMENT", outcome: "none" });
    }
  });
});

describe("changing over", () => {
  test("P9 a reading goes on at the very next index", async () => {
    await using harness = new Harness();
    const names = ["a", "b", "c"];
    for (const name of names) (await harness.node(name)).readBytesMax = 30;
    const client = await harness.client(names);
    const found: Entry[] = [];
    let kills = 0;
    fill(harness.republic, 10, 3);
    for await (const entry of client.entries({ to: 200 })) {
      found.push(entry);
      if (entry.index % 10 === 0 && entry.index < 200) fill(harness.republic, 10, 3);
      if (entry.index % 25 !== 0) continue;
      const name = client.endpoint.slice("memory:".length);
      harness.crash(name, kills % 2 === 0 ? "reset" : "silent");
      kills += 1;
      await harness.node(name);
    }
    assertRange(found, 1, 200);
    assert.ok(kills >= 7);
  });

  test("P9 a reading leaves an endpoint that hangs, and one that talks nonsense", async () => {
    await using harness = new Harness();
    const hung = await harness.node("a");
    const odd = await harness.node("b");
    await harness.node("c");
    fill(harness.republic, 5, 1);
    const client = await harness.client(["a", "b", "c"]);
    hung.mood = "hung";
    const batch = { slot: 1, government: 1, when: 1, publisher: 1, sequence: 1 };
    odd.override = (request) => {
      if (request.method !== "entries") return null;
      const body = Uint8Array.of(9, 0, 0, 0, 1);
      return { kind: "entries", batches: [{ ...batch, index: 1, count: 1, body }], indexLast: 5 };
    };
    assertRange(await all(client.entries({ to: 5 })), 1, 5);
    assert.equal(client.endpoint, "memory:c");
    assert.ok(readsOf(odd.asked).length > 0);
  });
});

describe("ending a reading", () => {
  test("its signal ends it at once, with the reason, even between entries at hand", async () => {
    await using harness = new Harness();
    await harness.node("a");
    fill(harness.republic, 10, 10);
    const client = await harness.client(["a"]);
    const reason = new Error("enough");
    const controller = new AbortController();
    const found: Entry[] = [];
    const reading = (async () => {
      for await (const entry of client.entries({ signal: controller.signal })) {
        found.push(entry);
        if (entry.index === 4) controller.abort(reason);
      }
    })();
    await assert.rejects(reading, reason);
    assertRange(found, 1, 4);
    const waiting = client.entries({ from: 11, signal: AbortSignal.timeout(30) }).next();
    await assert.rejects(waiting, { name: "TimeoutError" });
  });

  test("leaving the loop gives up what was asked ahead", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const aborted = Promise.withResolvers<void>();
    const answer = node.answer.bind(node);
    node.answer = async (request, from, signal) => {
      const isAhead = request.method === "entries" && request.index === 3;
      if (isAhead) signal.addEventListener("abort", () => aborted.resolve());
      return await answer(request, from, signal);
    };
    fill(harness.republic, 2, 2);
    const client = await harness.client(["a"]);
    for await (const entry of client.entries()) {
      assert.equal(entry.index, 1);
      await harness.pause(50);
      break;
    }
    const start = harness.clock.now();
    await aborted.promise;
    assert.ok(harness.clock.now() - start < 1000, "it was asked until its time was over");
  });

  test("P9 an index that is gone is told, and not asked for again", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    node.override = (request) => {
      if (request.method !== "entries") return null;
      throw new KibitzerError("KBZ_TRUNCATED", "entries before 100 are gone", {
        retryable: false,
        outcome: "none",
        firstIndex: 100,
      });
    };
    const client = await harness.client(["a"]);
    await assert.rejects(client.entries().next(), (error) => {
      assert.ok(error instanceof KibitzerError);
      assert.equal(error.cause, undefined, "it would say the same again");
      assert.deepEqual(
        [error.code, error.message],
        ["KBZ_TRUNCATED", "entries before 100 are gone"],
      );
      assert.equal(error.firstIndex, 100);
      return true;
    });
    assert.equal(readsOf(node.asked).length, 1);
  });

  test("P9 that there is nothing new is told from time to time, up to which index", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    add(harness.republic, "1", "2");
    const client = await harness.client(["a"]);
    const readings = client.readings({ from: 2, heartbeatMs: 1000 });
    const marks: unknown[] = [];
    for await (const { entries, index, indexLast, endpoint } of readings) {
      marks.push([[...entries].map((entry) => entry.text()), index, indexLast, endpoint]);
      if (marks.length === 3) add(harness.republic, "3");
      if (marks.length > 3 && index === 3) break;
    }
    assert.deepEqual(marks.slice(0, 3), [
      [["2"], 2, 2, "memory:a"],
      [[], 2, 2, "memory:a"],
      [[], 2, 2, "memory:a"],
    ]);
    assert.deepEqual(marks.at(-1), [["3"], 3, 3, "memory:a"]);
    assert.ok(readsOf(node.asked).every(({ waitMs }) => waitMs === 1000));
    for (const heartbeatMs of [0, 99, 30_001, Number.NaN]) {
      await assert.rejects(client.readings({ heartbeatMs }).next(), { code: "KBZ_ARGUMENT" });
    }
  });

  test("P9 an endpoint that has nothing new since it is cut off is left", async () => {
    await using harness = new Harness();
    const cut = new FakeRepublic();
    cut.speed = harness.republic.speed;
    add(cut, "1");
    const a = await harness.node("a", cut);
    a.mood = "leaderless";
    const client = await harness.client(["a", "b"]);
    const entries = client.entries({ to: 2 });
    assert.equal((await entries.next()).value?.text(), "1");
    const next = entries.next();
    add(harness.republic, "1", "2");
    await harness.node("b");
    assert.equal((await next).value?.text(), "2");
    assert.equal(client.endpoint, "memory:b");
    const barriers = a.asked.filter(({ method }) => method === "barrier");
    assert.equal(barriers.length, 1, "it was asked once, not with each answer");
  });

  test("one with an end gives up when nobody answers", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"], { timeoutMs: 1000 });
    harness.crash("a", "reset");
    await assert.rejects(client.entries({ follow: false }).next(), { code: "KBZ_UNREACHABLE" });
  });
});

function batchOf(index: number, ...texts: readonly string[]): EntriesBatch {
  const builder = new BatchBuilder();
  for (const text of texts) builder.append(text);
  const { count, body } = builder.close();
  return { index, slot: 1, government: 1, when: 1, publisher: 7, sequence: 3, count, body };
}

function faultAt(
  from: number,
  indexLast: number,
  ...batches: readonly EntriesBatch[]
): string | null {
  return faultOf({ batches, indexLast }, from);
}

describe("batches of a reading", () => {
  test("become the entries of a range, as views", () => {
    const batch = batchOf(10, "a", "b", "c", "d");
    const found = [...entriesOf(batch, 11, 12)];
    assert.deepEqual(
      found.map((entry) => [entry.index, entry.sequence, entry.publisher, entry.text()]),
      [
        [11, 4, "7", "b"],
        [12, 5, "7", "c"],
      ],
    );
    assert.equal(found[0]?.bytes.buffer, batch.body.buffer);
    assert.deepEqual([...entriesOf(batch, 14, 20)], []);
  });

  test("with broken framing are refused, behind the good ones", () => {
    const { body, ...rest } = batchOf(1, "a", "b");
    const cut = { ...rest, body: body.subarray(0, body.length - 1) };
    const entries = entriesOf(cut, 1, 2);
    assert.equal(entries.next().done, false);
    assert.throws(() => entries.next(), { code: "KBZ_ARGUMENT" });
    assert.match(faultOf({ batches: [cut], indexLast: 2 }, 1) ?? "", /malformed/);
  });

  test("must go on where the reading is", () => {
    const first = batchOf(1, "a", "b");
    const second = batchOf(3, "c");
    assert.equal(faultAt(1, 3, first, second), null);
    assert.equal(faultAt(2, 3, first, second), null);
    assert.equal(faultAt(4, 3), null);
    assert.notEqual(faultAt(3, 3), null, "nothing, although it is there");
    assert.notEqual(faultAt(1, 3, second), null, "a gap before");
    assert.notEqual(faultAt(1, 4, first, batchOf(4, "d")), null, "a gap between");
    assert.notEqual(faultAt(1, 3, first, first), null, "the same again");
    assert.notEqual(faultAt(3, 3, first), null, "only what was read");
    assert.notEqual(faultAt(1, 2, first, second), null, "more than there is");
  });
});

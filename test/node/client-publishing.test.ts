/** Publishing through a client: every entry once, in order, under its index, come what may. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readBatch } from "../../src/codec/batch.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { Clock } from "../../src/world.ts";
import { Harness } from "../client-harness.ts";
import type { FakeNode, FakeRepublic, Mood } from "../fake-republic.ts";
import { Prng } from "../../simulations/prng.ts";

/** The longest pause between attempts. */
const pauseMsMax = 1000;
const decoder = new TextDecoder();

/** Everything in the log, in order; the first has index 1. */
function textsOf(republic: FakeRepublic): readonly string[] {
  return republic
    .read(1, Number.POSITIVE_INFINITY)
    .flatMap(({ body, count }) => [...readBatch(body, count)])
    .map((bytes) => decoder.decode(bytes));
}

/** Does something bad to the nodes again and again, until it is told to stop. */
class Chaos {
  readonly #harness: Harness;
  readonly #fraction: () => number;
  readonly #nodes: Map<string, FakeNode>;
  #isOver = false;
  kills = 0;
  lostAnswers = 0;

  constructor(harness: Harness, nodes: Map<string, FakeNode>, seed: number) {
    this.#harness = harness;
    const prng = new Prng(seed);
    this.#fraction = () => prng.fraction();
    this.#nodes = nodes;
    for (const node of nodes.values()) this.#prepare(node);
  }

  get isEnough(): boolean {
    return this.kills > 3 && this.lostAnswers > 3;
  }

  stop(): void {
    this.#isOver = true;
  }

  async run(): Promise<void> {
    while (!this.#isOver) {
      await this.#harness.pause(50 + this.#fraction() * 300);
      const name = this.#pick([...this.#nodes.keys()]);
      await this.#strike(name);
    }
    for (const name of this.#nodes.keys()) await this.#revive(name);
  }

  async #strike(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    const draw = this.#fraction();
    if (node === undefined) return;
    if (draw < 0.3) {
      this.kills += 1;
      this.#harness.crash(name, draw < 0.2 ? "reset" : "silent");
      await this.#harness.pause(this.#fraction() * 500);
      await this.#revive(name);
    } else {
      const moods: readonly Mood[] = ["well", "well", "leaderless", "silent", "hung"];
      node.mood = this.#pick(moods);
    }
  }

  async #revive(name: string): Promise<void> {
    const node = await this.#nodes
      .get(name)
      ?.kill()
      .then(() => this.#harness.node(name));
    if (node === undefined) return;
    this.#prepare(node);
    this.#nodes.set(name, node);
  }

  #prepare(node: FakeNode): void {
    node.answers = () => {
      const answers = this.#isOver || this.#fraction() > 0.1;
      if (!answers) this.lostAnswers += 1;
      return answers;
    };
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#fraction() * items.length)];
    assert.ok(item !== undefined);
    return item;
  }
}

describe("exactly once", () => {
  for (const seed of [1, 2, 3]) {
    test(`through kills, lost answers, pauses and elections (seed ${seed})`, async () => {
      await using harness = new Harness(seed);
      const nodes = new Map<string, FakeNode>();
      const names = ["a", "b", "c"];
      for (const name of names) nodes.set(name, await harness.node(name));
      const client = await harness.client(names);
      const chaos = new Chaos(harness, nodes, seed + 100);
      const running = chaos.run();
      const prng = new Prng(seed);
      const texts: string[] = [];
      const published: Promise<{ readonly index: number }>[] = [];
      for (let round = 0; round < 100 || !chaos.isEnough; round += 1) {
        for (let count = Math.floor(prng.fraction() * 8); count >= 0; count -= 1) {
          const text = `entry ${texts.length}`;
          texts.push(text);
          published.push(client.publish(text));
        }
        await harness.pause(prng.fraction() * 200);
      }
      chaos.stop();
      await running;
      const indexes = (await Promise.all(published)).map(({ index }) => index);
      assert.deepEqual(textsOf(harness.republic), texts);
      assert.deepEqual(
        indexes,
        texts.map((_, position) => position + 1),
      );
    });
  }
});

describe("leaving an endpoint", () => {
  for (const mood of ["hung", "silent", "leaderless"] as const) {
    test(`that is ${mood}, for one that is well`, async () => {
      await using harness = new Harness();
      const node = await harness.node("a");
      await harness.node("b");
      const client = await harness.client(["a", "b"]);
      assert.deepEqual(await client.publish("one"), { index: 1 });
      node.mood = mood;
      const published = await Promise.all([client.publish("two"), client.publish("three")]);
      assert.deepEqual(published, [{ index: 2 }, { index: 3 }]);
      assert.deepEqual(textsOf(harness.republic), ["one", "two", "three"]);
      assert.equal(client.endpoint, "memory:b");
    });
  }

  test("again and again, at once while each was of use", async () => {
    await using harness = new Harness();
    let waited = 0;
    const { clock } = harness;
    const after: Clock["after"] = (ms, callback) => {
      return clock.after(ms, () => {
        if (ms <= pauseMsMax) waited = Math.max(waited, ms);
        callback();
      });
    };
    const world = { ...harness.world, clock: { ...clock, after } };
    await harness.node("b");
    const client = await harness.client(["a", "b"], { world });
    for (let life = 1; life <= 12; life += 1) {
      const [leaving, next] = life % 2 === 0 ? ["a", "b"] : ["b", "a"];
      assert.deepEqual(await client.publish(`${life}`), { index: life });
      assert.equal(client.endpoint, `memory:${leaving}`);
      await harness.node(next);
      harness.crash(leaving, "reset");
    }
    assert.ok(waited < pauseMsMax / 2, `it waited for ${waited} ms`);
  });

  test("that is paused, and whose connections stay", async () => {
    await using harness = new Harness();
    await harness.node("a");
    await harness.node("b");
    const client = await harness.client(["a", "b"]);
    await client.publish("one");
    harness.crash("a", "silent");
    assert.deepEqual(await client.publish("two"), { index: 2 });
    assert.equal(client.endpoint, "memory:b");
  });

  test("not for being busy, nor for being slow with some", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const other = await harness.node("b");
    const client = await harness.client(["a", "b"]);
    let refusals = 8;
    node.override = ({ method }) => {
      if (method !== "enqueue" || refusals === 0) return null;
      refusals -= 1;
      return { kind: "refused", reason: "busy", leader: "a" };
    };
    assert.deepEqual(await client.publish("one"), { index: 1 });
    assert.equal(refusals, 0);
    let losses = 1;
    node.answers = () => (losses -= 1) < 0;
    const first = client.publish("two");
    await harness.pause(200);
    const second = client.publish("three");
    assert.deepEqual(await Promise.all([first, second]), [{ index: 2 }, { index: 3 }]);
    // So long that the call whose answer was lost has ended too.
    await harness.pause(4000);
    assert.equal(client.endpoint, "memory:a");
    assert.deepEqual(other.asked, []);
  });

  test("and the only one there is, by connecting anew", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"]);
    await client.publish("one");
    node.mood = "hung";
    const published = client.publish("two");
    await harness.pause(7000);
    assert.equal(harness.republic.indexLast, 1);
    node.mood = "well";
    assert.deepEqual(await published, { index: 2 });
  });
});

describe("a publisher", () => {
  test("goes on with its sequence in a later client", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const first = await harness.client(["a"]);
    assert.deepEqual([first.publisher, first.sequenceNext], [null, 1]);
    await Promise.all([first.publish("one"), first.publish("two")]);
    const { publisher, sequenceNext } = first;
    assert.equal(sequenceNext, 3);
    assert.ok(publisher !== null);
    await first.close();
    const second = await harness.client(["a"], { publisher: { publisher, sequenceNext } });
    assert.equal(second.publisher, publisher);
    assert.deepEqual(await second.publish("three"), { index: 3 });
    const sequences = harness.republic.read(1, 1_000_000).map(({ sequence }) => sequence);
    assert.deepEqual(sequences, [1, 3]);
  });

  test("that repeats the numbers of an earlier life for other entries is refused", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const first = await harness.client(["a"]);
    await first.publish("one");
    const publisher = first.publisher ?? assert.fail("it has published");
    const second = await harness.client(["a"], { publisher: { publisher, sequenceNext: 1 } });
    await assert.rejects(second.publish("another"), (error) => {
      assert.ok(error instanceof KibitzerError);
      assert.deepEqual([error.code, error.outcome], ["KBZ_PUBLISHER", "none"]);
      return true;
    });
    assert.deepEqual(textsOf(harness.republic), ["one"]);
  });

  test("may repeat the same entry under the same number: it has its first index", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const first = await harness.client(["a"]);
    await first.publish("one");
    await first.publish("two");
    const publisher = first.publisher ?? assert.fail("it has published");
    const second = await harness.client(["a"], { publisher: { publisher, sequenceNext: 1 } });
    assert.deepEqual(await second.publish("one"), { index: 1 });
    assert.deepEqual(textsOf(harness.republic), ["one", "two"]);
  });

  test("as a publisher that cannot be gone on as says so, rather than wait for ever", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const first = await harness.client(["a"]);
    await first.publish("one");
    const publisher = first.publisher ?? assert.fail("it has published");
    const late = await harness.client(["a"], { publisher: { publisher, sequenceNext: 7 } });
    const gap = { code: "KBZ_PUBLISHER", message: /number 7, but some before it were never/ };
    await assert.rejects(late.publish("seven"), gap);
    await assert.rejects(late.publish("eight"), gap);
    node.override = ({ method }) =>
      method === "enqueue" ? { kind: "refused", reason: "busy", leader: null } : null;
    const foreign = { publisher: "4711", sequenceNext: 1 };
    const stranger = await harness.client(["a"], { publisher: foreign });
    await assert.rejects(stranger.publish("one"), {
      code: "KBZ_PUBLISHER",
      outcome: "none",
      message: /publisher 4711, but the republic has never had one/,
    });
    assert.deepEqual(textsOf(harness.republic), ["one"]);
  });

  test("that is closed says that the client is", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    await client.close();
    const closed = /^the client is closed, and the entry was not accepted; connect anew$/;
    await assert.rejects(client.publish("late"), { code: "KBZ_CLOSED", message: closed });
  });

  test("publishes many as neighbours", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    const before = client.publish("before");
    const many = client.publishMany(["x", Uint8Array.of(0x79), ""]);
    assert.deepEqual(await Promise.all([before, many]), [{ index: 1 }, { index: 2 }]);
    assert.deepEqual(textsOf(harness.republic), ["before", "x", "y", ""]);
  });

  test("an aborted publish tells the truth", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"]);
    node.mood = "silent";
    const reason = new Error("no time");
    const abortOnce = async (isTime: () => boolean, outcome: "none" | "unknown") => {
      const controller = new AbortController();
      const published = client.publish("one", { signal: controller.signal });
      while (!isTime()) await harness.pause(10);
      controller.abort(reason);
      await assert.rejects(published, (error) => {
        assert.ok(error instanceof KibitzerError);
        assert.deepEqual([error.code, error.outcome], ["KBZ_ABORTED", outcome]);
        assert.equal(error.cause, reason);
        return true;
      });
    };
    await abortOnce(() => node.asked.some(({ method }) => method === "register"), "none");
    node.mood = "well";
    await client.publish("two");
    node.mood = "silent";
    await abortOnce(() => harness.republic.indexLast === 2, "unknown");
    node.mood = "well";
    assert.deepEqual(await client.publish("three"), { index: 3 });
    assert.deepEqual(textsOf(harness.republic), ["two", "one", "three"]);
  });
});

/** A client and its endpoints: connecting, changing over, asking, giving up, closing. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, test } from "node:test";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { KibitzerErrorCode } from "../../src/kibitzer-error.ts";
import type { Request, Response } from "../../src/requests.ts";
import { nodeNetwork } from "../../src/system/node-network.ts";
import { Harness } from "../client-harness.ts";
import { FakeNode, FakeRepublic, statusOf } from "../fake-republic.ts";

async function failureOf(promise: Promise<unknown>): Promise<KibitzerError> {
  const error: unknown = await promise.then(
    () => assert.fail("it should have been rejected"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof KibitzerError, String(error));
  return error;
}

function assertDefinite(error: KibitzerError, code: KibitzerErrorCode, retryable: boolean): void {
  const { code: found, outcome, retryable: again } = error;
  assert.deepEqual({ found, outcome, again }, { found: code, outcome: "none", again: retryable });
}

describe("connecting", () => {
  test("passes by who is in no republic yet, says so, and comes back to it", async () => {
    await using harness = new Harness();
    const lonely = await harness.node("a");
    lonely.isIn = false;
    const error = await failureOf(harness.client(["a"], { timeoutMs: 1000 }));
    assertDefinite(error, "KBZ_NOT_FOUND", true);
    assert.match(error.message, /memory:a \(it is in no republic yet\).*bootstrap or join one/);
    assert.ok(lonely.asked.length < 20, `asked ${lonely.asked.length} times in a second`);
    const told = Promise.withResolvers<string>();
    const connecting = harness.client(["a"], { waiting: told.resolve });
    assert.match(await told.promise, /memory:a \(it is in no republic yet\)/);
    lonely.isIn = true;
    assert.deepEqual(await (await connecting).publish("one"), { index: 1 });
    lonely.isIn = false;
    await harness.node("b");
    assert.equal((await harness.client(["a", "b"])).endpoint, "memory:b");
  });

  test("takes the first endpoint that answers, in the order given", async () => {
    await using harness = new Harness();
    await harness.node("b");
    await harness.node("c");
    const client = await harness.client(["a", "b", "c"]);
    assert.equal(client.endpoint, "memory:b");
  });

  test("does not wait long for one that is silent", async () => {
    await using harness = new Harness();
    await harness.node("a");
    await harness.node("b");
    harness.crash("a", "silent");
    const start = harness.clock.now();
    const client = await harness.client(["a", "b"]);
    assert.equal(client.endpoint, "memory:b");
    assert.ok(harness.clock.now() - start < 3000, "it waited for the silent endpoint");
  });

  test("waits for a node that comes up later", async () => {
    await using harness = new Harness();
    const connecting = harness.client(["a"]);
    await harness.pause(500);
    await harness.node("a");
    const client = await connecting;
    assert.equal(client.endpoint, "memory:a");
  });

  test("gives up in time, and names the endpoints and what each did", async () => {
    await using harness = new Harness();
    const start = harness.clock.now();
    const error = await failureOf(harness.client(["a", "b"], { timeoutMs: 1000 }));
    assertDefinite(error, "KBZ_UNREACHABLE", true);
    assert.match(error.message, /memory:a .*nobody listens.*memory:b .*nobody listens/);
    assert.ok(harness.clock.now() - start >= 990, "it gave up early");
  });

  test("tells once, after a second, what each endpoint does instead of answering", async () => {
    await using harness = new Harness();
    const told: string[] = [];
    const waiting = (found: string): void => void told.push(found);
    const connecting = harness.client(["a", "b"], { waiting });
    await harness.pause(900);
    assert.deepEqual(told, []);
    await harness.pause(2000);
    assert.equal(told.length, 1);
    assert.match(
      told[0] ?? "",
      /^memory:a \(.*nobody listens.*\), memory:b \(.*nobody listens.*\)$/,
    );
    await harness.node("a");
    await connecting;
    const soon = await harness.client(["a"], { waiting });
    await harness.pause(2000);
    assert.equal(soon.endpoint, "memory:a");
    assert.equal(told.length, 1, "who was answered is told nothing");
  });

  test("ends with the signal's reason", async () => {
    await using harness = new Harness();
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const connecting = harness.client(["a"], { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(connecting, reason);
    await assert.rejects(harness.client(["a"], { signal: AbortSignal.abort(reason) }), reason);
  });

  test("refuses what is no endpoint, and none at all", async () => {
    assertDefinite(await failureOf(KibitzerClient.connect([])), "KBZ_ARGUMENT", false);
    const second = KibitzerClient.connect(["tcp://127.0.0.1:1", "gopher://x"]);
    assertDefinite(await failureOf(second), "KBZ_ENDPOINT", false);
    const portless = KibitzerClient.connect(["tcp://127.0.0.1:0"]);
    assertDefinite(await failureOf(portless), "KBZ_ENDPOINT", false);
  });

  test("refuses a publisher to go on with that cannot be one", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const publisher = { publisher: "x", sequenceNext: 1 };
    const error = await failureOf(harness.client(["a"], { publisher }));
    assertDefinite(error, "KBZ_ARGUMENT", false);
  });
});

describe("changing over", () => {
  test("goes to the next endpoint when the one in use is lost", async () => {
    await using harness = new Harness();
    await harness.node("a");
    await harness.node("b");
    const client = await harness.client(["a", "b"]);
    assert.equal(client.endpoint, "memory:a");
    harness.crash("a", "reset");
    await client.barrier();
    assert.equal(client.endpoint, "memory:b");
    await harness.node("a");
    harness.crash("b", "reset");
    await client.barrier();
    assert.equal(client.endpoint, "memory:a");
  });

  test("never takes an endpoint of another republic", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const stranger = await harness.node("b", new FakeRepublic("fedcba9876543210"));
    const client = await harness.client(["a", "b"], { timeoutMs: 2000 });
    harness.crash("a", "reset");
    const error = await failureOf(client.barrier());
    assert.equal(error.outcome, "none");
    assert.match(error.message, /republic/i);
    assert.deepEqual(stranger.asked, []);
    await harness.node("a");
    await client.barrier();
    assert.equal(client.endpoint, "memory:a");
  });

  test("comes back to an endpoint that joins its republic only after it has answered", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    harness.crash("a", "reset");
    const again = await harness.node("a");
    again.isIn = false;
    const barrier = client.barrier();
    await harness.pause(2000);
    again.isIn = true;
    await barrier;
  });

  test("says so at once when all endpoints have become another republic", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    harness.crash("a", "reset");
    await harness.node("a", new FakeRepublic("fedcba9876543210"));
    assertDefinite(await failureOf(client.barrier()), "KBZ_REPUBLIC", false);
    assertDefinite(await failureOf(client.status()), "KBZ_REPUBLIC", false);
    const failure = await failureOf(client.publish("to nobody"));
    assert.deepEqual([failure.code, failure.retryable], ["KBZ_REPUBLIC", false]);
    const next = await failureOf(client.publish("to nobody again"));
    assert.deepEqual([next.code, next.outcome], ["KBZ_REPUBLIC", "none"]);
  });

  test("does not hammer an endpoint that drops each connection at once", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    await harness.client(["a"]);
    const hello = node.hello();
    let greeted = 0;
    node.hello = () => {
      greeted += 1;
      setImmediate(() => void node.kill().then(async () => await node.start()));
      return hello;
    };
    await node.kill();
    await node.start();
    await harness.pause(5000);
    assert.ok(greeted >= 4 && greeted < 80, `greeted ${greeted} times in 5 s`);
    node.hello = () => hello;
  });
});

describe("barrier and status", () => {
  test("give what the endpoint answers", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    await client.publish("one");
    await client.publish("two");
    assert.deepEqual(await client.barrier(), { index: 2, slot: 1 });
    assert.deepEqual(await client.status(), statusOf(harness.republic.identity));
  });

  test("a barrier goes to another endpoint when one knows no leader", async () => {
    await using harness = new Harness();
    const cutOff = await harness.node("a");
    await harness.node("b");
    const client = await harness.client(["a", "b"]);
    cutOff.mood = "leaderless";
    assert.deepEqual(await client.barrier(), { index: 0, slot: 1 });
    assert.equal(client.endpoint, "memory:b");
  });

  test("a barrier goes to another endpoint when one hangs", async () => {
    await using harness = new Harness();
    const hung = await harness.node("a");
    await harness.node("b");
    const client = await harness.client(["a", "b"]);
    hung.mood = "hung";
    assert.deepEqual(await client.barrier(), { index: 0, slot: 1 });
    assert.equal(client.endpoint, "memory:b");
  });

  test("tell no quorum from no endpoint when the time is over", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"], { timeoutMs: 1500 });
    node.mood = "leaderless";
    const noQuorum = await failureOf(client.barrier());
    assertDefinite(noQuorum, "KBZ_NO_QUORUM", true);
    assert.match(noQuorum.message, /memory:a/);
    harness.crash("a", "reset");
    assertDefinite(await failureOf(client.barrier()), "KBZ_UNREACHABLE", true);
    assertDefinite(await failureOf(client.status()), "KBZ_UNREACHABLE", true);
  });

  test("an endpoint that falls silent counts as none", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"], { timeoutMs: 8000 });
    harness.crash("a", "silent");
    assertDefinite(await failureOf(client.barrier()), "KBZ_UNREACHABLE", true);
  });

  test("end with the signal: its reason, or what a time limit found", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"]);
    node.mood = "leaderless";
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const asking = client.barrier({ signal: controller.signal });
    await harness.pause(300);
    controller.abort(reason);
    await assert.rejects(asking, reason);
    await assert.rejects(client.status({ signal: AbortSignal.abort(reason) }), reason);
    const limited = client.barrier({ signal: AbortSignal.timeout(50) });
    assertDefinite(await failureOf(limited), "KBZ_NO_QUORUM", true);
  });

  test("a status that is none is asked for again, elsewhere", async () => {
    await using harness = new Harness();
    const odd = await harness.node("a");
    await harness.node("b");
    const client = await harness.client(["a", "b"]);
    const { members: _, ...incomplete } = statusOf("x");
    odd.override = ({ method }) =>
      method === "status" ? { kind: "document", document: incomplete } : null;
    assert.deepEqual(await client.status(), statusOf(harness.republic.identity));
    assert.equal(client.endpoint, "memory:b");
  });
});

describe("an endpoint without room", () => {
  const own = { limits: { connectionsMax: 2 } };

  test("is passed by", async () => {
    await using harness = new Harness();
    await harness.node("a", harness.republic, own);
    await harness.node("b");
    await harness.client(["a"]);
    const client = await harness.client(["a", "b"]);
    assert.equal(client.endpoint, "memory:b");
    assert.deepEqual(await client.publish("one"), { index: 1 });
  });

  test("is told, and asked again ever more seldom until there is room", async () => {
    await using harness = new Harness();
    const node = await harness.node("a", harness.republic, own);
    const first = await harness.client(["a"]);
    const error = await failureOf(harness.client(["a"], { timeoutMs: 1000 }));
    assertDefinite(error, "KBZ_UNREACHABLE", true);
    assert.match(error.message, /all 2 connections for clients are taken/);
    node.refusals = 0;
    const waiting = harness.client(["a"]);
    await harness.pause(10_000);
    assert.ok(node.refusals >= 4 && node.refusals <= 20, `${node.refusals} times`);
    await first.close();
    assert.deepEqual(await (await waiting).publish("one"), { index: 1 });
  });

  test("for one lane only is left alone as long", async () => {
    await using harness = new Harness();
    const node = await harness.node("a", harness.republic, { limits: { connectionsMax: 3 } });
    const first = await harness.client(["a"]);
    const second = await harness.client(["a"]);
    const published = second.publish("one");
    node.refusals = 0;
    await harness.pause(10_000);
    assert.ok(node.refusals >= 3 && node.refusals <= 20, `${node.refusals} times`);
    await first.close();
    assert.deepEqual(await published, { index: 1 });
  });
});

function none(request: Request): Response | null {
  if (request.method !== "query") return null;
  return { kind: "refused", reason: "noMachine", leader: null };
}

function one(request: Request): Response | null {
  if (request.method !== "query") return null;
  return { kind: "answer", index: 7, answer: new Uint8Array(1) };
}

describe("a question to a state machine", () => {
  test("goes on where there is one", async () => {
    await using harness = new Harness();
    (await harness.node("a")).override = none;
    (await harness.node("b")).override = one;
    const client = await harness.client(["a", "gone", "b"]);
    assert.equal((await client.query(new Uint8Array(0))).index, 7);
    assert.equal(client.endpoint, "memory:b");
  });

  test("ends where nobody that answers has one", async () => {
    await using harness = new Harness();
    const nodes = [await harness.node("a"), await harness.node("b")];
    for (const node of nodes) node.override = none;
    const client = await harness.client(["a", "gone", "b"]);
    await assert.rejects(client.query(new Uint8Array(0)), { code: "KBZ_MACHINE" });
    assert.ok(nodes.every(({ asked }) => asked.some(({ method }) => method === "query")));
  });
});

describe("a time limit of one call", () => {
  test("is that of the call, not of the client", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const hourMs = 3_600_000;
    const client = await harness.client(["a"], { timeoutMs: hourMs });
    node.mood = "hung";
    const options = { timeoutMs: 500 };
    await assert.rejects(client.barrier(options), { code: "KBZ_NO_QUORUM" });
    await assert.rejects(client.status(options), { code: "KBZ_UNREACHABLE" });
    await assert.rejects(client.query(new Uint8Array(0), options), { outcome: "none" });
    await assert.rejects(client.exile("b", options), { code: "KBZ_NO_QUORUM" });
    const entries = client.entries({ follow: false, ...options });
    await assert.rejects(entries.next(), { code: "KBZ_UNREACHABLE" });
    await assert.rejects(client.backup(options).next(), { code: "KBZ_NO_QUORUM" });
  });

  test("ends the wait for a publish, with the truth", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"]);
    node.mood = "silent";
    const first = client.publish("one", { timeoutMs: 500 });
    await assert.rejects(first, { code: "KBZ_ABORTED", outcome: "none" });
    const many = client.publishMany(["two", "three"], { timeoutMs: 500 });
    await assert.rejects(many, { code: "KBZ_ABORTED", outcome: "none" });
    node.mood = "well";
    await client.publish("four");
    node.mood = "silent";
    const submitted = client.publish("five", { timeoutMs: 2000 });
    await assert.rejects(submitted, { code: "KBZ_ABORTED", outcome: "unknown" });
  });

  test("is a number above 0", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    for (const timeoutMs of [0, -1, Number.NaN, Infinity]) {
      await assert.rejects(client.barrier({ timeoutMs }), { code: "KBZ_ARGUMENT" });
      await assert.rejects(client.publish("x", { timeoutMs }), { code: "KBZ_ARGUMENT" });
      await assert.rejects(harness.client(["a"], { timeoutMs }), { code: "KBZ_ARGUMENT" });
    }
  });
});

describe("closing", () => {
  test("rejects what is under way with the truth, ends readings, refuses what comes", async () => {
    await using harness = new Harness();
    const node = await harness.node("a");
    const client = await harness.client(["a"]);
    await client.publish("first");
    const reading = client.entries({ from: 2 });
    const read = reading.next();
    node.mood = "silent";
    const submitted = failureOf(client.publish("second"));
    const asked = failureOf(client.barrier());
    while (harness.republic.indexLast < 2) await harness.pause(10);
    const waiting = failureOf(client.publish("third"));
    await client.close();
    assert.equal((await submitted).code, "KBZ_CLOSED");
    assert.equal((await submitted).outcome, "unknown");
    assertDefinite(await waiting, "KBZ_CLOSED", false);
    assertDefinite(await asked, "KBZ_CLOSED", false);
    assert.deepEqual(await read, { done: true, value: undefined });
    assertDefinite(await failureOf(client.publish("fourth")), "KBZ_CLOSED", false);
    assertDefinite(await failureOf(client.barrier()), "KBZ_CLOSED", false);
    assertDefinite(await failureOf(client.entries().next()), "KBZ_CLOSED", false);
    await client.close();
  });

  test("ends a search that finds nobody", async () => {
    await using harness = new Harness();
    await harness.node("a");
    const client = await harness.client(["a"]);
    harness.crash("a", "reset");
    const asked = failureOf(client.barrier());
    await harness.pause(200);
    await client.close();
    assertDefinite(await asked, "KBZ_CLOSED", false);
  });
});

describe("over TCP", () => {
  test("passes by a listener that says nothing, and survives the end of a node", async () => {
    const mute = createServer((socket) => socket.on("error", () => undefined));
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const address = mute.address();
    assert.ok(typeof address === "object" && address !== null);
    const republic = new FakeRepublic();
    await using a = new FakeNode("tcp://127.0.0.1:0", republic, nodeNetwork());
    await using b = new FakeNode("ws://127.0.0.1:0", republic, nodeNetwork());
    const [first, second] = [await a.start(), await b.start()];
    {
      const endpoints = [`tcp://127.0.0.1:${address.port}`, first, second];
      await using client = await KibitzerClient.connect(endpoints);
      assert.equal(client.endpoint, first);
      assert.deepEqual(await client.publish("one"), { index: 1 });
      await a.kill();
      assert.deepEqual(await client.publish("two"), { index: 2 });
      assert.equal(client.endpoint, second);
      const texts: string[] = [];
      for await (const entry of client.entries({ to: 2 })) texts.push(entry.text());
      assert.deepEqual(texts, ["one", "two"]);
    }
    mute.close();
  });
});

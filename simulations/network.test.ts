/** What the simulated network does to what passes: each fault strikes, and no other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Callee, Caller, Codec, Hello } from "../transport/index.ts";
import { SimulatedNetwork, calmNetwork, type NetworkFaults } from "./network.ts";
import { Prng } from "./prng.ts";
import { Simulator, millisecond, second, type Life } from "./simulator.ts";

const text: Codec<string> = {
  encode: (value) => [Buffer.from(value)],
  decode: (bytes) => Buffer.from(bytes).toString(),
};

function hello(id: string): Hello {
  return { republic: "r", node: { id, cookie: id, starts: 1, url: `memory:${id}` }, version: "1" };
}

/** Two nodes: `a` calls, `b` listens and remembers what it heard. */
class Pair {
  readonly simulator = new Simulator();
  readonly network: SimulatedNetwork<string, string>;
  readonly heard: string[] = [];
  readonly lost: string[] = [];
  lifeB: Life;
  caller: Caller<string, string>;

  constructor(faults: Partial<NetworkFaults> = {}) {
    const codecs = { requestCodec: text, responseCodec: text };
    this.network = new SimulatedNetwork(this.simulator, new Prng(7), codecs);
    this.network.faults = { ...calmNetwork, ...faults };
    this.lifeB = this.listen();
    const lifeA = this.simulator.begin("a");
    this.caller = this.network.join("a", lifeA).connect("memory:b", {
      hello: () => hello("a"),
      fraction: () => 0.5,
      down: (error) => this.lost.push(error?.message ?? ""),
    });
  }

  listen(): Life {
    const life = this.simulator.begin("b");
    const callee: Callee<string, string> = {
      hello: () => hello("b"),
      answer: (request) => Promise.resolve(`${request}!`),
      hear: (request) => void this.heard.push(request),
    };
    void this.network.join("b", life).listen("memory:b", callee);
    return life;
  }

  async pass(milliseconds: number): Promise<void> {
    await this.simulator.run(this.simulator.now + milliseconds * millisecond);
  }

  async call(request: string): Promise<string> {
    const call = this.caller.call(request, { lane: "bulk", timeoutMs: 2000 });
    const outcome = call.catch((error: unknown) =>
      error instanceof Error && "code" in error ? String(error.code) : "no error",
    );
    let result: string | null = null;
    void outcome.then((value) => (result = value));
    await this.simulator.run(this.simulator.now + 60 * second, () => result !== null);
    return await outcome;
  }

  /** Tells 100 numbers, one a millisecond, and waits. */
  async tellHundred(): Promise<void> {
    for (let number = 0; number < 100; number += 1) {
      this.caller.tell(String(number), "control");
      await this.pass(1);
    }
    await this.pass(5000);
  }
}

const hundred = Array.from({ length: 100 }, (_, number) => String(number));
const byNumber = (left: string, right: string): number => Number(left) - Number(right);

test("a calm network loses nothing and keeps the order", async () => {
  const pair = new Pair();
  await pair.pass(1000);
  assert.equal(pair.caller.connected, true);
  await pair.tellHundred();
  assert.deepEqual(pair.heard, hundred);
  assert.equal(await pair.call("x"), "x!");
});

test("what is told may be lost, doubled and overtaken (N1, N3, N4)", async () => {
  const wild = new Pair({ delayMicros: { min: 100, max: 20_000 }, reorder: true });
  await wild.pass(1000);
  wild.network.faults = {
    ...wild.network.faults,
    lossChance: 0.2,
    duplicateChance: 0.2,
    duplicateMicros: { min: 0, max: second },
  };
  await wild.tellHundred();
  const faults = wild.simulator.trace.faults();
  const once = new Set(wild.heard);
  assert.equal(once.size, 100 - (faults.get("N1") ?? 0));
  assert.equal(wild.heard.length, once.size + (faults.get("N4") ?? 0));
  assert.ok(once.size < 100 && wild.heard.length > once.size);
  assert.notDeepEqual(wild.heard, wild.heard.toSorted(byNumber));
});

test("a one-way cut loses one way only, in silence (N5)", async () => {
  const pair = new Pair();
  await pair.pass(1000);
  pair.network.cut("b", "a", "drop");
  await pair.tellHundred();
  assert.deepEqual(pair.heard, hundred);
  assert.equal(await pair.call("x"), "KBZ_TIMEOUT");
  assert.deepEqual(pair.lost, []);
  pair.network.healAll();
  await pair.pass(3000);
  assert.equal(await pair.call("x"), "x!");
});

test("what a clog held arrives when it is gone (N13)", async () => {
  const pair = new Pair();
  await pair.pass(1000);
  pair.network.cut("a", "b", "hold");
  await pair.tellHundred();
  assert.deepEqual(pair.heard, []);
  pair.network.heal("a", "b");
  await pair.pass(10);
  assert.deepEqual(pair.heard, hundred);
});

test("severed nodes are told, and come back after the heal (N6)", async () => {
  const pair = new Pair();
  await pair.pass(1000);
  pair.network.sever("b", "a");
  await pair.pass(1000);
  assert.ok(pair.lost.length > 0);
  assert.equal(await pair.call("x"), "KBZ_DISCONNECTED");
  pair.network.healAll();
  await pair.pass(3000);
  assert.equal(await pair.call("x"), "x!");
});

test("a dead node answers nothing, and its next life can be reached (X1)", async () => {
  for (const how of ["reset", "silent"] as const) {
    const pair = new Pair();
    await pair.pass(1000);
    pair.lifeB.end();
    pair.network.leave("b", how);
    await pair.tellHundred();
    assert.deepEqual(pair.heard, []);
    pair.lifeB = pair.listen();
    await pair.pass(5000);
    assert.equal(await pair.call("x"), "x!");
  }
});

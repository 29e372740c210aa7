/** Whom a listener has room for: the same whatever the network. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TransportError } from "../../transport/index.ts";
import type { Caller, Hello, Lane, Listener } from "../../transport/index.ts";
import { helloOf } from "./caller.ts";
import type { Harness, Parcel } from "./caller.ts";

/** Two lanes each for two clients, one member, and one other node. */
const limits = {
  connectionsMax: 4,
  nodeConnectionsMax: 6,
  memberConnectionsMax: 2,
  newcomerConnectionsMax: 2,
  backOffMsMax: 40,
};
const lanes: readonly Lane[] = ["control", "bulk"];
const patienceMs = 10_000;
const client: Hello = { republic: "r#1", node: null, version: "0.0.1" };
const member = helloOf("member");
const newcomer = helloOf("newcomer", null);

/** What becomes of somebody who calls: one word a lane. */
type Fate = readonly string[];
const isIn: Fate = ["in", "in"];
const isOut: Fate = ["KBZ_BUSY none", "KBZ_BUSY none"];

class House implements AsyncDisposable {
  readonly messages: string[] = [];
  readonly refusals: string[] = [];
  readonly #harness: Harness;
  #listener: Listener | null = null;
  #url = "";

  constructor(harness: Harness) {
    this.#harness = harness;
  }

  async open(): Promise<void> {
    const harness = this.#harness;
    this.#listener = await harness.transport("callee", { limits }).listen(harness.url, {
      hello: () => helloOf("b"),
      answer: (request) => Promise.resolve(request),
      hear: () => undefined,
      knows: ({ node }) => node?.id === "member",
      refused: ({ error }) => void this.refusals.push(codeOf(error)),
    });
    this.#url = await harness.via(this.#listener.url);
  }

  caller(hello: Hello): Caller<Parcel, Parcel> {
    const options = { hello: () => hello, fraction: () => 0.5 };
    return this.#harness.transport("caller", { limits }).connect(this.#url, options);
  }

  async fate(caller: Caller<Parcel, Parcel>): Promise<Fate> {
    const request = { verb: "in", body: new Uint8Array(0) };
    const calls = lanes.map(async (lane) => {
      try {
        return (await caller.call(request, { lane, timeoutMs: patienceMs })).verb;
      } catch (error) {
        this.messages.push(error instanceof Error ? error.message : "");
        return codeOf(error);
      }
    });
    return await Promise.all(calls);
  }

  /** Tries until both lanes are in. */
  async comesIn(caller: Caller<Parcel, Parcel>): Promise<void> {
    const end = performance.now() + patienceMs;
    while ((await this.fate(caller)).join() !== isIn.join()) {
      assert.ok(performance.now() < end, "there is no room in time");
      await pause(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.[Symbol.asyncDispose]();
    await this.#harness[Symbol.asyncDispose]();
  }
}

function codeOf(error: unknown): string {
  return error instanceof TransportError ? `${error.code} ${error.outcome}` : String(error);
}

export function placesConformance(name: string, makeHarness: () => Promise<Harness>): void {
  const open = async (): Promise<House> => {
    const house = new House(await makeHarness());
    await house.open();
    return house;
  };

  suite(`${name}: places`, () => {
    test("clients keep no nodes out, other nodes no member; who leaves makes room", async () => {
      await using house = await open();
      const first = house.caller(client);
      await using second = house.caller(client);
      assert.deepEqual([await house.fate(first), await house.fate(second)], [isIn, isIn]);
      await using third = house.caller(client);
      assert.deepEqual(await house.fate(third), isOut);
      assert.match(house.messages.join(), /Use another endpoint/);
      await using joiner = house.caller(newcomer);
      assert.deepEqual(await house.fate(joiner), isIn);
      await using liar = house.caller(helloOf("liar"));
      assert.deepEqual(await house.fate(liar), isOut);
      await using peer = house.caller(member);
      assert.deepEqual(await house.fate(peer), isIn);
      assert.ok(
        house.refusals.every((code) => code === "KBZ_BUSY none"),
        house.refusals.join(),
      );
      await liar[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
      await house.comesIn(third);
    });

    test("nodes beyond their own places have those of all", async () => {
      await using house = await open();
      await using one = house.caller(member);
      await using two = house.caller(member);
      await using three = house.caller(member);
      for (const each of [one, two, three]) assert.deepEqual(await house.fate(each), isIn);
      await using last = house.caller(client);
      assert.deepEqual(await house.fate(last), isIn);
      await using late = house.caller(client);
      assert.deepEqual(await house.fate(late), isOut);
    });
  });
}

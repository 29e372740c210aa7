/** A client that publishes goes to the leader, where that is one of its endpoints, and stays. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { MemberStatus } from "../../src/api.ts";
import type { Attachment } from "../../src/client/endpoint-search.ts";
import { LeaderSearch } from "../../src/client/leader-search.ts";
import { Rooms } from "../../src/client/rooms.ts";
import type { KibitzerClient } from "../../src/client.ts";
import type { NodeReport, Request, Response } from "../../src/requests.ts";
import { Harness } from "../client-harness.ts";
import { statusOf, type FakeNode } from "../fake-republic.ts";

const position = { slot: 1, index: 1 };
const node = {
  decided: position,
  applied: position,
  hash: { slot: 1, value: "00000000000000aa" },
  cookie: "00000000000000aa",
  version: "0.0.0",
};

/** What a node says of itself and of the others. */
interface Says {
  readonly id: string;
  readonly leader: string | null;
  /** Where the status has the leader. */
  readonly url?: string;
}

function memberAt(id: string, url = `memory:${id}`): MemberStatus {
  const rest = { reachable: true, naturalized: true, eligible: true } as const;
  return { ...node, ...rest, id, url, role: "leader" };
}

function saying({ id, leader, url = `memory:${leader}` }: Says): FakeNode["override"] {
  const report: NodeReport = { ...node, id, leader };
  const member = memberAt(leader ?? "", url);
  const status = { ...statusOf("0123456789abcdef"), members: [member] };
  return ({ method }: Request): Response | null => {
    if (method === "report") return { kind: "document", document: report };
    return method === "status" ? { kind: "document", document: status } : null;
  };
}

/** Publishes one after the other, some at a time, until `isDone` or for so many milliseconds. */
async function publishing(
  harness: Harness,
  client: KibitzerClient,
  isDone: () => boolean = () => false,
): Promise<readonly number[]> {
  const end = harness.clock.now() + 13_000;
  const indexes: number[] = [];
  const one = async (): Promise<void> => {
    while (!isDone() && harness.clock.now() < end) {
      indexes.push((await client.publish("x")).index);
      await harness.pause(50);
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
  return indexes;
}

function sequences(nodes: readonly FakeNode[]): readonly number[] {
  const asked = nodes.flatMap((each) => each.asked);
  return asked.flatMap((request) => (request.method === "enqueue" ? [request.batch.sequence] : []));
}

suite("the leader", () => {
  test("is gone to in the midst of publishing; nothing is submitted twice", async () => {
    await using harness = new Harness();
    const a = await harness.node("a");
    const b = await harness.node("b");
    a.override = saying({ id: "a", leader: "b" });
    b.override = saying({ id: "b", leader: "b" });
    const client = await harness.client(["a", "b"]);
    await publishing(harness, client, () => client.endpoint === "memory:b");
    assert.equal(client.endpoint, "memory:b");
    const before = sequences([a]).length;
    await Promise.all([client.publish("y"), client.publish("z")]);
    assert.equal(sequences([a]).length, before, "nothing goes to the former any more");
    const all = sequences([a, b]);
    assert.equal(new Set(all).size, all.length);
    assert.ok(
      b.asked.some(({ method }) => method === "barrier"),
      "it was asked whether it can",
    );
  });

  test("that is none, is nobody's endpoint, or is not there, is not gone to", async () => {
    const others: readonly (readonly [string, FakeNode["override"], string])[] = [
      ["it says that another leads", saying({ id: "b", leader: "c" }), "memory:b"],
      ["it does not know", saying({ id: "b", leader: null }), "memory:b"],
      ["it is elsewhere", saying({ id: "b", leader: "b" }), "memory:elsewhere"],
      ["it is down", saying({ id: "b", leader: "b" }), "memory:down"],
    ];
    const moves = others.map(async ([what, override, url], seed) => {
      await using harness = new Harness(seed + 1);
      const a = await harness.node("a");
      a.override = saying({ id: "a", leader: "b", url });
      (await harness.node("b")).override = override;
      const client = await harness.client(["a", "b", "down"]);
      const indexes = await publishing(harness, client);
      assert.equal(client.endpoint, "memory:a", what);
      assert.equal(new Set(indexes).size, indexes.length);
      const looks = a.asked.filter(({ method }) => method === "status").length;
      assert.ok(looks >= 1 && looks <= 3, `${what}: ${looks} looks, some seconds apart`);
    });
    await Promise.all(moves);
  });

  test("that is where the client is already is not looked for further", async () => {
    await using harness = new Harness();
    const a = await harness.node("a");
    a.override = saying({ id: "a", leader: "a" });
    const b = await harness.node("b");
    const client = await harness.client(["a", "b"]);
    await publishing(harness, client);
    assert.equal(client.endpoint, "memory:a");
    assert.equal(a.asked.filter(({ method }) => method === "status").length, 0);
    assert.deepEqual(b.asked, []);
  });
});

const report = (id: string): NodeReport => ({ ...node, id, leader: "b" });

/** A caller whose answers are `says`, at an endpoint of its own. */
function attached(url: string, says: (request: Request) => Promise<Response>): Attachment {
  return {
    url,
    caller: {
      url,
      remote: null,
      connected: true,
      queuedBytes: 0,
      call: says,
      tell: () => false,
      hurry: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    },
  };
}

test("a look that is cancelled lets go of the connection that it has made", async () => {
  for (const isUp of [false, true]) {
    const asked = Promise.withResolvers<void>();
    const never = new Promise<never>(() => undefined);
    const to = attached("memory:b", async () => {
      asked.resolve();
      return await never;
    });
    let now = 0;
    const clock = {
      now: () => now,
      wall: () => now,
      after: () => ({ cancel: () => undefined }),
      soon: setImmediate,
    };
    const dropped: string[] = [];
    const looking = new LeaderSearch({
      urls: ["memory:a", "memory:b"],
      clock,
      search: {
        clock,
        network: {
          connect: (_, options) => {
            if (isUp)
              setImmediate(() => options.up?.({ republic: null, node: null, version: "0.0.0" }));
            return to.caller;
          },
        },
        rooms: new Rooms(clock, () => 0),
        hello: () => ({ republic: null, node: null, version: "0.0.0" }),
        fraction: () => 0,
        refusalOf: () => null,
        lost: () => undefined,
        drop: ({ url }) => void dropped.push(url),
      },
      found: () => assert.fail("nothing is found after the end"),
    });
    const status = { ...statusOf("0123456789abcdef"), members: [memberAt("b")] };
    const from = attached("memory:a", async ({ method }) => {
      return { kind: "document", document: method === "report" ? report("a") : status };
    });
    now = 10_000;
    const look = looking.published(from);
    await asked.promise;
    if (isUp) await new Promise(setImmediate);
    looking.cancel();
    assert.deepEqual(dropped, ["memory:b"]);
    if (!isUp) await look;
    assert.deepEqual(dropped, ["memory:b"], "once");
  }
});

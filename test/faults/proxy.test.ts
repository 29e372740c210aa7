/** The faulty proxy does what it is told, counts it, and passes all else on unharmed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { hashZero, type Message, type Value } from "../../consensus/index.ts";
import { Prng } from "../../simulations/prng.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { eventually } from "../processes/kit.ts";
import type { Trouble } from "./flow.ts";
import { FrameCutter } from "./frame-cutter.ts";
import { FaultyProxy } from "./proxy.ts";

const host = "127.0.0.1";
const hello = frameOf(1, "hello");

function frameOf(kind: number, content: string | Uint8Array): Buffer {
  const body = Buffer.from(content);
  const head = Buffer.from([0, 0, 0, 0, 1, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(12 + body.length);
  return Buffer.concat([head, body]);
}

async function closeOf(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once("close", resolve));
}

/** A client that has sent its hello through the proxy, and what came out of it. */
async function open(t: TestContext) {
  const frames: string[] = [];
  const taken: Socket[] = [];
  const server = createServer((socket) => {
    const cutter = new FrameCutter();
    taken.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      for (const frame of cutter.push(chunk)) frames.push(frame.subarray(16).toString());
    });
  });
  server.listen({ host, port: 0 });
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const proxy = await FaultyProxy.open({
    host,
    targets: [{ id: "b", host, port: address.port }],
    whoIs: () => "a",
    chance: new Prng(1),
  });
  const { port } = new URL(proxy.url("b"));
  const client = connect({ host, port: Number(port) });
  client.on("error", () => undefined);
  t.after(async () => {
    client.destroy();
    await proxy[Symbol.asyncDispose]();
    for (const socket of taken) socket.destroy();
    server.close();
  });
  client.write(hello);
  await eventually("the hello", async () => (frames.length === 1 ? true : null));
  const came = async (count: number) =>
    await eventually(`${count} frames`, async () => (frames.length === count ? true : null));
  const set = (trouble: Trouble | null) => proxy.set("a", "b", trouble);
  const send = (...texts: readonly string[]) =>
    client.write(Buffer.concat(texts.map((text) => frameOf(5, text))));
  return { proxy, client, frames, came, set, send };
}

test("without trouble every frame comes once, in order, in whatever pieces", async (t) => {
  const { client, frames, came } = await open(t);
  for (const byte of Buffer.concat([frameOf(5, "one"), frameOf(5, "two")])) {
    client.write(Buffer.of(byte));
  }
  await came(3);
  assert.deepEqual(frames, ["hello", "one", "two"]);
});

test("frames are lost, doubled and sent again, and counted", async (t) => {
  const { proxy, frames, came, set, send } = await open(t);
  set({ drop: 1 });
  send("lost");
  await eventually("the loss", async () => (proxy.count("drop") === 1 ? true : null));
  set({ duplicate: 1 });
  send("twice");
  await came(3);
  set({ replay: 1, replayMs: 20 });
  send("again");
  await came(5);
  assert.deepEqual(frames, ["hello", "twice", "twice", "again", "again"]);
  assert.deepEqual(
    [...proxy.counts],
    [
      ["drop", 1],
      ["duplicate", 1],
      ["replay", 1],
    ],
  );
});

test("messages of one kind are lost, all of them, and all others pass", async (t) => {
  const { proxy, client, frames, came, set } = await open(t);
  const ballot = { government: 1, round: 1, id: "a" };
  const end: Value = {
    kind: "succession",
    government: 2,
    parliament: ["a"],
    leader: "a",
    leaving: [],
  };
  const tell = (message: Message): void => {
    const bodies = "decrees" in message ? message.decrees.map(() => null) : [];
    const pieces = requestCodec.encode({ method: "receive", message, bodies });
    client.write(frameOf(5, Buffer.concat(pieces)));
  };
  const accept = (value: Value): Message => {
    const decree = { slot: 1, time: 0, when: 0, value, hash: hashZero };
    return { kind: "accept", ballot, decrees: [decree], decided: 0 };
  };
  set({ kinds: ["decide", "stopSign", "barrier"] });
  tell({ kind: "decide", ballot, decided: 7 });
  tell(accept(end));
  client.write(frameOf(2, Buffer.concat(requestCodec.encode({ method: "barrier", hops: 0 }))));
  client.write(frameOf(2, "no request at all"));
  tell({ kind: "confirm", ballot, round: 7 });
  tell(accept({ kind: "opening" }));
  await came(4);
  assert.equal(frames[1], "no request at all");
  assert.deepEqual(
    [...proxy.counts],
    [
      ["lost decide", 1],
      ["lost stopSign", 1],
      ["lost barrier", 1],
    ],
  );
});

test("a frame is overtaken by the next", async (t) => {
  const { proxy, frames, came, set, send } = await open(t);
  set({ reorder: 1, reorderMs: 200 });
  send("late");
  await eventually("the first taken", async () => (proxy.count("reorder") === 1 ? true : null));
  set(null);
  send("early");
  await came(3);
  assert.deepEqual(frames.toSorted(), ["early", "hello", "late"]);
});

test("delays keep the order", async (t) => {
  const { proxy, frames, came, set, send } = await open(t);
  const texts = Array.from({ length: 30 }, (_, at) => String(at));
  set({ delayMs: [0, 15] });
  send(...texts);
  await came(31);
  assert.deepEqual(frames.slice(1), texts);
  assert.equal(proxy.count("delayMs"), 30);
});

test("one bit flips, and only one", async (t) => {
  const { proxy, frames, came, set, send } = await open(t);
  const text = "a".repeat(4000);
  set({ damage: 1 });
  send(text);
  await came(2);
  assert.equal(proxy.count("damage"), 1);
  const changed = [...Buffer.from(frames[1] ?? "", "latin1")].filter((byte) => byte !== 97);
  assert.ok(changed.length <= 3, "one byte, as UTF-8 may show it");
});

test("a frame that breaks off ends the connection", async (t) => {
  const { proxy, client, frames, set, send } = await open(t);
  const closed = closeOf(client);
  set({ cut: 1 });
  send("half");
  await closed;
  assert.equal(proxy.count("cut"), 1);
  assert.deepEqual(frames, ["hello"]);
});

test("what is clogged comes all at once when freed; what is silenced never comes", async (t) => {
  const { proxy, frames, came, set, send } = await open(t);
  set({ clog: true });
  send("one", "two");
  send("three");
  assert.deepEqual(frames, ["hello"]);
  set({ silence: true });
  await eventually("three frames taken", async () => (proxy.count("silence") === 3 ? true : null));
  set({ clog: true });
  send("four");
  set(null);
  await came(2);
  assert.deepEqual(frames, ["hello", "four"]);
});

test("all connections are reset at once", async (t) => {
  const { proxy, client } = await open(t);
  const closed = closeOf(client);
  proxy.resetAll();
  await closed;
  assert.equal(proxy.count("reset"), 1);
});

/** The door of a WebSocket listener: how long whoever may stand in it, whatever it says or not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, get } from "node:http";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { createTransport, TransportError, transportLimits } from "../../transport/index.ts";
import type { Listener, NetworkOptions } from "../../transport/index.ts";
import { helloOf, parcelOptions } from "../conformance/caller.ts";
import type { Parcel } from "../conformance/caller.ts";
import { ManualTiming } from "./fake-wire.ts";
import { targetOf } from "./socket-harness.ts";

const upgrade =
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/** Without a bound the server of Node itself would take a minute and more. */
const patience = { timeout: 20_000 };

const serve = (_: unknown, response: ServerResponse): unknown => response.end("ok");

interface Door extends AsyncDisposable {
  readonly listener: Listener;
  readonly codes: string[];
  /** Resolves when somebody was refused. */
  readonly told: Promise<void>;
  visit(text: string): Promise<Socket>;
}

type Options = Partial<NetworkOptions<Parcel, Parcel>> & { readonly serve?: typeof serve };

async function open({ serve, ...options }: Options): Promise<Door> {
  const codes: string[] = [];
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const transport = createTransport({ ...parcelOptions, ...options });
  const listener = await transport.listen("ws://127.0.0.1:0", {
    hello: () => helloOf("b"),
    answer: (request) => Promise.resolve(request),
    hear: () => undefined,
    ...(serve === undefined ? {} : { serve }),
    isUrgent: ({ url }) => url === "/urgent",
    refused({ error }) {
      codes.push(error instanceof TransportError ? error.code : error.name);
      tell();
    },
  });
  return {
    listener,
    codes,
    told,
    async visit(text) {
      const socket = connect(targetOf(listener.url));
      socket.on("error", () => undefined);
      socket.resume();
      await once(socket, "connect");
      if (text !== "") socket.write(text);
      return socket;
    },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

/** Also when it is reset, which is one way of being cut. */
const closed = (socket: Socket): Promise<void> =>
  socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => socket.once("close", () => resolve()));

/** Waits until somebody is at the door, and the time runs. */
async function accepted(timing: ManualTiming): Promise<void> {
  for (let turn = 0; turn < 10_000 && timing.timers === 0; turn += 1) await setImmediate();
  assert.equal(timing.timers, 1);
}

test("nothing, half a request, slow headers: cut in time, each told once", patience, async () => {
  await using door = await open({ limits: { handshakeMs: 200 } });
  const silent = await door.visit("");
  const half = await door.visit("GET / HT");
  const slow = await door.visit("GET / HTTP/1.1\r\nHost: a\r\n");
  const more = setInterval(() => slow.write("X: y\r\n"), 10);
  await Promise.all([silent, half, slow].map(closed));
  clearInterval(more);
  assert.deepEqual(door.codes, ["KBZ_TIMEOUT", "KBZ_TIMEOUT", "KBZ_TIMEOUT"]);
});

test("the time for the hello runs from accepting, not from the upgrade", patience, async () => {
  const timing = new ManualTiming();
  await using door = await open({ timing });
  const socket = await door.visit("");
  await accepted(timing);
  timing.advance(transportLimits.handshakeMs - 1);
  socket.write(upgrade);
  await once(socket, "data");
  assert.deepEqual(door.codes, []);
  timing.advance(1);
  assert.deepEqual(door.codes, ["KBZ_TIMEOUT"]);
  timing.advance(transportLimits.lingerMs);
  await closed(socket);
  assert.equal(timing.timers, 0);
});

test("a listener full of silent sockets has room again in time", patience, async () => {
  // Long enough for whoever does say hello, on a computer with much else to do.
  const limits = { handshakeMs: 1000, connectionsMax: 8, nodeConnectionsMax: 0, lingerMs: 50 };
  await using door = await open({ limits });
  const silent = await Promise.all(Array.from({ length: 8 }, () => door.visit("")));
  await closed(await door.visit(""));
  assert.deepEqual(door.codes, ["KBZ_BUSY"]);
  await Promise.all(silent.map(closed));
  await using caller = createTransport(parcelOptions).connect(door.listener.url, {
    hello: () => helloOf("a"),
    fraction: () => 0,
  });
  const request = { verb: "in", body: new Uint8Array(0) };
  const answer = await caller.call(request, { lane: "bulk", timeoutMs: 10_000 });
  assert.equal(answer.verb, "in");
  assert.equal(door.codes.filter((code) => code === "KBZ_TIMEOUT").length, 8);
});

test("an ordinary request keeps its connection beyond the handshake", patience, async () => {
  await using door = await open({ limits: { handshakeMs: 50 }, serve });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (): Promise<boolean> => {
    const request = get(door.listener.url.replace("ws:", "http:"), { agent });
    const answer = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      request.on("response", resolve);
      request.on("error", reject);
    });
    answer.resume();
    await once(answer, "end");
    return request.reusedSocket;
  };
  assert.equal(await ask(), false);
  // One that is silent ends after the time of a handshake.
  await closed(await door.visit(""));
  assert.equal(await ask(), true);
  agent.destroy();
  assert.deepEqual(door.codes, ["KBZ_TIMEOUT"]);
});

test(
  "who asks over HTTP has a place as a client has, and keeps no node out",
  patience,
  async () => {
    await using door = await open({ limits: { connectionsMax: 1 }, serve });
    const ask = async (path = "/"): Promise<readonly [Socket, string]> => {
      const socket = await door.visit(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const [answer]: readonly unknown[] = await once(socket, "data");
      return [socket, String(answer).slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)];
    };
    const [first, status] = await ask();
    assert.equal(status, "200");
    const [second, refused] = await ask();
    assert.equal(refused, "503");
    await closed(second);
    const [urgent, answered] = await ask("/urgent");
    assert.equal(answered, "200");
    await closed(urgent);
    await using node = createTransport(parcelOptions).connect(door.listener.url, {
      hello: () => helloOf("a"),
      fraction: () => 0,
    });
    const request = { verb: "in", body: new Uint8Array(0) };
    assert.equal((await node.call(request, { lane: "bulk", timeoutMs: 10_000 })).verb, "in");
    first.destroy();
    for (let again = refused; again !== "200";) [, again] = await ask();
    assert.deepEqual(door.codes, []);
  },
);

test("a later request on a connection kept has its bound too", patience, async () => {
  await using door = await open({ limits: { handshakeMs: 100 }, serve });
  const socket = await door.visit("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(socket, "data");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n");
  await closed(socket);
  assert.deepEqual(door.codes, ["KBZ_TIMEOUT"]);
});

test("who asks over HTTP and reads nothing is cut off", patience, async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const serve = (_: unknown, response: ServerResponse): void => {
    response.on("close", () => resolve(response.writableFinished));
    response.end(Buffer.alloc(64 * 1024 * 1024));
  };
  await using door = await open({ limits: { stallMs: 100 }, serve });
  const socket = await door.visit("");
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(await promise, false);
  socket.destroy();
});

test("a listener closes without waiting for who says nothing", patience, async () => {
  const timing = new ManualTiming();
  const door = await open({ timing });
  const socket = await door.visit("");
  await accepted(timing);
  await door[Symbol.asyncDispose]();
  await closed(socket);
  assert.deepEqual(door.codes, []);
  assert.equal(timing.timers, 0);
});

test("who breaks the rules of WebSocket is cut, whether it closes or not", patience, async () => {
  await using door = await open({ limits: { lingerMs: 50 } });
  const socket = connect({ ...targetOf(door.listener.url), allowHalfOpen: true });
  socket.write(upgrade);
  await once(socket, "data");
  socket.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0));
  await door.told;
  assert.deepEqual(door.codes, ["KBZ_MALFORMED"]);
  socket.destroy();
});

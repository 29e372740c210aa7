/**
 * A browser's network passes the suite of all callers, over the `WebSocket` that Node.js has, too,
 * against the listeners of nodes.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { createBrowserTransport } from "../../transport/browser.ts";
import { createTransport, systemTiming, TransportError } from "../../transport/index.ts";
import type { Caller, CallerOptions, Transport } from "../../transport/index.ts";
import { callerConformance, helloOf, parcelOptions } from "../conformance/caller.ts";
import type { Parcel, ParcelOptions } from "../conformance/caller.ts";
import { makeSocketHarness } from "./socket-harness.ts";

callerConformance("browser", () => Promise.resolve(makeSocketHarness("ws", transportOf)));

/** Calls as a browser does, and listens as a node does. */
function transportOf(options: ParcelOptions = {}): Transport<Parcel, Parcel> {
  const dialler = createBrowserTransport({ ...parcelOptions, ...options });
  const transport = createTransport({ ...parcelOptions, ...options });
  return {
    connect: (url, caller) => dialler.connect(url, caller),
    listen: (url, callee) => transport.listen(url, callee),
  };
}

const caller: CallerOptions = { hello: () => helloOf("a"), fraction: () => 0.5 };

function connect(url: string, options: ParcelOptions = {}): Caller<Parcel, Parcel> {
  return createBrowserTransport({ ...parcelOptions, ...options }).connect(url, caller);
}

test("a browser has no network but WebSocket, and port 0 is nobody's", () => {
  for (const url of ["tcp://127.0.0.1:1", "unix:/x", "ws://127.0.0.1:0"]) {
    assert.throws(() => connect(url), { code: "KBZ_ENDPOINT", message: /a browser has no other/ });
  }
});

test("a large body leaves in messages of a bounded size, and comes whole", async () => {
  const limits = { messageBytesSent: 1000 };
  await using listener = await transportOf().listen("ws://127.0.0.1:0", {
    hello: () => helloOf("b"),
    answer: ({ body }) => Promise.resolve({ verb: "same", body }),
    hear: () => undefined,
  });
  await using link = connect(listener.url, { limits });
  const body = Uint8Array.from({ length: 100_001 }, (_, at) => at % 251);
  const options = { lane: "bulk", timeoutMs: 10_000 } as const;
  assert.deepEqual((await link.call({ verb: "echo", body }, options)).body, body);
});

test("a server that speaks text is told from one that is not there", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => socket.send("hello"));
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const url = `ws://127.0.0.1:${address.port}`;
  const call = async (): Promise<unknown> => {
    await using link = connect(url);
    const options = { lane: "control", timeoutMs: 10_000 } as const;
    return await link.call({ verb: "x", body: new Uint8Array(0) }, options);
  };
  await assert.rejects(call(), /a text message/);
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(call(), /the browser says no more than that it failed/);
});

test("an address that the browser refuses fails as one that is not there", async (t) => {
  const real = globalThis.WebSocket;
  t.after(() => void (globalThis.WebSocket = real));
  // As for a page of https:// that wants ws://.
  globalThis.WebSocket = class extends real {
    constructor(url: string | URL) {
      super(String(url).replace("ws://", "not a scheme"));
    }
  };
  await using link = connect("ws://127.0.0.1:1");
  const options = { lane: "control", timeoutMs: 10_000 } as const;
  const failed = link.call({ verb: "x", body: new Uint8Array(0) }, options);
  await assert.rejects(failed, (error: unknown) => {
    assert.ok(error instanceof TransportError);
    assert.equal(error.outcome, "none");
    return /Invalid URL/.test(error.message);
  });
});

test("what is to happen soon happens in order, when this turn is over", async () => {
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  systemTiming.soon(() => order.push("first"));
  systemTiming.soon(() => resolve());
  order.push("now");
  await promise;
  assert.deepEqual(order, ["now", "first"]);
});

/** WebSocket passes the suite of all transports, and shares its port with HTTP. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { WebSocket } from "ws";
import { createTransport, TransportError } from "../../transport/index.ts";
import type { Callee, Listener, NetworkOptions } from "../../transport/index.ts";
import { callerConformance, helloOf, parcelOptions } from "../conformance/caller.ts";
import type { Parcel } from "../conformance/caller.ts";
import { placesConformance } from "../conformance/places.ts";
import { makeSocketHarness, rawAnswer, sendRaw } from "./socket-harness.ts";

callerConformance("ws", () => Promise.resolve(makeSocketHarness("ws")));
placesConformance("ws", () => Promise.resolve(makeSocketHarness("ws")));

const refusals: Error[] = [];
const callee: Callee<Parcel, Parcel> = {
  hello: () => helloOf("b"),
  answer: (request) => Promise.resolve(request),
  hear: () => undefined,
  refused: ({ error }) => refusals.push(error),
};

type Options = Partial<NetworkOptions<Parcel, Parcel>>;

type HttpCallee = Pick<Callee<Parcel, Parcel>, "serve" | "admits">;

function listen(http: HttpCallee = {}, options: Options = {}): Promise<Listener> {
  refusals.length = 0;
  const transport = createTransport({ ...parcelOptions, ...options });
  return transport.listen("ws://127.0.0.1:0", { ...callee, ...http });
}

const httpUrl = (listener: Listener): string => listener.url.replace("ws://", "http://");

/** The status that an upgrade was refused with, or "open". */
function upgrade(url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const webSocket = new WebSocket(url, { headers });
  return new Promise((resolve) => {
    webSocket.on("open", () => {
      webSocket.terminate();
      resolve("open");
    });
    webSocket.on("error", (error) => resolve(/\d{3}/.exec(error.message)?.[0] ?? error.message));
  });
}

suite("ws: the port shared with HTTP", () => {
  test("without a handler an ordinary request is asked to upgrade", async () => {
    await using listener = await listen();
    const response = await fetch(httpUrl(listener));
    assert.equal(response.status, 426);
    assert.equal(response.headers.get("upgrade"), "websocket");
    await response.text();
  });

  test("a handler answers on the same port", async () => {
    await using listener = await listen({
      serve: (request, response) => response.end(`you asked for ${request.url}`),
    });
    const response = await fetch(`${httpUrl(listener)}/livez`);
    assert.equal(await response.text(), "you asked for /livez");
    assert.equal(await upgrade(listener.url, {}), "open");
  });

  test("an upgrade that the callee does not admit is refused", async () => {
    await using listener = await listen({
      admits: ({ headers }) => headers.origin !== "http://evil.example",
    });
    assert.equal(await upgrade(listener.url, {}), "open");
    assert.equal(await upgrade(listener.url, { Origin: "http://evil.example" }), "403");
    assert.equal(await upgrade(listener.url, { Origin: "http://127.0.0.1:1" }), "open");
  });

  test("rubbish in place of HTTP, and a text message, are refused once each", async () => {
    await using listener = await listen();
    await sendRaw(listener.url, new Uint8Array(500).fill(7));
    assert.equal(refusals.length, 1);
    const webSocket = new WebSocket(listener.url);
    webSocket.on("open", () => webSocket.send("hello"));
    await new Promise((resolve) => webSocket.on("close", resolve));
    await using again = await listen();
    assert.ok(again.url.length > 0);
    await sendRaw(again.url, new TextEncoder().encode("GET / HTTP/9.9\r\n\r\n"));
    assert.equal(refusals.length, 1);
    const codes = refusals.map((error) => error instanceof TransportError && error.code);
    assert.deepEqual(codes, ["KBZ_MALFORMED"]);
  });

  test("what the callee is not asked is answered as a problem", async () => {
    await using listener = await listen({ serve: (_, response) => response.end("served") });
    const told = async (head: string): Promise<readonly unknown[]> => {
      const answer = await rawAnswer(listener.url, head);
      const body = answer.slice(answer.indexOf("\r\n\r\n") + 4).replace(/\r?\n$/, "");
      if (!body.startsWith("{")) return [answer.slice(9, 12), body];
      const { status, code, retryable, outcome } = JSON.parse(body);
      assert.match(answer, /\r\nContent-Type: application\/problem\+json\r\n/i);
      assert.equal(answer.slice(9, 12), String(status), "the status of both");
      return [status, code, retryable, outcome];
    };
    const wrong = ["KBZ_ARGUMENT", false, "none"];
    const big = `X-Big: ${"x".repeat(20_000)}\r\n`;
    assert.deepEqual(await told(`GET / HTTP/1.1\r\nHost: a\r\n${big}\r\n`), [431, ...wrong]);
    assert.deepEqual(await told("GET / HTTP/1.1\r\n\r\n"), [400, ...wrong]);
    assert.deepEqual(await told("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), [
      417,
      ...wrong,
    ]);
    assert.deepEqual(await told("GET / HTTP/1.1\r\nHost: a\r\nhost b\r\n\r\n"), [400, ...wrong]);
    assert.deepEqual(await told("GET / HTTP/1.0\r\n\r\n"), ["200", "served"]);
  });

  test("what is wrong in the midst of a request may have taken effect", async () => {
    await using listener = await listen({ serve: (request) => void request.resume() });
    const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const answer = await rawAnswer(listener.url, `${head}1\r\na\r\nzz\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 .*"outcome":"unknown"\}\n$/s);
  });

  test("a listener closes while requests and connections are open", async () => {
    const open = await listen({ serve: () => undefined }, { limits: { lingerMs: 50 } });
    const answer = fetch(httpUrl(open)).then(
      () => "answered",
      () => "cut off",
    );
    assert.equal(await upgrade(open.url, {}), "open");
    await open[Symbol.asyncDispose]();
    assert.equal(await answer, "cut off");
  });
});

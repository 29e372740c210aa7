/** What a failure carries over the wire, and what is believed of one that comes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeFailure, encodeFailure } from "../../transport/failure.ts";
import { decodeHello, encodeHello } from "../../transport/hello.ts";
import { TransportError } from "../../transport/index.ts";
import { helloOf } from "../conformance/caller.ts";

const roundTrip = (error: unknown): TransportError => decodeFailure(encodeFailure(error));

test("an error of the callee keeps its own code through any number of nodes", () => {
  const original = Object.assign(new Error("busy"), {
    code: "KBZ_BUSY",
    outcome: "none",
    retryable: true,
  });
  const once = roundTrip(original);
  const twice = roundTrip(once);
  for (const error of [once, twice]) {
    assert.equal(error.code, "KBZ_REMOTE");
    assert.equal(error.outcome, "none");
    assert.deepEqual(error.remote, {
      code: "KBZ_BUSY",
      message: "busy",
      outcome: "none",
      retryable: true,
    });
  }
});

test("an error of the transport keeps its code, and is told apart from a local one", () => {
  const error = roundTrip(new TransportError("KBZ_TIMEOUT", "too late", { outcome: "unknown" }));
  assert.equal(`${error.code} ${error.outcome} ${error.retryable}`, "KBZ_TIMEOUT unknown true");
  assert.equal(error.remote?.message, "too late");
});

test("anything thrown becomes a failure; a code that is none of ours is not passed on", () => {
  const thrown = [new Error("x"), Object.assign(new Error("x"), { code: "ENOENT" }), "x", null];
  for (const one of thrown) assert.equal(roundTrip(one).code, "KBZ_REMOTE");
  assert.ok(encodeFailure(new Error("y".repeat(100_000))).length < 3000);
});

test("bytes that are no failure or hello are refused with a typed error", () => {
  const json = fc.json().map((text) => new TextEncoder().encode(text));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), json), (bytes) => {
      for (const decode of [decodeFailure, decodeHello]) {
        assert.throws(() => decode(bytes), { name: "TransportError", code: "KBZ_MALFORMED" });
      }
    }),
  );
});

test("a hello is read as it was said, and refused with any field wrong", () => {
  const hello = helloOf("a");
  assert.deepEqual(decodeHello(encodeHello(hello, "bulk")).hello, hello);
  const client = { republic: null, node: null, version: "1" };
  assert.deepEqual(decodeHello(encodeHello(client, null)).hello, client);
  const wrong = [
    { ...hello, republic: 7 },
    { ...hello, version: "x".repeat(600) },
    { ...hello, node: { id: "a", cookie: "c", starts: -1, url: "memory:a" } },
    { ...hello, node: { id: "a", cookie: "c", starts: 1.5, url: "memory:a" } },
    { ...hello, node: { id: 1, cookie: "c", starts: 1, url: "memory:a" } },
    { ...hello, node: { id: "a", cookie: "c", starts: 1 } },
    { ...hello, node: [] },
  ];
  for (const one of wrong) {
    const bytes = new TextEncoder().encode(JSON.stringify({ protocol: "kibitzer", ...one }));
    assert.throws(() => decodeHello(bytes), { code: "KBZ_MALFORMED" });
  }
});

/** Endpoints are read and written alike, and a pause between two attempts stays bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatEndpoint, parseEndpoint, TransportError } from "../../transport/index.ts";
import { backOffMs } from "../../transport/back-off.ts";

test("endpoints of every kind are read, and written as they were", () => {
  assert.deepEqual(parseEndpoint("ws://127.0.0.1:7700"), {
    kind: "ws",
    host: "127.0.0.1",
    port: 7700,
  });
  assert.deepEqual(parseEndpoint("ws://h:80/"), { kind: "ws", host: "h", port: 80 });
  assert.deepEqual(parseEndpoint("wss://h:80"), { kind: "wss", host: "h", port: 80 });
  assert.deepEqual(parseEndpoint("tls://[::1]:0"), { kind: "tls", host: "::1", port: 0 });
  assert.deepEqual(parseEndpoint("tcp://[::1]:0"), { kind: "tcp", host: "::1", port: 0 });
  assert.deepEqual(parseEndpoint("unix:/tmp/a b"), { kind: "unix", path: "/tmp/a b" });
  for (const url of ["ws://a.b-c:1", "tcp://[::1]:65535", "unix:relative/x.sock"]) {
    assert.equal(formatEndpoint(parseEndpoint(url)), url);
  }
});

const refused = (url: string, found: RegExp): void => {
  assert.throws(
    () => parseEndpoint(url),
    (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "KBZ_ENDPOINT");
      assert.match(error.message, found);
      return true;
    },
  );
};

test("everything else is refused by name", () => {
  refused("wss://h", /port is missing/);
  refused("https://h:1", /answer HTTP at ws:\/\/ and wss:/);
  refused("http://h:1", /answer HTTP at ws:/);
  refused("h:1", /scheme is unknown/);
  refused("ws://h", /port is missing/);
  refused("ws://[::1]", /port is missing/);
  refused("ws://h:x", /host or its port is invalid/);
  refused("ws://:1", /host is missing/);
  refused("ws://h:65536", /at most 65535/);
  refused("ws://h:1/path", /has a path/);
  refused("ws://user@h:1", /user's name/);
  refused("tcp://[::zz]:1", /host/);
  refused("unix:", /path is invalid/);
  refused("unix:a\0b", /path is invalid/);
  refused(`unix:/${"x".repeat(200)}`, /at most 103 bytes/);
  refused(`ws://${"x".repeat(2000)}:1`, /too long/);
});

test("no text makes the parser fail in another way", () => {
  const prefix = fc.constantFrom("", "ws://", "tcp://", "unix:", "ws://[", "tcp://h:");
  fc.assert(
    fc.property(prefix, fc.string({ unit: "binary" }), (start, rest) => {
      try {
        const endpoint = parseEndpoint(start + rest);
        assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
      } catch (error) {
        assert.ok(error instanceof TransportError, String(error));
      }
    }),
  );
});

test("the back-off doubles up to its bound, with jitter in its upper half", () => {
  const range = { min: 20, max: 1000 };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, fraction) => {
        const ms = backOffMs(failures, fraction, range);
        const ceiling = Math.min(1000, 20 * 2 ** (failures - 1));
        assert.ok(ms >= ceiling / 2 && ms <= ceiling, `${ms} of ${ceiling}`);
      },
    ),
  );
  assert.equal(backOffMs(1, 0, range), 10);
  assert.equal(backOffMs(40, 0.5, range), 750);
});

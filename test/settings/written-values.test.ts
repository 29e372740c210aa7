/** What stands behind an option is understood or refused; never guessed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidArgumentError } from "commander";
import {
  parseDuration,
  parseEndpoints,
  parseProperty,
  parseSeats,
  parseSwitch,
  parseWhole,
} from "../../src/settings/written-values.ts";
import { isHere } from "../../src/access/exposure.ts";

test("durations have a unit", () => {
  assert.equal(parseDuration("250ms"), 250);
  assert.equal(parseDuration("30s"), 30_000);
  assert.equal(parseDuration("1.5m"), 90_000);
  assert.equal(parseDuration("2h"), 7_200_000);
  for (const wrong of ["30", "", "s", "-1s", "1d", "1 s", "0ms", "1e9h", "99999h"]) {
    assert.throws(() => parseDuration(wrong), InvalidArgumentError, wrong);
  }
});

test("whole numbers stay within their bounds", () => {
  const parse = parseWhole(1, 5);
  assert.equal(parse("5"), 5);
  for (const wrong of ["0", "6", "1.0", "0x1", "", " 1", "-1", "NaN"]) {
    assert.throws(() => parse(wrong), InvalidArgumentError, wrong);
  }
});

test("seats are odd in number", () => {
  assert.equal(parseSeats("7"), 7);
  for (const wrong of ["0", "4", "-1", "x"]) {
    assert.throws(() => parseSeats(wrong), InvalidArgumentError, wrong);
  }
});

test("endpoints are a list, and repeating adds to it", () => {
  assert.deepEqual(parseEndpoints("ws://a:1, tcp://b:2", undefined), ["ws://a:1", "tcp://b:2"]);
  assert.deepEqual(parseEndpoints("unix:/tmp/x", ["ws://a:1"]), ["ws://a:1", "unix:/tmp/x"]);
  for (const wrong of ["", "a:1", "http://a:1", "ws://", "ws://a:1,", "wss://a", "tls://"]) {
    assert.throws(() => parseEndpoints(wrong, undefined), InvalidArgumentError, wrong);
  }
});

test("a property keeps what stands behind its first equals sign", () => {
  assert.deepEqual(parseProperty("zone=eu=1", { a: "b" }), { a: "b", zone: "eu=1" });
  assert.throws(() => parseProperty("=x", undefined), InvalidArgumentError);
  assert.throws(() => parseProperty("x", undefined), InvalidArgumentError);
});

test("a switch in the environment says yes or no", () => {
  assert.equal(parseSwitch("TRUE"), true);
  assert.equal(parseSwitch("0"), false);
  assert.throws(() => parseSwitch("maybe"), InvalidArgumentError);
});

test("only this computer's addresses are loopback", () => {
  for (const near of [
    "ws://127.0.0.1:1",
    "tcp://localhost:1",
    "ws://[::1]:1",
    "unix:/x",
    "tcp://127.9.9.9:1",
    "ws://[::ffff:127.0.0.1]:1",
    "tcp://[::FFFF:7f00:1]:1",
    "tcp://LOCALHOST:1",
  ]) {
    assert.equal(isHere(near), true, near);
  }
  for (const far of [
    "ws://0.0.0.0:1",
    "ws://10.0.0.1:1",
    "tcp://127.0.0.1.example.org:1",
    "ws://[::ffff:10.0.0.1]:1",
    "ws://[::]:1",
  ]) {
    assert.equal(isHere(far), false, far);
  }
});

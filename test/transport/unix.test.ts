/** Unix sockets pass the suite of all transports, and never remove what belongs to somebody. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { createTransport } from "../../transport/index.ts";
import type { Callee } from "../../transport/index.ts";
import { callerConformance, helloOf, parcelOptions } from "../conformance/caller.ts";
import type { Parcel } from "../conformance/caller.ts";
import { placesConformance } from "../conformance/places.ts";
import { freshSocketPath, makeSocketHarness } from "./socket-harness.ts";

callerConformance("unix", () => Promise.resolve(makeSocketHarness("unix")));
placesConformance("unix", () => Promise.resolve(makeSocketHarness("unix")));

const callee: Callee<Parcel, Parcel> = {
  hello: () => helloOf("b"),
  answer: (request) => Promise.resolve(request),
  hear: () => undefined,
};

test("a socket that a killed process left behind is taken over", async () => {
  const path = freshSocketPath();
  const script = `require("node:net").createServer()
  .listen(process.argv[1], () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", script, path]);
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  assert.ok(existsSync(path));

  const listener = await createTransport(parcelOptions).listen(`unix:${path}`, callee);
  await using caller = createTransport(parcelOptions).connect(`unix:${path}`, {
    hello: () => helloOf("a"),
    fraction: () => 0,
  });
  const request = { verb: "x", body: new Uint8Array(0) };
  assert.equal((await caller.call(request, { lane: "bulk", timeoutMs: 5000 })).verb, "x");
  await listener[Symbol.asyncDispose]();
  assert.equal(existsSync(path), false);
});

test("a file that is no socket is left alone", async () => {
  const path = freshSocketPath();
  writeFileSync(path, "precious");
  const listening = createTransport(parcelOptions).listen(`unix:${path}`, callee);
  await assert.rejects(listening, { code: "KBZ_ADDRESS" });
  assert.equal(readFileSync(path, "utf8"), "precious");
  rmSync(path);
});

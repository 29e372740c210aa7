/** TCP keeps what every Caller and Callee promises, also of what is told too early. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTransport } from "../../transport/index.ts";
import { callerConformance, helloOf, parcelOptions } from "../conformance/caller.ts";
import { placesConformance } from "../conformance/places.ts";
import { makeSocketHarness } from "./socket-harness.ts";

callerConformance("tcp", () => Promise.resolve(makeSocketHarness("tcp")));
placesConformance("tcp", () => Promise.resolve(makeSocketHarness("tcp")));

test("some of what is told while the connection is made is heard once it is there", async () => {
  const transport = createTransport(parcelOptions);
  const heard: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await using listener = await transport.listen("tcp://127.0.0.1:0", {
    hello: () => helloOf("b"),
    answer: (request) => Promise.resolve(request),
    hear: ({ verb }) => {
      heard.push(verb);
      if (verb === "t15") resolve();
    },
  });
  await using caller = transport.connect(listener.url, {
    hello: () => helloOf("a"),
    fraction: () => 0.5,
  });
  const large = { verb: "large", body: new Uint8Array(4096) };
  assert.equal(caller.tell(large, "bulk"), false);
  const body = new Uint8Array(0);
  const told = Array.from({ length: 17 }, (_, at) => caller.tell({ verb: `t${at}`, body }, "bulk"));
  assert.deepEqual(told, [...Array.from({ length: 16 }, () => true), false]);
  await promise;
  assert.deepEqual(
    heard,
    told.slice(0, 16).map((_, at) => `t${at}`),
  );
});

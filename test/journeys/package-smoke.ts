/**
 * Goes through each door of the installed package, and prints a line a door. package.journey.ts
 * runs it where nothing but the package is installed, on each Node.js that is supported.
 */
import assert from "node:assert/strict";
import { Kibitzer, KibitzerError } from "kibitzer";
import { KibitzerClient } from "kibitzer/client";
import { Legislator, limits, majorityOf } from "kibitzer/consensus";
import { Kv, KvMachine } from "kibitzer/kv";
import { checkStateMachine } from "kibitzer/simulations";
import { parseEndpoint } from "kibitzer/transport";

const listen = ["ws://127.0.0.1:0"];
const directory = "data/smoke";
const node = await Kibitzer.open({ id: "a", directory, listen, machine: new KvMachine() });
await node.bootstrap("smoke");
await assert.rejects(node.publish(new Uint8Array(2 * limits.entryBytesMax)), KibitzerError);
console.log("kibitzer");

const client = await KibitzerClient.connect([node.url]);
const { index } = await client.publish("hello");
for await (const entry of client.entries({ from: index, to: index })) {
  assert.equal(entry.text(), "hello");
}
console.log("kibitzer/client");

const kv = new Kv(client);
const lock = await kv.lock("job", { ttlMs: 10_000 });
await kv.put("done", "yes", { fence: lock.fence });
await lock.release();
await assert.rejects(kv.put("done", "no", { fence: lock.fence }), { code: "KBZ_CONFLICT" });
await client.close();
await node.stop();
console.log("kibitzer/kv");

assert.equal(majorityOf(5), 3);
assert.equal(typeof Legislator, "function");
console.log("kibitzer/consensus");

assert.equal(parseEndpoint("ws://127.0.0.1:7700").kind, "ws");
console.log("kibitzer/transport");

const report = await checkStateMachine(() => new KvMachine(), { seeds: 1, seconds: 1 });
assert.equal(report.problem, null);
console.log("kibitzer/simulations");

/** A start that fails fixes nothing: the next one may be told otherwise. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Kibitzer } from "../../src/kibitzer.ts";
import { readRecord } from "../../src/storage/directory.ts";
import { nodeFiles } from "../../src/storage/node-files.ts";
import { Scratch } from "../settings/scratch.ts";

test("a first start at a taken port names no node, and a later one moves none", async (context) => {
  const server = createServer().listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const taken = [`ws://127.0.0.1:${address.port}`];
  const free = ["ws://127.0.0.1:0"];
  const directory = join(new Scratch(context).path, "d");
  await assert.rejects(Kibitzer.open({ directory, id: "wrong", listen: taken }), {
    code: "KBZ_ADDRESS",
  });
  assert.equal(await readRecord(nodeFiles(), directory), null);
  {
    await using node = await Kibitzer.open({ directory, id: "a", listen: free });
    await node.bootstrap("r");
  }
  await assert.rejects(Kibitzer.open({ directory, listen: taken }), { code: "KBZ_ADDRESS" });
  await using again = await Kibitzer.open({ directory });
  assert.deepEqual([again.id, again.republic?.name], ["a", "r"]);
  assert.deepEqual((await readRecord(nodeFiles(), directory))?.listen, free);
});

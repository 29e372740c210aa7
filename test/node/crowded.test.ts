/** A real republic whose nodes are full of clients: members come back, and keep their quorum. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checksumOf } from "../../src/codec/known-checksums.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { responseCodec } from "../../src/codec/response-codec.ts";
import { Kibitzer, KibitzerClient } from "../../src/index.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { protocol } from "../../src/version.ts";
import { createTransport } from "../../transport/index.ts";
import { eventually } from "../processes/kit.ts";

/** Room for four clients at each node, where eight want it. */
const connectionsMax = 8;
const clientsEach = 8;
const codecs = { requestCodec, responseCodec, checksum: checksumOf };

async function open(home: string, id: string, listen?: readonly string[]): Promise<Kibitzer> {
  const network = createTransport({ ...codecs, protocol, limits: { connectionsMax } });
  return await Kibitzer.open({
    id,
    directory: join(home, id),
    ...(listen === undefined ? {} : { listen }),
    record: false,
    timing: { pingMs: 15, silenceMs: 300, stallMs: 2000 },
    world: { ...nodeWorld(), network },
  });
}

/** Whether clients have all places at `node`: a further one finds none. */
async function isFull(node: Kibitzer): Promise<boolean> {
  try {
    await (await KibitzerClient.connect([node.url], { timeoutMs: 500 })).close();
    return false;
  } catch (error) {
    assert.match(String(error), /all 8 connections for clients are taken/);
    return true;
  }
}

test("a member comes back where clients have all places, and the quorum with it", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "kibitzer-crowded-"));
  const opened: AsyncDisposable[] = [];
  const keep = <Kept extends AsyncDisposable>(kept: Kept): Kept => {
    opened.push(kept);
    return kept;
  };
  const over = new AbortController();
  t.after(async () => {
    over.abort();
    await Promise.all(opened.map(async (each) => await each[Symbol.asyncDispose]()));
    await rm(home, { recursive: true, force: true });
  });
  const listen = ["ws://127.0.0.1:0"];
  const a = keep(await open(home, "a", listen));
  const b = keep(await open(home, "b", listen));
  const first = keep(await open(home, "c", listen));
  await a.bootstrap("crowded");
  for (const node of [b, first]) await node.join("crowded", a.url);
  await eventually("three seats", async () =>
    (await a.status()).government?.parliament.length === 3 ? true : null,
  );
  const { url } = first;
  for (const node of [a, b, first]) {
    for (let count = 0; count < clientsEach; count += 1) {
      // Who finds no place tries on until the test is over.
      KibitzerClient.connect([node.url], { timeoutMs: 60_000, signal: over.signal }).then(
        (client) => keep(client),
        () => undefined,
      );
    }
  }
  for (const node of [a, b, first])
    await eventually("clients have all places", async () => ((await isFull(node)) ? true : null));

  await first.stop();
  await a.publish("while it is away");
  const again = keep(await open(home, "c", [url]));
  await again.ready({ signal: AbortSignal.timeout(8000) });
  await b.stop();
  assert.equal((await a.publish("with its vote")).index, 2);
});

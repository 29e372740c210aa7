/** As whom those count who are asked for what is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "../../src/codec/crc32.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { responseCodec } from "../../src/codec/response-codec.ts";
import { silent } from "../../src/logger.ts";
import { PeerSources, strangersAt } from "../../src/repair/peer-sources.ts";
import type { Request, Response } from "../../src/requests.ts";
import { MemoryNetwork, type Hello } from "../../transport/index.ts";

const republic = "0123456789abcdef";

function helloOf(id: string, cookie: string): Hello {
  const node = { id, cookie, starts: 1, url: `memory:${id}` };
  return { republic, node, version: "0" };
}

async function listen(
  network: MemoryNetwork<Request, Response>,
  url: string,
  hello: Hello,
): Promise<void> {
  const nothing = { decided: 9, length: 9, snapshot: 0, damaged: [], decrees: [] };
  await network.transport(url.slice("memory:".length)).listen(url, {
    hello: () => hello,
    hear: () => undefined,
    answer: async (request) => {
      assert.equal(request.method, "repair");
      return await Promise.resolve({ kind: "records", slotLast: request.slotLast, ...nothing });
    },
  });
}

test("who has moved counts as itself, and nobody counts as another in its old place", async () => {
  const timing = {
    soon: (callback: () => void) => queueMicrotask(callback),
    after: (ms: number, callback: () => void) => {
      const timer = setTimeout(callback, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
  const network = new MemoryNetwork<Request, Response>({
    requestCodec,
    responseCodec,
    checksum: crc32,
    timing,
  });
  const known = ["b", "c", "d"].map((id) => {
    return { id, url: `memory:${id}`, cookie: id.repeat(16), properties: {} };
  });
  await listen(network, "memory:b", helloOf("b", "b".repeat(16)));
  await listen(network, "memory:c", helloOf("c", "0".repeat(16)));
  await listen(network, "memory:d-moved", helloOf("d", "d".repeat(16)));
  await using sources = new PeerSources({
    world: {
      network: network.transport("a"),
      chance: { fraction: () => 0.5, hex16: () => republic },
    },
    logger: silent,
    hello: () => helloOf("a", "a".repeat(16)),
  });
  const members = known.filter(({ id }) => id !== "d");
  const asked = sources.of([...members, ...strangersAt(["memory:d-moved"])]);
  const stranger = await Promise.all(asked.map(async (each) => await each.ask(range)));
  assert.deepEqual(stranger.map(by), ["b", "memory:c", "memory:d-moved"], "d is no member");
  const all = sources.of([...members, ...strangersAt(["memory:d-moved"]), ...known.slice(2)]);
  const first = await Promise.all(all.slice(0, 3).map(async (each) => await each.ask(range)));
  assert.deepEqual(first.map(by), ["b", "memory:c", "d"]);
});

const range = { first: 1, last: 3 };

function by(answer: { readonly by: string } | null): string | null {
  return answer?.by ?? null;
}

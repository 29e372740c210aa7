/** A real node against callers that say what no node of ours would: it refuses, and goes on. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Report } from "../../consensus/index.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import { nodeNetwork } from "../../src/system/node-network.ts";
import type { Request, Response } from "../../src/requests.ts";
import type { Caller, Hello } from "../../transport/index.ts";

const listen = ["tcp://127.0.0.1:0"];

async function inDirectory(act: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "kibitzer-hostile-"));
  try {
    await act(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A republic of one, and a caller that says of itself what it likes. */
async function visit(
  node: Hello["node"],
  act: (kibitzer: Kibitzer, caller: Caller<Request, Response>) => Promise<void>,
): Promise<void> {
  await inDirectory(async (directory) => {
    await using kibitzer = await Kibitzer.open({ directory, id: "a", listen });
    await kibitzer.bootstrap("r");
    await kibitzer.publish("before");
    await using caller = nodeNetwork().connect(kibitzer.url, {
      hello: () => ({ republic: kibitzer.republic?.identity ?? null, node, version: "0" }),
      fraction: () => 0,
    });
    await act(kibitzer, caller);
    assert.equal((await kibitzer.publish("after")).index, 2);
  });
}

const nobody = { government: 0, round: 0, id: "" };
const report: Report = {
  government: 1,
  promised: nobody,
  accepted: nobody,
  length: 0,
  decided: 0,
  stateHash: "0000000000000000",
  leading: null,
  quorumConnected: true,
  timely: true,
  hasRoom: true,
  hearsFit: null,
  chooses: null,
  starts: 1,
};

describe("a node goes on", () => {
  for (const [id, cookie, url] of [
    ["Not An Id", "0123456789abcdef", "tcp://127.0.0.1:9"],
    ["b", "not a cookie", "tcp://127.0.0.1:9"],
    ["b", "0123456789abcdef", "rubbish"],
    ["a", "0123456789abcdef", "tcp://127.0.0.1:0"],
  ] as const) {
    test(`after a message of ${id} with cookie ${cookie} at ${url}`, async () => {
      await visit({ id, cookie, starts: 1, url }, async (_kibitzer, caller) => {
        const message = { kind: "ping", round: 1, report, answer: null } as const;
        await caller.call(
          { method: "receive", message, bodies: [] },
          { lane: "control", timeoutMs: 2_000 },
        );
      });
    });
  }

  for (const url of ["rubbish", "tcp://127.0.0.1:0", "memory:nowhere"]) {
    test(`after the immigration of a node at ${url}, and when it is opened again`, async () => {
      await visit(null, async (kibitzer, caller) => {
        const citizen = { id: "b", cookie: "0123456789abcdef", url, properties: {} };
        const request = { method: "immigrate", republic: null, citizen, hops: 0 } as const;
        await caller.call(request, { lane: "control", timeoutMs: 2_000 }).catch(() => undefined);
        const { members } = await kibitzer.status();
        assert.ok(members.every((member) => member.id === "a" || url.startsWith("memory:")));
      });
    });
  }
});

describe("what could not be read back is refused", () => {
  test("properties that are too large, or no endpoint at all", async () => {
    await inDirectory(async (directory) => {
      await using kibitzer = await Kibitzer.open({ directory, id: "a", listen });
      const zone = "x".repeat(5000);
      await assert.rejects(kibitzer.bootstrap("r", { zone }), { code: "KBZ_ARGUMENT" });
      await kibitzer.bootstrap("r", { zone: "eu" });
    });
    await inDirectory(async (directory) => {
      await using kibitzer = await Kibitzer.open({ directory, id: "a" });
      await assert.rejects(kibitzer.bootstrap("r"), { code: "KBZ_ENDPOINT" });
    });
  });
});

describe("calls at the wrong time", () => {
  test("a republic that was joined is not founded again, though nothing was learned", async () => {
    await inDirectory(async (directory) => {
      const { files, chance } = nodeWorld();
      const republic = { name: "r", identity: "0123456789abcdef" };
      const joined = await DataDirectory.open({ files, chance, path: directory, id: "a", listen });
      await joined.belongTo(republic, []);
      await joined[Symbol.asyncDispose]();
      await using kibitzer = await Kibitzer.open({ directory });
      await assert.rejects(kibitzer.bootstrap("r"), { code: "KBZ_BOOTSTRAPPED" });
    });
  });

  test("a republic is not founded by a closed node, whose directory may be another's", async () => {
    await inDirectory(async (directory) => {
      const kibitzer = await Kibitzer.open({ directory, id: "a", listen });
      await kibitzer.close();
      await assert.rejects(kibitzer.bootstrap("r"), { code: "KBZ_CLOSED" });
      await using again = await Kibitzer.open({ directory, listen });
      await again.bootstrap("other");
    });
  });

  test("two calls of bootstrap at once found one republic", async () => {
    await inDirectory(async (directory) => {
      await using kibitzer = await Kibitzer.open({ directory, id: "a", listen });
      const both = await Promise.allSettled([kibitzer.bootstrap("r"), kibitzer.bootstrap("r")]);
      assert.ok(both.some(({ status }) => status === "fulfilled"));
      await kibitzer.publish("x");
    });
  });
});

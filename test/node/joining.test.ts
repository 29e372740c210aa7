/** What a node that joins tells of it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Kibitzer } from "../../src/index.ts";
import { silent, type Logger } from "../../src/logger.ts";
import { nodeNetwork } from "../../src/system/node-network.ts";

test("who asks to be admitted is told once it is", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "kibitz-join-"));
  const listen = [`unix:${join(home, "a.socket")}`];
  const a = await Kibitzer.open({ id: "a", directory: join(home, "a"), listen, record: false });
  const caller = nodeNetwork().connect(a.url, {
    hello: () => ({ republic: null, node: null, version: "0" }),
    fraction: () => 0,
  });
  t.after(async () => {
    await caller[Symbol.asyncDispose]();
    await a.close();
    rmSync(home, { recursive: true });
  });
  await a.bootstrap("r");
  const citizen = { id: "b", cookie: "0123456789abcdef", url: "unix:/nowhere", properties: {} };
  const request = { method: "immigrate", republic: null, citizen, hops: 0 } as const;
  const response = await caller.call(request, { lane: "control", timeoutMs: 5_000 });
  assert.equal(response.kind, "admitted");
});

test("an ordinary join is quiet", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "kibitz-join-"));
  const lines: string[] = [];
  const log = (_: unknown, message: string): void => void lines.push(message);
  const logger: Logger = { ...silent, info: log, warn: log, error: log, fatal: log };
  const open = async (id: string): Promise<Kibitzer> => {
    const listen = [`unix:${join(home, `${id}.socket`)}`];
    return await Kibitzer.open({
      id,
      directory: join(home, id),
      listen,
      record: false,
      logger: id === "b" ? logger : silent,
    });
  };
  const [a, b] = [await open("a"), await open("b")];
  t.after(async () => {
    await Promise.all([a.close(), b.close()]);
    rmSync(home, { recursive: true });
  });
  await a.bootstrap("quiet");
  await b.join("quiet", a.url);
  assert.deepEqual(lines, []);
});

/** What a node that still repairs its journal answers over HTTP, and whom it gives a WebSocket. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Gate } from "../../src/access/gate.ts";
import { noSecurity } from "../../src/access/security.ts";
import { silent } from "../../src/logger.ts";
import { RepairCallee } from "../../src/repair/repair-callee.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { openJournal } from "../storage/samples.ts";
import { problemOf } from "./node.ts";

/** Whether a WebSocket is given to a page of `origin`, or to who is none. */
async function isGiven(url: string, origin?: string): Promise<boolean> {
  const webSocket = new WebSocket(url, origin === undefined ? {} : { origin });
  return await new Promise((resolve) => {
    webSocket.on("open", () => {
      webSocket.terminate();
      resolve(true);
    });
    webSocket.on("unexpected-response", (_, { statusCode }) => {
      assert.equal(statusCode, 403);
      webSocket.terminate();
      resolve(false);
    });
    webSocket.on("error", () => undefined);
  });
}

test("a node that repairs its journal answers probes, else problems, no foreign page", async () => {
  const files = new MemoryFiles();
  const { journal } = await openJournal(files);
  const hello = { republic: null, node: null, version: "" };
  const snapshots = new SnapshotFiles(files, "/data");
  const refused = Promise.withResolvers<string>();
  const note = ({ error }: { readonly error: Error }): void => refused.resolve(error.message);
  const callee = new RepairCallee({ journal, snapshots, hello: () => hello }, { note });
  const { clock, network } = nodeWorld();
  const access = noSecurity.access(clock, null);
  const gate = new Gate({ service: callee, http: callee, access, logger: silent, clock });
  await using listener = await network.listen("ws://127.0.0.1:0", gate);
  assert.equal(await isGiven(listener.url), true);
  assert.equal(await isGiven(listener.url, "http://localhost:3000"), true);
  assert.equal(await isGiven(listener.url, "http://evil.example"), false);
  const asked = `${listener.url.replace("ws:", "http:")}/readyz`;
  const answer = await fetch(asked);
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /it repairs its journal: it asks the other members/);
  const turnedAway = await fetch(asked.replace("/readyz", "/v1/entries"), { method: "POST" });
  assert.equal(turnedAway.headers.get("content-type"), "application/problem+json");
  assert.deepEqual(await problemOf(turnedAway), [503, "KBZ_BUSY", true, "none"]);
  const stranger = connect(Number(new URL(listener.url).port), "127.0.0.1");
  stranger.on("error", () => undefined).write("SSH-2.0-stranger\r\n");
  assert.match(await refused.promise, /Wanted a hello of .*, got text, "SSH-2.0-stranger"/);
  stranger.destroy();
  await journal.close();
});

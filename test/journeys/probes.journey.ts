/**
 * Probes of real processes: a node that waits in a long repair, has no quorum, or catches up lives
 * and is not ready; one whose event loop stands still answers nothing, which is what kills it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KibitzerClient } from "../../src/index.ts";
import { Cluster } from "../processes/cluster.ts";
import { eventually, Kit } from "../processes/kit.ts";

const text = "an entry that is damaged";
const probeMs = 1_000;

/** Changes a letter of the entry wherever the journal has it. */
function damage(data: string): void {
  const journal = join(data, "journal");
  for (const name of readdirSync(journal).filter((name) => name.startsWith("segment-"))) {
    const bytes = readFileSync(join(journal, name));
    for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) {
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    }
    writeFileSync(join(journal, name), bytes);
  }
}

test("P16 probes never kill a healthy node: with real processes", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const [id = "", ...others] = cluster.ids;
  const url = cluster.node(id).url.replace("ws://", "http://");
  const told = async (path: string): Promise<readonly [number, string]> => {
    const signal = AbortSignal.timeout(probeMs);
    const response = await fetch(`${url}${path}`, { signal });
    return [response.status, await response.text()];
  };
  const status = async (path: string): Promise<number> => (await told(path))[0];
  await using client = await KibitzerClient.connect([cluster.node(id).url]);
  await client.publish(text);
  await cluster.whole();
  assert.equal(await status("/readyz"), 200);

  for (const other of others) await cluster.kill(other);
  await eventually("no leader", async () => ((await status("/readyz")) === 503 ? true : null));
  assert.match((await told("/readyz"))[1], /\[-\]leader failed/);
  assert.deepEqual(await told("/livez"), [200, "ok\n"]);

  await cluster.kill(id);
  damage(cluster.node(id).data);
  const repairing = cluster.startNode(id);
  await eventually("it answers", async () => await status("/livez"));
  await eventually("it repairs", async () => {
    return /repairs its journal/.test((await told("/startupz"))[1]) ? true : null;
  });
  assert.equal(await status("/startupz"), 503);
  assert.equal(await status("/readyz"), 503);
  assert.deepEqual(await told("/livez"), [200, "ok\n"]);

  for (const other of others) cluster.startNode(other);
  await repairing.untilEvent("ready");
  await eventually("ready", async () => ((await status("/readyz")) === 200 ? true : null));
  assert.equal(await status("/startupz"), 200);

  repairing.signal("SIGSTOP");
  await assert.rejects(status("/livez"), { name: "TimeoutError" });
  repairing.signal("SIGCONT");
  await eventually("it goes on", async () => ((await status("/livez")) === 200 ? true : null));
});

/** Old and doubled directories of real processes: whoever knows better says so, and none votes. */
import assert from "node:assert/strict";
import { cpSync, renameSync, rmSync } from "node:fs";
import { test } from "node:test";
import { KibitzerClient } from "../../src/client.ts";
import { Cluster } from "./cluster.ts";
import { eventually, freePorts, Kit } from "./kit.ts";

const conflict = 5;
async function publish(cluster: Cluster, count: number): Promise<void> {
  await using client = await KibitzerClient.connect([cluster.node(await cluster.leader()).url]);
  for (let entry = 0; entry < count; entry += 1) await client.publish(`entry ${entry}`);
}

async function followers(cluster: Cluster): Promise<readonly [string, string]> {
  const leader = await cluster.leader();
  const [one, other] = cluster.ids.filter((id) => id !== leader);
  assert.ok(one !== undefined && other !== undefined);
  return [one, other];
}

test("P6 an old backup of a directory, put back, is noticed, and does not vote", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const [old, other] = await followers(cluster);
  const { data } = cluster.node(old);
  await cluster.kill(old, "SIGTERM");
  cpSync(data, `${data}.old`, { recursive: true });
  await cluster.restart(old);
  await cluster.whole();
  // Without the other follower nothing is decided but with votes that the copy knows nothing of.
  await cluster.kill(other);
  await publish(cluster, 20);
  await cluster.kill(old, "SIGTERM");
  rmSync(data, { recursive: true });
  renameSync(`${data}.old`, data);
  const child = cluster.startNode(old);
  assert.equal((await child.ended()).code, conflict, child.stderr);
  assert.match(child.stderr, /KBZ_STALE_DISK/);
  assert.match(child.stderr, new RegExp(`"kibitz member exile ${old}"`), "it says what to do");
  await cluster.restart(other);
  await publish(cluster, 20);
});

test("P6 a copy of a running node, started at another endpoint, is noticed", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const [copied] = await followers(cluster);
  const { data } = cluster.node(copied);
  await cluster.kill(copied);
  cpSync(data, `${data}.copy`, { recursive: true });
  await cluster.restart(copied);
  const elsewhere = `ws://127.0.0.1:${await freePorts(1)}`;
  const args = ["start", "--data", `${data}.copy`, "--listen", elsewhere, "--moved", "--json"];
  const copy = kit.start([...args, "--until-stdin-ends"]);
  const original = cluster.child(copied);
  await eventually("somebody notices", async () => {
    const said = copy.stderr + original.stderr;
    return await Promise.resolve(/KBZ_STALE_DISK|"event":"elsewhere"/.test(said) ? said : null);
  });
  await publish(cluster, 20);
});

/**
 * All nodes of a cluster are restarted by SIGTERM, one after the other, round after round, while
 * clients publish and read without a rest: whether any call fails or anything acknowledged is
 * missing, and how long clients waited. ROUNDS=20 for a long one, NODES=5 for a larger cluster.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../processes/cluster.ts";
import { Kit } from "../processes/kit.ts";
import { quantile, SteadyLoad, type Pause } from "../processes/steady-load.ts";

const rounds = Number(process.env["ROUNDS"] ?? 3);
const count = Number(process.env["NODES"] ?? 3);

interface Restart extends Pause {
  readonly wasLeader: boolean;
}

/** As an operator does it: the next node is told to stop once all are there again. */
async function restartAll(cluster: Cluster, load: SteadyLoad): Promise<readonly Restart[]> {
  const restarts: Restart[] = [];
  for (const id of cluster.ids) {
    const { government } = await cluster.whole();
    load.takePause();
    const exit = await cluster.kill(id, "SIGTERM");
    assert.deepEqual(exit, { code: 0, signal: null }, `${id} stops in order`);
    await cluster.restart(id);
    await cluster.whole();
    restarts.push({ wasLeader: government.leader === id, ...load.takePause() });
  }
  return restarts;
}

function textOf(pauses: readonly number[]): string {
  const [median, p99, worst] = [0.5, 0.99, 1].map((share) => Math.round(quantile(pauses, share)));
  return `p50 ${median} ms, p99 ${p99} ms, at worst ${worst} ms`;
}

test("P17 all nodes restart one after the other under load: no call fails", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count });
  await using load = await SteadyLoad.on(cluster.nodes.map(({ url }) => url));
  const restarts: Restart[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    restarts.push(...(await restartAll(cluster, load)));
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.acknowledged > 100 * rounds && load.barriers > 100 * rounds, "there was a load");
  const { decided } = await cluster.whole();
  assert.equal(decided.index, load.acknowledged, "what was acknowledged, and nothing twice");
  const leaders = restarts.filter(({ wasLeader }) => wasLeader);
  assert.ok(leaders.length >= rounds, "each round restarts who leads");

  t.diagnostic(`${rounds} rounds: ${restarts.length} restarts, ${leaders.length} of who led`);
  t.diagnostic(`${load.acknowledged} entries acknowledged, ${load.barriers} barriers, 0 failed`);
  t.diagnostic(`writes paused for ${textOf(restarts.map(({ writeMs }) => writeMs))}`);
  t.diagnostic(`where who led stops: ${textOf(leaders.map(({ writeMs }) => writeMs))}`);
  t.diagnostic(`reads paused for ${textOf(restarts.map(({ readMs }) => readMs))}`);
});

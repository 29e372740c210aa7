/** Restarts all nodes of a cluster, one after the other, as an operator does: by SIGTERM. */
import assert from "node:assert/strict";
import type { Cluster } from "./cluster.ts";
import type { Pause, SteadyLoad } from "./steady-load.ts";

export interface Restart extends Pause {
  readonly id: string;
  readonly wasLeader: boolean;
}

/** The next node is told to stop once all are there again. */
export async function restartAll(cluster: Cluster, load: SteadyLoad): Promise<readonly Restart[]> {
  const restarts: Restart[] = [];
  for (const id of cluster.ids) {
    const { government } = await cluster.whole();
    load.takePause();
    const exit = await cluster.kill(id, "SIGTERM");
    assert.equal(exit.code, 0, `${id} stops in order`);
    await cluster.restart(id);
    await cluster.whole();
    restarts.push({ id, wasLeader: government.leader === id, ...load.takePause() });
  }
  return restarts;
}

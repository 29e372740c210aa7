/**
 * The loss of power, for some nodes at one moment: they stand still while their disks are copied,
 * and go on from the copies. What was not made durable is gone.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Scene } from "./scene.ts";

/** Leaves them stopped. */
export async function cutPower(scene: Scene, ids: readonly string[]): Promise<void> {
  for (const id of ids) scene.cluster.child(id).signal("SIGSTOP");
  const before = ids.map((id) => recordedBytes(scene, id));
  await Promise.all(ids.map((id) => scene.image(id).copy()));
  await Promise.all(ids.map((id) => scene.cluster.kill(id)));
  await Promise.all(ids.map((id) => scene.image(id).useCopy()));
  const after = ids.map((id) => recordedBytes(scene, id));
  const lost = before.filter((bytes, position) => bytes > (after[position] ?? 0));
  scene.fired("disks that lost what was not synced", lost.length);
}

/** Recordings are never synced: what a loss of power takes is seen there. */
function recordedBytes(scene: Scene, id: string): number {
  const recording = join(scene.cluster.node(id).data, "recording");
  const sizes = readdirSync(recording).map((name) => statSync(join(recording, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

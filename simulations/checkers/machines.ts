/**
 * S1, S5: what the state machines of nodes have made of one log. One that is not deterministic has
 * to be found out by the others, and to stop.
 */
import type { SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { second, type Simulator } from "../simulator.ts";

const strayMax = 30 * second;

/** Whoever has strayed, and is heard by a majority of others, stops. */
export async function checkStrays(
  simulator: Simulator,
  core: readonly SimulatedNode[],
): Promise<void> {
  const strays = core.filter(({ machine, life }) => life !== null && machine?.hasStrayed === true);
  const lives = strays.map(({ life }) => life);
  const areGone = (): boolean => lives.every((life) => life === null || !life.alive);
  if (await simulator.run(simulator.now + strayMax, areGone)) return;
  const ids = strays.map(({ id }) => id).join(" ");
  throw new Violation("S1", `the state machine of ${ids} strays, and nobody stops it`);
}

/** Equal logs, equal machines: after a barrier on each, with nothing under way. */
export function checkMachines(core: readonly SimulatedNode[]): void {
  let first: { readonly id: string; readonly bytes: Buffer } | null = null;
  for (const { id, machine } of core) {
    if (machine === null) continue;
    const bytes = Buffer.concat([...machine.snapshot()]);
    first ??= { id, bytes };
    if (first.bytes.equals(bytes)) continue;
    throw new Violation("S1", `the state machine of ${id} is not that of ${first.id}`);
  }
}

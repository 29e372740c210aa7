/** With which errors a node may stop: after what was done to it, or because of its machine. */
import { KibitzerError } from "../src/kibitzer-error.ts";
import type { SimulatedNode } from "./cluster.ts";

/** The code of an error with which `node` may stop, or null. */
export function pardoned({ disk, pardons }: SimulatedNode, error: unknown): string | null {
  if (!(error instanceof KibitzerError)) return null;
  const { code } = error;
  // D4: what others can repair is no reason to stop.
  const { isSuspect, mustSurvive } = disk.wounds;
  const isPardoned = pardons.has(code) || (code === "KBZ_DAMAGED" && isSuspect && !mustSurvive);
  return isPardoned ? code : null;
}

/**
 * Its state machine is not that of the others, and it was told; started again, it has another. Or
 * so many have strayed that nobody can have a majority.
 */
export function isStray(
  nodes: readonly SimulatedNode[],
  { machine }: SimulatedNode,
  error: unknown,
): boolean {
  const hasDiverged = error instanceof KibitzerError && error.code === "KBZ_MACHINE_DIVERGED";
  if (!hasDiverged || machine === null) return false;
  return machine.hasStrayed || nodes.filter(({ machine: one }) => one?.hasStrayed).length > 1;
}

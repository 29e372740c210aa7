/** Names for what seeds may draw, so that a search can keep to the runs that it is about. */
import { Prng } from "../prng.ts";
import { drawSwarm } from "./drawn-swarm.ts";
import type { Swarm } from "./swarm.ts";

export type DrawName =
  "clone" | "damage" | "machine" | "recover" | "restore" | "retention" | "versions";

const tests: Readonly<Record<DrawName, (swarm: Swarm) => boolean>> = {
  clone: ({ folders }) => folders?.kinds.includes("clone") ?? false,
  damage: ({ damage, atlas }) => damage !== null && atlas.victims.length > 0,
  machine: ({ machine }) => machine !== null,
  recover: ({ worstDay }) => worstDay === "recover",
  restore: ({ worstDay }) => worstDay === "restore",
  retention: ({ snapshots }) => snapshots.retainBytes !== null,
  versions: ({ mixesVersions }) => mixesVersions,
};

export const drawNames: readonly string[] = Object.keys(tests);

export function isDrawName(name: string): name is DrawName {
  return Object.hasOwn(tests, name);
}

/** Whether a run of this seed has it; not that anything comes of it. */
export function seedDraws(seed: number, name: DrawName): boolean {
  return tests[name](swarmOf(seed));
}

/** What an ordinary run of this seed draws. */
export function swarmOf(seed: number): Swarm {
  return drawSwarm(new Prng(seed).fork("swarm"));
}

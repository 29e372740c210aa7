/** The world of a node that runs on a real machine. */
import type { NetworkCredentials } from "./network-credentials.ts";
import { nodeNetwork } from "./node-network.ts";
import { nodeFiles } from "../storage/node-files.ts";
import { systemChance } from "./system-chance.ts";
import { systemClock } from "./system-clock.ts";
import { systemNames } from "./system-names.ts";
import type { World } from "../world.ts";

export function nodeWorld(shown: NetworkCredentials | null = null): World {
  return {
    files: nodeFiles(),
    clock: systemClock(),
    chance: systemChance(),
    network: nodeNetwork(shown),
    names: systemNames(),
  };
}

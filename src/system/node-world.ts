/** The world of a node that runs on a real machine. */
import { nodeNetwork } from "./node-network.ts";
import { nodeFiles } from "../storage/node-files.ts";
import { systemChance } from "./system-chance.ts";
import { systemClock } from "./system-clock.ts";
import type { World } from "../world.ts";

export function nodeWorld(): World {
  return {
    files: nodeFiles(),
    clock: systemClock(),
    chance: systemChance(),
    network: nodeNetwork(),
  };
}

/** A simulated node before its first life. */
import type { SimulatedNode } from "./cluster.ts";
import type { SimulatedDisk } from "./disk/disk.ts";
import { nothingTold } from "./told.ts";

export function newNode(id: string, disk: SimulatedDisk, isIn: boolean): SimulatedNode {
  return {
    id,
    disk,
    life: null,
    kibitzer: null,
    lives: 0,
    moves: 0,
    powerLosses: 0,
    isIn,
    joins: id !== "a",
    wasReady: false,
    isReplaced: false,
    isLost: false,
    pardons: new Set(),
    refusal: null,
    mustNotServe: null,
    machine: null,
    mustStop: false,
    told: nothingTold(),
  };
}

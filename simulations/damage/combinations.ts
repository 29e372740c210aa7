/**
 * Every combination of damage of a few entries on three nodes (PAR's table, G8): while each entry
 * has an intact copy all of it comes back on all nodes; with none left every node says so.
 */
import type { SimulatedNode } from "../cluster.ts";
import type { DiskImage } from "../disk/disk.ts";
import { second } from "../simulator.ts";
import { company, stoppedDisks, textsAt, type Company } from "./stage.ts";
import { woundText } from "./wounded-text.ts";

export interface Combination {
  /** Bit `3 * entry + node` is set where that copy is damaged. */
  readonly mask: number;
  readonly result: "whole" | "stopped";
}

const nodesCount = 3;
const entriesCount = 4;
export const combinationsCount: number = 2 ** (nodesCount * entriesCount);
const outcomeMax = 40 * second;

/** Plays combinations of damage on the disks of one and the same story. */
export class Combinations {
  readonly #texts: readonly string[];
  readonly #disks: readonly DiskImage[];

  readonly #isCut: boolean;

  private constructor(texts: readonly string[], disks: readonly DiskImage[], isCut: boolean) {
    this.#texts = texts;
    this.#disks = disks;
    this.#isCut = isCut;
  }

  /** @param isCut Of nodes with snapshots, behind which the entries are. */
  static async prepare(isCut = false): Promise<Combinations> {
    const texts = Array.from({ length: entriesCount }, (_, at) => `entry ${at} of the table`);
    return new Combinations(texts, await stoppedDisks(texts, { isCut }), isCut);
  }

  /** @throws when a node shows anything else than what was published, or comes to no end. */
  async play(mask: number): Promise<Combination> {
    const stage = company(`combination ${mask}`, this.#isCut);
    const { cluster, simulator, refusals } = stage;
    for (const [position, node] of cluster.nodes.entries()) {
      node.disk.restore(this.#disks[position] ?? new Map());
      this.#damage(node, position, mask);
    }
    for (const node of cluster.nodes) cluster.start(node);
    const isOver = (): boolean =>
      cluster.ready().length === nodesCount || refusals.size === nodesCount;
    const isDone = await simulator.run(simulator.now + outcomeMax, isOver);
    if (!isDone) throw new Error(`combination ${mask} comes to no end: ${told(stage)}`);
    const isHopeless = this.#texts.some((_, entry) => ((mask >> (3 * entry)) & 7) === 7);
    if (isHopeless !== refusals.size > 0) throw new Error(`combination ${mask}: ${told(stage)}`);
    if (isHopeless) {
      const named = [...refusals.values()].every((code) => code === "KBZ_DAMAGED");
      if (!named) throw new Error(`combination ${mask} stops by another name: ${told(stage)}`);
      return { mask, result: "stopped" };
    }
    for (const node of cluster.nodes) {
      const found = await textsAt(stage, node);
      const expected = this.#isCut ? found.slice(-entriesCount) : found;
      if (JSON.stringify(expected) === JSON.stringify(this.#texts)) continue;
      throw new Error(`combination ${mask}: ${node.id} shows ${JSON.stringify(found)}`);
    }
    return { mask, result: "whole" };
  }

  #damage({ disk }: SimulatedNode, position: number, mask: number): void {
    for (const [entry, text] of this.#texts.entries()) {
      if (((mask >> (3 * entry + position)) & 1) === 0) continue;
      woundText(disk, text);
    }
  }
}

function told({ cluster, refusals }: Company): string {
  const ready = cluster.ready().map(({ id }) => id);
  const refused = [...refusals].map(([id, code]) => `${id} ${code}`);
  return `ready: ${ready.join(" ")}; refused: ${refused.join(", ")}`;
}

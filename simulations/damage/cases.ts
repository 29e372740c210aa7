/**
 * Drawn cases of damage (PAR's random sets, G8): entries damaged on some disks, files beside the
 * log damaged in one copy or both, a node that lags behind, processes that were killed, and one
 * that starts late. What must come of a case is told from its draws alone.
 */
import type { SimulatedNode } from "../cluster.ts";
import type { DiskImage } from "../disk/disk.ts";
import { wound } from "../disk/disk-damage.ts";
import { Prng } from "../prng.ts";
import { second } from "../simulator.ts";
import { company, stoppedDisks, textsAt, type Company, type Ending } from "./stage.ts";
import { woundText } from "./wounded-text.ts";

/** Files that are there twice. */
const pairs = [
  ["data/node", "data/node-2"],
  ["data/promise-1", "data/promise-2"],
  ["data/journal/manifest", "data/journal/manifest-2"],
] as const;

/** What is done to the disks of three nodes, by position. */
export interface DamageCase extends Ending {
  /** Positions of nodes on which the copy of an entry is damaged, by entry. */
  readonly entries: readonly ReadonlySet<number>[];
  /** Small files: flipped or removed. */
  readonly files: readonly {
    readonly position: number;
    readonly path: string;
    readonly isGone: boolean;
  }[];
  /** The position of a node that starts late; null for none. */
  readonly late: number | null;
}

export type CaseResult =
  /** All nodes that can start show everything. */
  | "whole"
  /** An entry has no copy left, or too few nodes can start: all say so, or wait for those. */
  | "stopped";

const nodesCount = 3;
const entriesCount = 4;
const lateBy = 3 * second;
const outcomeMax = 60 * second;
/** Whoever stops since a slot is gone answers others for so long. */
const settlingMicros = 5 * second;
const positions: readonly number[] = Array.from({ length: nodesCount }, (_, position) => position);

export class DamageCases {
  readonly #texts: readonly string[];
  readonly #disks: ReadonlyMap<string, readonly DiskImage[]>;

  private constructor(texts: readonly string[], disks: ReadonlyMap<string, readonly DiskImage[]>) {
    this.#texts = texts;
    this.#disks = disks;
  }

  static async prepare(): Promise<DamageCases> {
    const texts = Array.from({ length: entriesCount }, (_, at) => `entry ${at} of the case`);
    const disks = new Map<string, readonly DiskImage[]>();
    for (const laggard of [null, ...positions]) {
      for (const isKilled of [false, true]) {
        disks.set(keyOf({ laggard, isKilled }), await stoppedDisks(texts, { laggard, isKilled }));
      }
    }
    return new DamageCases(texts, disks);
  }

  /** @throws when a node shows anything else than was published, or comes to another end. */
  async play(drawn: DamageCase): Promise<CaseResult> {
    const stage = company("case");
    const { cluster, simulator } = stage;
    const disks = this.#disks.get(keyOf(drawn)) ?? [];
    for (const [position, node] of cluster.nodes.entries()) {
      node.disk.restore(disks[position] ?? new Map());
      this.#damage(node, position, drawn);
    }
    for (const [position, node] of cluster.nodes.entries()) {
      if (position !== drawn.late) cluster.start(node);
      else simulator.after(lateBy, () => cluster.start(node));
    }
    const { able, hopeless } = fateOf(drawn);
    const mustServe = hopeless.size === 0 && able.length * 2 > nodesCount;
    if (mustServe) await this.#demandWhole(stage, able);
    else await this.#demandStopped(stage, hopeless);
    for (const [position, { id }] of cluster.nodes.entries()) {
      if (able.includes(position) || stage.refusals.get(id) === "KBZ_DAMAGED") continue;
      throw new Error(`${id} has lost both copies of a file, and does not say so: ${told(stage)}`);
    }
    return mustServe ? "whole" : "stopped";
  }

  async #demandWhole(stage: Company, able: readonly number[]): Promise<void> {
    const { cluster, simulator } = stage;
    const nodes = able.flatMap((position) => cluster.nodes[position] ?? []);
    const areReady = (): boolean => nodes.every(({ kibitzer }) => kibitzer !== null);
    const isDone = await simulator.run(simulator.now + outcomeMax, areReady);
    if (!isDone) throw new Error(`not all that can serve do: ${told(stage)}`);
    for (const node of nodes) {
      const found = await textsAt(stage, node);
      if (JSON.stringify(found) === JSON.stringify(this.#texts)) continue;
      throw new Error(`${node.id} shows ${JSON.stringify(found)}`);
    }
    await simulator.run(simulator.now + settlingMicros);
  }

  async #demandStopped(stage: Company, hopeless: ReadonlySet<number>): Promise<void> {
    const { cluster, simulator, refusals } = stage;
    const isSettled = ({ id, kibitzer, told: { waitsFor } }: SimulatedNode): boolean =>
      kibitzer !== null || waitsFor !== null || refusals.has(id);
    const areSettled = (): boolean => cluster.nodes.every(isSettled);
    await simulator.run(simulator.now + lateBy + second);
    const isDone = await simulator.run(simulator.now + outcomeMax, areSettled);
    if (!isDone) throw new Error(`it comes to no end: ${told(stage)}`);
    await simulator.run(simulator.now + settlingMicros);
    const open = cluster.ready();
    if (open.length * 2 > nodesCount) throw new Error(`too many go on: ${told(stage)}`);
    for (const [position, node] of cluster.nodes.entries()) {
      if (hopeless.has(position) && node.kibitzer !== null) {
        throw new Error(`${node.id} goes on without what it has lost: ${told(stage)}`);
      }
      const code = refusals.get(node.id) ?? "KBZ_DAMAGED";
      if (code !== "KBZ_DAMAGED") throw new Error(`${node.id} stops by another name: ${code}`);
    }
    for (const node of open) {
      const found = await textsAt(stage, node, "own");
      if (found.every((text, at) => text === this.#texts[at])) continue;
      throw new Error(`${node.id} shows ${JSON.stringify(found)}`);
    }
  }

  #damage(node: SimulatedNode, position: number, { entries, files, laggard }: DamageCase): void {
    const { disk } = node;
    for (const [entry, text] of this.#texts.entries()) {
      if (entries[entry]?.has(position) !== true || lacks(position, entry, laggard)) continue;
      woundText(disk, text);
    }
    for (const { path, isGone } of files.filter((each) => each.position === position)) {
      const file = disk.find(path);
      if (isGone) {
        disk.directories.lose(path);
        disk.wounds.lose(path);
      } else wound(disk, { path, file }, flippedAt, flipped(disk.peek(path)));
    }
    // It may be that nobody has another copy.
    if (disk.wounds.isSuspect) disk.wounds.suspect();
  }
}

/** Draws one case; the same seed draws the same. */
export function drawCase(seed: number | string): DamageCase {
  const prng = new Prng(`case ${seed}`);
  const probability = prng.pick([0, 0.15, 0.4, 0.7]);
  const entries = Array.from({ length: entriesCount }, () => {
    return new Set(positions.filter(() => prng.chance(probability)));
  });
  const isBeside = prng.chance(0.5);
  const files = positions.flatMap((position) => {
    if (!isBeside || prng.chance(0.5)) return [];
    const pair = prng.pick(pairs);
    const paths = prng.chance(0.3) ? pair : [prng.pick(pair)];
    return paths.map((path) => ({ position, path, isGone: prng.chance(0.3) }));
  });
  return {
    laggard: prng.chance(0.5) ? prng.pick(positions) : null,
    isKilled: prng.chance(0.5),
    entries,
    files,
    late: prng.chance(0.4) ? prng.pick(positions) : null,
  };
}

/** Who can start at all, and who of them has lost an entry of which no copy can be had. */
export function fateOf({ entries, files, laggard }: DamageCase): {
  readonly able: readonly number[];
  readonly hopeless: ReadonlySet<number>;
} {
  const isLost = (position: number, path: string): boolean =>
    files.some((each) => each.position === position && each.path === path);
  const able = positions.filter((position) => {
    return !pairs.some((pair) => pair.every((path) => isLost(position, path)));
  });
  const hopeless = new Set<number>();
  for (const [entry, damagedOn] of entries.entries()) {
    const holders = able.filter((position) => !lacks(position, entry, laggard));
    if (holders.some((position) => !damagedOn.has(position))) continue;
    for (const position of holders) hopeless.add(position);
  }
  return { able, hopeless };
}

/** Whether an entry was published while the node was away. */
function lacks(position: number, entry: number, laggard: number | null): boolean {
  return position === laggard && entry >= entriesCount / 2;
}

function keyOf({ laggard, isKilled }: Ending): string {
  return `${laggard} ${isKilled}`;
}

/** Within the document of a small file: its first line names a version, which is no damage. */
const flippedAt = 50;

function flipped(bytes: Uint8Array | null): Uint8Array {
  return Uint8Array.of((bytes?.[flippedAt] ?? 0) ^ 4);
}

function told({ cluster, refusals }: Company): string {
  const nodes = cluster.nodes.map(({ id, kibitzer, told: { waitsFor } }) => {
    if (kibitzer !== null) return `${id} serves`;
    return `${id} ${refusals.get(id) ?? waitsFor ?? "is on its way"}`;
  });
  return nodes.join("; ");
}

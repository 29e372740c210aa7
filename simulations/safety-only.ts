/**
 * The end of a run that leaves what the product promises (H5): entries are damaged on nearly all of
 * the disks, or on all. While each has an intact copy the nodes repair each other (D4). Of one that
 * has none every node says so, and none shows anything else than was decided (D7).
 */
import { isRead } from "./disk/wounds.ts";
import type { Agreement, Standing } from "./checkers/agreement.ts";
import { isDamaged } from "./atlas.ts";
import { listedOn } from "./checkers/snapshots.ts";
import type { Cluster, SimulatedNode } from "./cluster.ts";
import { Violation } from "./core/violation.ts";
import { isUsedSegment, wound } from "./disk/disk-damage.ts";
import type { Prng } from "./prng.ts";
import { second, type Simulator } from "./simulator.ts";

export interface SafetyOnlyParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
}

/** Which nodes had the entry of an index, and have it no more. */
type Hits = Map<number, readonly SimulatedNode[]>;

const noticedMax = 20 * second;
/** How much of an entry's text names it. */
const nameLength = 16;
const entriesTried = 12;

/** What was struck, and the entry of which nobody has a copy any more. */
export interface Struck {
  readonly nodes: readonly SimulatedNode[];
  readonly gone: number | null;
}

/** @throws {Violation} when nobody has a copy of an entry, and a node does not say so. */
export async function damageMajority(parts: SafetyOnlyParts): Promise<Struck> {
  const { simulator, prng, cluster } = parts;
  const nodes = cluster.nodes.filter(({ isIn, wasReady, isReplaced, mustNotServe }) => {
    return isIn && wasReady && !isReplaced && mustNotServe === null;
  });
  const areSound = cluster.nodes.every(({ isIn, disk }) => !isIn || !disk.wounds.isSuspect);
  const areAll = cluster.nodes.every((node) => !node.isIn || nodes.includes(node));
  for (const node of nodes) cluster.crash(node, null);
  // K10: on all but one, which differs from entry to entry; K11: on all of them.
  const isHelical = nodes.length > 2 && prng.chance(0.5);
  const hits: Hits = new Map();
  const done = isHelical ? helical(parts, nodes, hits) : everywhere(parts, nodes, hits);
  const damaged = nodes.filter(isDamaged);
  if (damaged.length > 0) {
    simulator.trace.fault(isHelical ? "K10" : "K11", `${done} on ${damaged.length} disks`);
  }
  for (const node of nodes) cluster.start(node);
  const gone = goneEntry(parts);
  if (gone === null) {
    if (areSound && areAll) await demandRepair(parts, nodes);
    return { nodes, gone };
  }
  const robbed = hits.get(gone) ?? [];
  await simulator.run(simulator.now + noticedMax, () => robbed.every(hasSaidSo));
  for (const { id } of robbed.filter((node) => !hasSaidSo(node))) {
    throw new Violation("D4", `${id} has lost index ${gone}, and has not said so`);
  }
  return { nodes, gone };
}

function isOver({ kibitzer, refusal }: SimulatedNode): boolean {
  return kibitzer !== null || refusal !== null;
}

/** D4: nothing was wrong before, and each entry is whole somewhere. */
async function demandRepair(
  { simulator }: SafetyOnlyParts,
  nodes: readonly SimulatedNode[],
): Promise<void> {
  await simulator.run(simulator.now + noticedMax, () => nodes.every(isOver));
  for (const { id, kibitzer, refusal, told } of nodes) {
    if (kibitzer !== null) continue;
    const state = refusal ?? told.waitsFor ?? "it is on its way";
    throw new Violation("D4", `${id} does not serve, though all is whole somewhere: ${state}`);
  }
  simulator.trace.mark("calm.repaired");
}

/** It has stopped, or waits for a member that may still have what it lacks. */
function hasSaidSo({ refusal, told }: SimulatedNode): boolean {
  return refusal === "KBZ_DAMAGED" || told.waitsFor !== null;
}

/** An entry that stands on no disk any more, or null. */
function goneEntry({ cluster, agreement }: SafetyOnlyParts): number | null {
  const logs = cluster.nodes.flatMap(({ disk }) => {
    return disk.directories
      .files()
      .filter(([path]) => path.includes("/segment-"))
      .map(([, file]) => {
        const bytes = Buffer.alloc(file.size);
        file.read(bytes, 0);
        return bytes;
      });
  });
  const covered = coveredSlot(cluster);
  for (let index = 1; index <= agreement.indexLast; index += 1) {
    const standing = agreement.at(index);
    if (standing === undefined || standing.slot <= covered) continue;
    const name = standing.text.slice(0, nameLength);
    if (!logs.some((bytes) => bytes.includes(name))) return index;
  }
  return null;
}

/** Up to here a snapshot of some node stands for the entries, which may be gone from every log. */
function coveredSlot({ nodes }: Cluster): number {
  const slots = nodes.flatMap(({ disk }) => listedOn(disk)?.starts.map(({ slot }) => slot) ?? []);
  return Math.max(0, ...slots);
}

function everywhere(parts: SafetyOnlyParts, nodes: readonly SimulatedNode[], hits: Hits): string {
  for (const standing of candidates(parts)) {
    const struck = nodes.filter((node) => flipEntry(parts.prng, node, standing));
    hits.set(standing.index, struck);
    if (struck.length === nodes.length) return `index ${standing.index}`;
  }
  return "several entries";
}

function helical(parts: SafetyOnlyParts, nodes: readonly SimulatedNode[], hits: Hits): string {
  // Of two in one batch neither would be whole anywhere.
  const slots = new Map(candidates(parts).map((standing) => [standing.slot, standing]));
  const struck = [...slots.values()].slice(0, nodes.length);
  for (const [number, standing] of struck.entries()) {
    const others = nodes.filter((_, position) => position !== number % nodes.length);
    hits.set(
      standing.index,
      others.filter((node) => flipEntry(parts.prng, node, standing)),
    );
  }
  return `indexes ${struck.map(({ index }) => index).join(" ")}`;
}

function candidates({ agreement, cluster, prng }: SafetyOnlyParts): readonly Standing[] {
  const all = Array.from({ length: agreement.indexLast }, (_, at) => agreement.at(at + 1));
  const covered = coveredSlot(cluster);
  const known = all.filter((standing) => standing !== undefined);
  return prng
    .shuffle(known.slice(-200).filter(({ slot }) => slot > covered))
    .slice(0, entriesTried);
}

/** Flips a bit of the entry, where a later sync proves that it was synced. */
export function flipEntry(prng: Prng, { disk }: SimulatedNode, { text }: Standing): boolean {
  const name = Buffer.from(text.slice(0, nameLength));
  for (const [path, file] of disk.directories.files()) {
    // What is before the newest snapshot is not read at a start: nobody would notice yet.
    if (!isUsedSegment(disk, { path, file }) || !isRead(disk.directories, path)) continue;
    const bytes = Buffer.alloc(file.settled);
    file.read(bytes, 0);
    const at = bytes.indexOf(name);
    if (at < 0) continue;
    const flipped = Uint8Array.of((bytes[at] ?? 0) ^ (1 << prng.integer(0, 7)));
    if (!wound(disk, { path, file }, at, flipped)) continue;
    // Beyond what is promised: there may be no copy elsewhere.
    disk.wounds.suspect();
    return true;
  }
  return false;
}

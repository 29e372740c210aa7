/**
 * Three nodes that found a republic, publish a few entries and stop in order: their disks are what
 * damage is then done to, again and again. Injects nothing itself.
 */
import { calmSwarm } from "../swarm/calm-swarm.ts";
import { textsOf } from "../readable.ts";
import { Cluster, type SimulatedNode } from "../cluster.ts";
import type { DiskImage } from "../disk/disk.ts";
import { Prng } from "../prng.ts";
import { second, Simulator } from "../simulator.ts";
import type { Swarm } from "../swarm/swarm.ts";

const damageSwarm: Swarm = {
  ...calmSwarm,
  // The first segment of a life; the next ones have four times as much, 64 KiB.
  segmentBytes: 16_384,
  clocks: { wallSpreadMs: 0, drift: 0, steps: null, freezes: null },
};

/** The same, with snapshots, behind which the log is cut. */
const cutSwarm: Swarm = {
  ...damageSwarm,
  segmentBytes: 8_192,
  snapshots: { bytes: 8_000, slots: 250_000, retainBytes: 0 },
};

/** Entries that are in snapshots, and gone from the log, before those that matter. */
const cutTexts = Array.from({ length: 16 }, (_, at) => `${at} `.padEnd(2500, "gone"));

const startMax = 60 * second;

/** A cluster, and what became of its nodes. */
export interface Company {
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  /** Codes of errors with which nodes have refused to go on, by id. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** @param isCut Whether they make snapshots, and cut the log off behind. */
export function company(seed: string, isCut = false): Company {
  const simulator = new Simulator();
  const refusals = new Map<string, string>();
  const cluster = new Cluster(simulator, new Prng(seed), isCut ? cutSwarm : damageSwarm, {
    ready: () => undefined,
    down: () => undefined,
    refused: ({ id }, code) => refusals.set(id, code),
  });
  return { simulator, cluster, refusals };
}

/** How the nodes came to stop. */
export interface Ending {
  /** The position of a node that is down in the second life, and lacks what was published then. */
  readonly laggard: number | null;
  /** Whether the processes were killed, and have said no last word on their disks. */
  readonly isKilled: boolean;
}

interface Cut {
  /** Whether what was published in a life before these is gone, and snapshots stand for it. */
  readonly isCut: boolean;
}

/**
 * The disks of three nodes that have published `texts`, each half in a life of its own, and have
 * stopped.
 */
export async function stoppedDisks(
  texts: readonly string[],
  { laggard = null, isKilled = false, isCut = false }: Partial<Ending> & Partial<Cut> = {},
): Promise<readonly DiskImage[]> {
  const stage = company("stopped", isCut);
  const { cluster } = stage;
  if (isCut) {
    await live(stage, cluster.nodes, cutTexts);
    await stop(stage, cluster.nodes);
  }
  const half = Math.floor(texts.length / 2);
  await live(stage, cluster.nodes, texts.slice(0, half));
  await stop(stage, cluster.nodes);
  const others = cluster.nodes.filter((_, position) => position !== laggard);
  await live(stage, others, texts.slice(half));
  if (isKilled) for (const node of others) cluster.crash(node, null);
  else await stop(stage, others);
  return cluster.nodes.map(({ disk }) => disk.image());
}

async function live(
  { simulator, cluster }: Company,
  nodes: readonly SimulatedNode[],
  texts: readonly string[],
): Promise<void> {
  for (const node of nodes) cluster.start(node);
  await untilReady({ simulator, cluster }, nodes);
  for (const [at, text] of texts.entries()) {
    const node = nodes[at % nodes.length];
    if (node === undefined || node.kibitzer === null) throw new Error("a node is gone");
    await simulator.complete(node.kibitzer.publish(text), 10 * second);
    // Each in a group of its own, and known decided everywhere.
    await simulator.run(simulator.now + second / 5);
  }
}

async function stop(
  { simulator, cluster }: Company,
  nodes: readonly SimulatedNode[],
): Promise<void> {
  const closing = nodes.map(async (node) => await cluster.close(node, "close"));
  await simulator.complete(Promise.all(closing), 10 * second);
}

async function untilReady(
  { simulator, cluster }: Pick<Company, "simulator" | "cluster">,
  nodes: readonly SimulatedNode[],
): Promise<void> {
  const areReady = (): boolean => nodes.every((node) => cluster.ready().includes(node));
  if (await simulator.run(simulator.now + startMax, areReady)) return;
  throw new Error(`not ready in time: ${cluster.ready().length} of ${nodes.length}`);
}

/** All entries as a node shows them, from wherever its log begins: all decided, or its own. */
export async function textsAt(
  { simulator }: Company,
  node: SimulatedNode,
  how: "all" | "own" = "all",
): Promise<readonly string[]> {
  const { kibitzer } = node;
  if (kibitzer === null) return [];
  const read = async (): Promise<readonly string[]> => {
    if (how === "all") await kibitzer.barrier();
    return (await textsOf(kibitzer)).texts;
  };
  return await simulator.complete(read(), 20 * second);
}

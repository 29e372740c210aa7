/**
 * K20, exhaustively: one node of three is crashed before each single storage call of a short story,
 * while the others go on. It is started again, and every checker must be content.
 */
import type { SimulatedNode } from "./cluster.ts";
import { Simulation, type RunReport, type Stage } from "./simulation.ts";
import type { PowerLoss } from "./disk/simulated-file.ts";
import { millisecond } from "./simulator.ts";
import { calmSwarm } from "./swarm/calm-swarm.ts";
import type { Swarm } from "./swarm/swarm.ts";

export interface SweepCase {
  /** Whose storage calls, by its place. */
  readonly node: number;
  /** The call, counted from the first of its disk, that does not happen any more. */
  readonly call: number;
  /** Whether the machine goes down with the process, and loses all that was not synced. */
  readonly isPowerLoss: boolean;
}

/**
 * Small segments and frequent snapshots, so that within the story the journal goes on to others,
 * and its first ones go; whoever was down then is given a snapshot.
 */
const swarm: Swarm = {
  ...calmSwarm,
  timing: { pingMs: 50, silenceMs: 250, stallMs: 2000 },
  segmentBytes: 16_384,
  snapshots: { bytes: 8_000, slots: 6, retainBytes: 0 },
};
const nodes = swarm.nodes;
const power: PowerLoss = { survival: 0, torn: false, garbage: false };
const paddingBytes = 2500;

/** How many storage calls each node makes in the story when nothing goes wrong. */
export async function countCalls(): Promise<readonly number[]> {
  const counts: number[] = [];
  const { failure } = await new Simulation(1, { swarm }).perform(async (stage) => {
    await tell(stage);
    counts.push(...stage.cluster.nodes.map(({ disk }) => disk.operations));
  });
  if (failure !== null) throw new Error(`the story itself fails: ${failure.message}`);
  return counts;
}

/** All crashes, or each `every`th of them, so that all nodes and both kinds have their share. */
export async function sweepCases(every: number): Promise<readonly SweepCase[]> {
  const counts = await countCalls();
  const cases = counts.flatMap((count, node) => {
    return Array.from({ length: 2 * count }, (_, at) => {
      return { node, call: 1 + Math.floor(at / 2), isPowerLoss: at % 2 === 0 };
    });
  });
  return cases.filter((_, at) => at % every === 0);
}

/** Plays the story with one crash. Never throws: what breaks is in the report. */
export async function sweepOne({ node: at, call, isPowerLoss }: SweepCase): Promise<RunReport> {
  const simulation = new Simulation(1, { swarm });
  const { cluster, simulator } = simulation;
  const node = cluster.nodes[at];
  if (node === undefined || at >= nodes) throw new RangeError(`no node at ${at}`);
  node.disk.onOperation = (number) => {
    if (number < call) return;
    node.disk.onOperation = null;
    simulator.trace.fault("K20", `crash ${node.id} at its call ${number}`);
    cluster.crash(node, isPowerLoss ? power : null);
  };
  return await simulation.perform(tell);
}

/** Entries, a hand-over, a restart, a second segment, and barriers between. */
async function tell(stage: Stage): Promise<void> {
  const { cluster, clients } = stage;
  const [first, second] = cluster.nodes;
  await publish(stage);
  await handOver(stage, first);
  await publish(stage);
  if (second !== undefined) cluster.closeUnderLoad(second, "stop");
  for (let round = 0; round < 3; round += 1) await publish(stage);
  for (const node of cluster.nodes) clients.barrier(node);
  await wait(stage, 300);
}

async function publish(stage: Stage): Promise<void> {
  for (const node of stage.cluster.nodes) stage.clients.publish(node, paddingBytes);
  await wait(stage, 60);
}

/** Whatever becomes of it: the node that is asked may be the one that is down. */
async function handOver(stage: Stage, node: SimulatedNode | undefined): Promise<void> {
  const controller = new AbortController();
  node?.kibitzer?.transfer(null, { signal: controller.signal }).catch(() => undefined);
  await wait(stage, 60);
  controller.abort();
}

async function wait({ simulator }: Stage, ms: number): Promise<void> {
  await simulator.run(simulator.now + ms * millisecond);
}

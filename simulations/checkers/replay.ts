/**
 * Every node's recording, read back from its simulated disk once it is closed, replays to the very
 * outcomes that it recorded, and to the state that its cluster agreed on (R1, R5).
 */
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { replayRecording } from "../../src/recording/replay.ts";
import { dataDirectory, type Cluster, type SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { second, type Simulator } from "../simulator.ts";
import type { Agreement } from "./agreement.ts";
import { checkMemory, remembered, type Memory } from "./lives.ts";

const replayMax = 600 * second;
const recordingDirectory = `${dataDirectory}/recording`;

export interface ReplayParts {
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
}

/**
 * Each file begins with a checkpoint, so each is replayed by itself: one that a loss of power has
 * damaged, as nothing syncs a recording, does not keep the others from being checked.
 *
 * @returns how many inputs were replayed.
 */
export async function checkReplay(parts: ReplayParts): Promise<number> {
  let envelopes = 0;
  for (const node of parts.cluster.nodes) {
    const files = node.disk.paths().filter((path) => path.startsWith(`${recordingDirectory}/`));
    let before: Memory | null = null;
    for (const file of files.toSorted()) {
      const replayed = await replayFile(parts, node, file);
      envelopes += replayed ?? 0;
      before = replayed === null ? null : await checkLife(parts, node, { file, before });
    }
  }
  return envelopes;
}

/** @returns What the node knew at the end of the file. */
async function checkLife(
  { simulator }: ReplayParts,
  node: SimulatedNode,
  { file, before }: { readonly file: string; readonly before: Memory | null },
): Promise<Memory | null> {
  const life = simulator.begin(`reader of ${node.id}`);
  try {
    const reading = remembered(file, node.disk.mount(life));
    const memory = await simulator.complete(reading, replayMax);
    if (before !== null && memory !== null) checkMemory(node.id, before, memory.first);
    return memory?.last ?? null;
  } finally {
    life.end();
  }
}

async function replayFile(
  { simulator, agreement }: ReplayParts,
  node: SimulatedNode,
  file: string,
): Promise<number | null> {
  const life = simulator.begin(`reader of ${node.id}`);
  try {
    const files = node.disk.mount(life);
    const replayed = replayRecording(file, { files });
    const { envelopes, slot, hash } = await simulator.complete(replayed, replayMax);
    agreement.hash(`the replay of ${node.id}`, slot, hash);
    return envelopes;
  } catch (error) {
    if (!(error instanceof KibitzerError)) throw error;
    const isExpected = node.powerLosses > 0 || node.disk.wounds.isRecordingDamaged;
    if (error.code === "KBZ_DAMAGED" && isExpected) return null;
    throw new Violation("R1", `${node.id} ${file}: ${error.message}`);
  } finally {
    life.end();
  }
}

/**
 * Every node's recording, read back from its simulated disk once it is closed, replays to the very
 * outcomes that it recorded, and to the state that its cluster agreed on (R1, R5).
 */
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { replayRecording, type ReplayOptions } from "../../src/recording/replay.ts";
import { dataDirectory, type Cluster, type SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { second, type Simulator } from "../simulator.ts";
import { StepMarks } from "../step-marks.ts";
import type { Agreement } from "./agreement.ts";
import type { SnapshotWatch } from "./snapshots.ts";
import { checkMemory, LifeMemory, type Memory } from "./lives.ts";

const replayMax = 600 * second;
const recordingDirectory = `${dataDirectory}/recording`;

export interface ReplayParts {
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
  readonly snapshots: SnapshotWatch;
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
      const memory = new LifeMemory();
      const replayed = await replayFile(parts, { node, file, memory });
      envelopes += replayed ?? 0;
      if (before !== null && memory.first !== null) checkMemory(node.id, before, memory.first);
      before = replayed === null ? null : memory.last;
    }
  }
  return envelopes;
}

interface Recording {
  readonly node: SimulatedNode;
  readonly file: string;
  readonly memory: LifeMemory;
}

/** @returns How many inputs were replayed; null when the file is damaged, as it may be. */
async function replayFile(
  { simulator, agreement, snapshots }: ReplayParts,
  { node, file, memory }: Recording,
): Promise<number | null> {
  const life = simulator.begin(`reader of ${node.id}`);
  try {
    const files = node.disk.mount(life);
    const mark = marking(node.id, simulator);
    const onStep: ReplayOptions["onStep"] = (played, step, state) => {
      mark(played, step, state);
      memory.see(played, step, state);
      if (step.outcome === null || !("applied" in step.outcome)) return;
      for (const { decree } of step.outcome.applied) snapshots.applied(decree);
    };
    const replayed = replayRecording(file, { files, onStep });
    const { envelopes, slot, hash, complete } = await simulator.complete(replayed, replayMax);
    if (!complete) simulator.trace.mark("recording.cut");
    agreement.hash(`the replay of ${node.id}`, slot, hash);
    return envelopes;
  } catch (error) {
    if (!(error instanceof KibitzerError)) throw error;
    const isExpected = node.powerLosses > 0 || node.disk.wounds.isRecordingDamaged;
    if (error.code === "KBZ_DAMAGED" && isExpected) {
      simulator.trace.mark("recording.damaged");
      return null;
    }
    throw new Violation("R1", `${node.id} ${file}: ${error.message}`);
  } finally {
    life.end();
  }
}

/** H1: which branches the node has taken. */
function marking(id: string, { trace }: Simulator): NonNullable<ReplayOptions["onStep"]> {
  const marks = new StepMarks(id, (mark) => trace.mark(mark));
  return (played, { outcome }, { legislator }) => {
    if (outcome === null) return;
    if (played.target === "legislator" && "applied" in outcome) {
      marks.see(played.input, outcome, legislator);
    }
    if (played.target === "islander" && played.input.kind === "event" && "submit" in outcome) {
      if (outcome.submit.length > 0) trace.mark("islander.resubmits");
    }
  };
}

/**
 * Entries that rot on the disk of a node that runs, in a calm: whoever reads them there is served,
 * since others have them whole (D4).
 */
import type { Agreement } from "./checkers/agreement.ts";
import type { SimulatedNode } from "./cluster.ts";
import { Violation } from "./core/violation.ts";
import type { Prng } from "./prng.ts";
import { textsOf } from "./readable.ts";
import { flipEntry } from "./safety-only.ts";
import { second, type Simulator } from "./simulator.ts";

export interface RotParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly agreement: Agreement;
}

const entriesMax = 3;
const readingMax = 60 * second;

function isSound({ kibitzer, disk }: SimulatedNode): boolean {
  return kibitzer !== null && !disk.wounds.isSuspect;
}

/** @returns the indexes of the entries that were flipped. */
function letRot(
  { prng, agreement }: Pick<RotParts, "prng" | "agreement">,
  node: SimulatedNode,
): readonly number[] {
  const rotten: number[] = [];
  for (let count = 0; count < entriesMax; count += 1) {
    const standing = agreement.at(prng.integer(1, agreement.indexLast));
    if (standing !== undefined && flipEntry(prng, node, standing)) rotten.push(standing.index);
  }
  return rotten;
}

/** Whether each of these entries is there at some of the nodes: a snapshot may stand for it. */
async function holdAll(
  { simulator }: Pick<RotParts, "simulator">,
  nodes: readonly SimulatedNode[],
  indexes: readonly number[],
): Promise<boolean> {
  const begins: number[] = [];
  for (const { kibitzer } of nodes) {
    if (kibitzer === null) continue;
    begins.push((await simulator.complete(textsOf(kibitzer), readingMax)).first);
  }
  return indexes.every((index) => begins.some((first) => first <= index));
}

/** @throws {Violation} when a reader at one of the nodes is not given all entries. */
export async function checkRot(
  { simulator, prng, agreement }: RotParts,
  core: readonly SimulatedNode[],
): Promise<void> {
  if (core.length < 2 || !core.every(isSound) || agreement.indexLast === 0) return;
  const node = prng.pick(core);
  const { id, kibitzer } = node;
  const rotten = letRot({ prng, agreement }, node);
  if (kibitzer === null || rotten.length === 0) return;
  simulator.trace.fault("K5", `indexes ${rotten.join(" ")} rot at ${id}`);
  const reading = simulator.complete(textsOf(kibitzer), readingMax);
  const readable = await reading.catch(async (error: unknown) => {
    const others = core.filter((other) => other !== node);
    if (!(await holdAll({ simulator }, others, rotten))) return null;
    throw new Violation("D4", `${id} does not give what others hold: ${String(error)}`);
  });
  if (readable === null) return;
  const { first, texts } = readable;
  // What was removed meanwhile is shown by nobody here.
  const shown = rotten.filter((index) => index >= first);
  for (const index of shown) {
    if (texts[index - first] === agreement.at(index)?.text) continue;
    throw new Violation("D7", `${id} shows another entry at index ${index}`);
  }
  simulator.trace.mark("repair.read");
}

/**
 * Tries a user's state machine: whether it depends on nothing but its entries, goes on from its
 * snapshots as if nothing had happened, and stays the same on all nodes of simulated clusters with
 * faults. What it draws depends on the seed only.
 */
import type { StateMachine } from "../../src/machine/state-machine.ts";
import { drawEntries, Rehearsal } from "./rehearsal.ts";
import { Prng } from "../prng.ts";
import { Simulation } from "../simulation.ts";
import { drawSwarm } from "../swarm/drawn-swarm.ts";
import { TranslatedMachine } from "./translated-machine.ts";

export interface StateMachineCheck {
  /** How many; default 20. */
  readonly seeds?: number;
  /** The first of them; default 1. */
  readonly from?: number;
  /** Entries for each seed; default 100. */
  readonly entries?: number;
  /** For how many of the seeds there is a simulated cluster; default 2. */
  readonly clusters?: number;
  /** Simulated seconds of faults for each of them; default 5. */
  readonly seconds?: number;
  /** Draws an entry that means something to the machine; default a few letters. */
  entry?(prng: Prng): Uint8Array | string;
}

export interface StateMachineProblem {
  /** Repeats it: `{ from: seed, seeds: 1 }`. */
  readonly seed: number;
  /** The entry at which it showed; null in a cluster. */
  readonly index: number | null;
  readonly message: string;
}

export interface StateMachineReport {
  readonly seeds: number;
  readonly entries: number;
  /** How often a machine went on from a snapshot of another one. */
  readonly restores: number;
  readonly clusters: number;
  readonly problem: StateMachineProblem | null;
}

/** @param make A new machine each time, in its first state. */
export async function checkStateMachine(
  make: () => StateMachine,
  options: StateMachineCheck = {},
): Promise<StateMachineReport> {
  const { seeds = 20, from = 1, entries = 100, clusters = 2, seconds = 5 } = options;
  const draw = (prng: Prng): Uint8Array | string => options.entry?.(prng) ?? someLetters(prng);
  const done = { seeds: 0, entries: 0, restores: 0, clusters: 0 };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const prng = new Prng(`state machine ${seed}`);
    const rehearsal = new Rehearsal(make, prng.fork("rehearsal"));
    const found = await rehearsal.run(drawEntries(prng.fork("entries"), entries, draw));
    done.seeds += 1;
    done.entries += rehearsal.applied;
    done.restores += rehearsal.restores;
    if (found !== null) return { ...done, problem: { seed, ...found } };
  }
  for (let seed = from; seed < from + Math.min(clusters, seeds); seed += 1) {
    const message = await inCluster(seed, seconds, () => new TranslatedMachine(make(), draw));
    done.clusters += 1;
    if (message !== null) return { ...done, problem: { seed, index: null, message } };
  }
  return { ...done, problem: null };
}

async function inCluster(
  seed: number,
  seconds: number,
  makeMachine: () => TranslatedMachine,
): Promise<string | null> {
  const swarm = drawSwarm(new Prng(seed).fork("swarm"));
  const machine = { operationChance: 0, readsPerSecond: 0, wayward: [] };
  const simulation = new Simulation(seed, { swarm: { ...swarm, machine }, makeMachine });
  const { failure } = await simulation.run(seconds);
  return failure === null ? null : `in a cluster: ${failure.invariant}: ${failure.message}`;
}

function someLetters(prng: Prng): string {
  const letters = Array.from({ length: prng.integer(1, 8) }, () => prng.pick(["a", "b", "c"]));
  return letters.join("");
}

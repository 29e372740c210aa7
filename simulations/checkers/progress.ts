/**
 * After the last fault: every node comes back, everything that somebody still waits for is decided,
 * and all nodes hold the same log and state, within a bounded time (L2, L5, L7, L10).
 */
import type { Atlas } from "../atlas.ts";
import type { Cluster, SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { millisecond, second, type Simulator } from "../simulator.ts";
import type { Clients } from "../workload.ts";
import type { Agreement } from "./agreement.ts";
import { transportLimits } from "../../transport/index.ts";
import type { Durability } from "./durability.ts";
import { checkMachines } from "./machines.ts";
import type { Governments } from "./governments.ts";

const settleMax = 90 * second;
const freshMax = 20 * second;
const closeMax = 30 * second;
/** Connections that were lost are made again, after which there are several rounds of pings. */
const reconnectedMax = (transportLimits.dialMs + transportLimits.backOffMsMax) * millisecond;

export interface ProgressParts {
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  readonly clients: Clients;
  /** Clients in processes of their own: they find a node of the core by themselves. */
  readonly names: readonly string[];
  readonly agreement: Agreement;
  readonly durability: Durability;
  readonly governments: Governments;
  readonly atlas: Pick<Atlas, "excuse">;
  /** What is done to the core once it has settled, and what must then hold; null: nothing. */
  readonly strike: ((core: Core) => Promise<void>) | null;
}

type Core = readonly SimulatedNode[];

/**
 * @param core The nodes that were healed.
 * @returns Why they could not converge, proved by the atlas (L7), or null: they did.
 * @throws {Violation} when they do not, though they could.
 */
export async function checkProgress(parts: ProgressParts, core: Core): Promise<string | null> {
  try {
    await converge(parts, core);
    return null;
  } catch (error) {
    const isStuck = error instanceof Violation && error.invariant === "L2";
    const excuse = isStuck ? parts.atlas.excuse(core) : null;
    if (excuse === null) throw error;
    return excuse;
  }
}

async function converge(parts: ProgressParts, core: Core): Promise<void> {
  const { simulator, clients, durability } = parts;
  const isIdle = (): boolean => !clients.isAwaitedAt(core, parts.names);
  // Whoever may be told that its disk is old is told as soon as links pass again, not later.
  await simulator.run(simulator.now + reconnectedMax);
  const areBack = (): boolean => core.every(isBack) && isIdle();
  await within(parts, settleMax, "every node is back and nobody waits", areBack);
  if (parts.strike !== null) {
    await parts.strike(core);
    await within(parts, settleMax, "every node is back after the strike", areBack);
  }
  for (const node of core) clients.publish(node);
  await within(parts, freshMax, "each node has published a fresh entry", isIdle);
  for (const node of core) await simulator.complete(clients.readAll(node), freshMax);
  await checkStates(parts, core);
  for (const node of core) await simulator.complete(clients.readAll(node), freshMax);
  checkMachines(core);
  parts.agreement.checkWhole();
  durability.check(parts.agreement);
}

function isBack({ kibitzer, isReplaced, mustStop }: SimulatedNode): boolean {
  return kibitzer !== null && !isReplaced && !mustStop;
}

/** Closes every node; each must end within a bound (L10). */
export async function checkClosing({ simulator, cluster }: ProgressParts): Promise<void> {
  const closing = Promise.all(
    cluster.ready().map(async (node) => await cluster.close(node, "close")),
  );
  let closed = false;
  void closing.then(() => (closed = true));
  const done = await simulator.run(simulator.now + closeMax, () => closed);
  if (!done) throw new Violation("L10", `closing took longer than ${closeMax / second} s`);
  await closing;
}

/** L2, S1: equal decided slots with equal hashes, as every node tells of itself. */
async function checkStates(parts: ProgressParts, core: Core): Promise<void> {
  const { simulator } = parts;
  const deadline = simulator.now + freshMax;
  for (;;) {
    const states = new Set<string>();
    let areAllShown = true;
    for (const node of core) {
      const state = await stateOf(parts, node);
      areAllShown &&= state !== null;
      states.add(state ?? `${node.id} shows none`);
    }
    if (areAllShown && states.size === 1) return;
    if (simulator.now >= deadline) {
      throw new Violation("L2", `the nodes' states stay apart: ${[...states].join(" | ")}`);
    }
    await simulator.run(simulator.now + second / 10);
  }
}

/** @returns null for a node that is down, or does not know itself as a member. */
async function stateOf(
  { simulator, agreement, governments }: ProgressParts,
  { id, kibitzer }: SimulatedNode,
): Promise<string | null> {
  if (kibitzer === null) return null;
  const { members } = await simulator.complete(kibitzer.status(), freshMax);
  governments.checkMembers(id, { members });
  const own = members.find((member) => member.id === id);
  if (own === undefined) return null;
  agreement.hash(id, own.hash.slot, own.hash.value);
  return `${own.decided.slot} ${own.decided.index} ${own.hash.value}`;
}

async function within(
  { simulator, cluster, durability }: ProgressParts,
  bound: number,
  what: string,
  done: () => boolean,
): Promise<void> {
  if (await simulator.run(simulator.now + bound, done)) return;
  const ready = cluster.ready().map(({ id }) => id);
  const waiting = [...durability.waiting].map(({ text }) => text.split(" ")[0]);
  throw new Violation(
    "L2",
    `not within ${bound / second} s: ${what}; ready: ${ready.join(" ")}; ` +
      `waiting: ${waiting.length} (${waiting.slice(0, 5).join(" ")})`,
  );
}

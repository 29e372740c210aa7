/**
 * After the last fault: every node comes back, everything that somebody still waits for is decided,
 * and all nodes hold the same log and state, within a bounded time (L2, L5, L7, L10).
 */
import type { Cluster } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { second, type Simulator } from "../simulator.ts";
import type { Clients } from "../workload.ts";
import type { Agreement } from "./agreement.ts";
import type { Durability } from "./durability.ts";

const settleMax = 90 * second;
const freshMax = 20 * second;
const closeMax = 30 * second;

export interface ProgressParts {
  readonly simulator: Simulator;
  /** Whose nodes are all that are to be there. */
  readonly cluster: Pick<Cluster, "nodes" | "ready" | "close">;
  readonly clients: Pick<Clients, "publish" | "readAll">;
  readonly agreement: Agreement;
  readonly durability: Durability;
}

/** @throws {Violation} when the cluster, now healed, does not converge. */
export async function checkProgress(parts: ProgressParts): Promise<void> {
  const { simulator, cluster, clients, durability } = parts;
  const { nodes } = cluster;
  await within(parts, settleMax, "every node is back and nobody waits", () => {
    return cluster.ready().length === nodes.length && durability.waiting.size === 0;
  });
  for (const node of nodes) clients.publish(node);
  await within(parts, freshMax, "each node has published a fresh entry", () => {
    return durability.waiting.size === 0;
  });
  for (const node of nodes) await simulator.complete(clients.readAll(node), freshMax);
  await checkStates(parts);
  parts.agreement.checkWhole();
  durability.check(parts.agreement);
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
async function checkStates({ simulator, cluster, agreement }: ProgressParts): Promise<void> {
  const deadline = simulator.now + freshMax;
  for (;;) {
    const states = new Set<string>();
    for (const { id, kibitzer } of cluster.nodes) {
      if (kibitzer === null) continue;
      const { members } = await simulator.complete(kibitzer.status(), freshMax);
      const own = members.find((member) => member.id === id);
      if (own !== undefined) agreement.hash(id, own.hash.slot, own.hash.value);
      states.add(`${own?.decided.slot} ${own?.decided.index} ${own?.hash.value}`);
    }
    if (states.size === 1) return;
    if (simulator.now >= deadline) {
      throw new Violation("L2", `the nodes' states stay apart: ${[...states].join(" | ")}`);
    }
    await simulator.run(simulator.now + second / 10);
  }
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

/**
 * What an operator does under way, whatever else happens: replaces members that are well, hands
 * leadership over, lets further nodes in. Never what would cost more than the atlas allows.
 */
import type { Atlas } from "./atlas.ts";
import type { Cluster } from "./cluster.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import type { Prng } from "./prng.ts";
import { second, type Simulator } from "./simulator.ts";
import type { Supervisor } from "./supervisor.ts";
import type { OperatorAction } from "./swarm.ts";

const transferMax = 3 * second;

export interface OperatorParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly atlas: Atlas;
  readonly supervisor: Supervisor;
}

export class Operator {
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  act(action: OperatorAction): void {
    switch (action) {
      case "exile":
        this.#exile();
        return;
      case "transfer":
        this.#transfer();
        return;
      case "join":
        this.#parts.cluster.letIn();
    }
  }

  #exile(): void {
    const { cluster, prng, atlas, supervisor } = this.#parts;
    const members = cluster.nodes.filter((node) => atlas.mayExile(node) && node.isIn);
    if (members.length <= 1) return;
    const node = prng.pick(members);
    if (prng.chance(0.3)) cluster.crash(node, null);
    supervisor.replace(node, "well");
  }

  /** O12: to whom the leader chooses, or to a node that may lag, or be down. */
  #transfer(): void {
    const { cluster, prng, simulator } = this.#parts;
    const ready = cluster.ready();
    if (ready.length === 0) return;
    const asked = prng.pick(ready);
    const to = prng.chance(0.5) ? null : prng.pick(cluster.nodes).id;
    const controller = new AbortController();
    simulator.after(transferMax, () => controller.abort());
    simulator.trace.fault("O12", `transfer to ${to ?? "anybody"} at ${asked.id}`);
    asked.kibitzer?.transfer(to, { signal: controller.signal }).catch((error: unknown) => {
      if (error instanceof KibitzerError || controller.signal.aborted) return;
      simulator.fail(error);
    });
  }
}

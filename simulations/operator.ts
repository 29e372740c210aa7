/**
 * What an operator does under way, whatever else happens: replaces members that are well, hands
 * leadership over, lets further nodes in. Never what would cost more than the atlas allows.
 */
import type { Atlas } from "./atlas.ts";
import type { Cluster } from "./cluster.ts";
import type { Kibitzer } from "../src/kibitzer.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import { movesMax } from "./place.ts";
import type { Prng } from "./prng.ts";
import { second, type Simulator } from "./simulator.ts";
import type { Supervisor } from "./supervisor.ts";
import type { OperatorAction } from "./swarm/swarm.ts";

const askMax = 3 * second;

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
        return;
      case "seat":
        this.#reseat();
        return;
      case "move":
        this.#move();
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

  /** O4: somebody may have a seat, or is to have none, or another's; also several at a time. */
  #reseat(): void {
    const { cluster, prng, atlas } = this.#parts;
    const node = prng.pick(cluster.nodes);
    const kind = prng.pick(["promote", "demote", "swap"] as const);
    if (kind === "promote") {
      this.#ask("O4", `promote ${node.id}`, (asked, options) => asked.promote(node.id, options));
      return;
    }
    // What is left, or comes next, must not depend on a copy that may be damaged.
    if (!atlas.mayExile(node)) return;
    if (kind === "demote") {
      this.#ask("O4", `demote ${node.id}`, (asked, options) => asked.demote(node.id, options));
      return;
    }
    const { id } = prng.pick(cluster.nodes);
    this.#ask("O4", `promote ${id} instead of ${node.id}`, (asked, options) =>
      asked.promote(id, { ...options, insteadOf: node.id }),
    );
  }

  /** O7: one node, or all at once, comes back at another endpoint. */
  #move(): void {
    const { cluster, prng, simulator } = this.#parts;
    const movable = cluster.nodes.filter(({ isIn, moves }) => isIn && moves < movesMax);
    if (movable.length === 0) return;
    const moving = prng.chance(0.3) ? movable : [prng.pick(movable)];
    for (const node of moving) {
      simulator.trace.fault("O7", `move ${node.id}`);
      cluster.crash(node, null);
      node.moves += 1;
    }
  }

  /** O12: to whom the leader chooses, or to a node that may lag, or be down. */
  #transfer(): void {
    const { cluster, prng } = this.#parts;
    const to = prng.chance(0.5) ? null : prng.pick(cluster.nodes).id;
    this.#ask("O12", `transfer to ${to ?? "anybody"}`, (asked, options) =>
      asked.transfer(to, options),
    );
  }

  /** Any node, for a while; what comes of it is the log's to say. */
  #ask(
    id: string,
    what: string,
    order: (asked: Kibitzer, options: { readonly signal: AbortSignal }) => Promise<unknown>,
  ): void {
    const { cluster, prng, simulator } = this.#parts;
    const ready = cluster.ready();
    if (ready.length === 0) return;
    const { id: at, kibitzer } = prng.pick(ready);
    if (kibitzer === null) return;
    const controller = new AbortController();
    simulator.after(askMax, () => controller.abort());
    simulator.trace.fault(id, `${what} at ${at}`);
    order(kibitzer, { signal: controller.signal }).catch((error: unknown) => {
      if (error instanceof KibitzerError || controller.signal.aborted) return;
      simulator.fail(error);
    });
  }
}

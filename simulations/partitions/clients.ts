/**
 * Clients at every node, each of which publishes at a steady pace: at its own node, or through it,
 * one hop and only over links that work, at the leader that the node knows. They never try again,
 * so that each entry says something about its own moment.
 */
import type { NodeId } from "../../consensus/index.ts";
import type { CoreCluster } from "../core/core-cluster.ts";
import type { CoreNode } from "../core/core-node.ts";
import type { Prng } from "../prng.ts";

export interface ClientsOptions {
  readonly cluster: CoreCluster;
  readonly prng: Prng;
  readonly ids: readonly NodeId[];
  /** Between two entries of one client, in virtual milliseconds. */
  readonly interval: number;
  /** An entry that was published at `publishedAt` is decided, as `node` sees it, or sees first. */
  decided(node: CoreNode, publishedAt: number, isFirst: boolean): void;
}

export class Clients {
  readonly #options: ClientsOptions;
  readonly #publishedAt = new Map<string, number>();
  readonly #decided = new Set<string>();
  #isOver = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    const { cluster, ids, interval, prng } = options;
    cluster.watch((node, { applied }) => {
      for (const { decree } of applied) {
        const { value } = decree;
        if (value.kind !== "registration") continue;
        const publishedAt = this.#publishedAt.get(value.nonce);
        if (publishedAt === undefined) continue;
        options.decided(node, publishedAt, !this.#decided.has(value.nonce));
        this.#decided.add(value.nonce);
      }
    });
    for (const id of ids) {
      cluster.schedule.after(prng.between(0, interval), () => this.#repeat(id));
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  #repeat(id: NodeId): void {
    const { cluster, interval } = this.#options;
    if (this.#isOver) return;
    this.#publish(cluster.node(id));
    cluster.schedule.after(interval, () => this.#repeat(id));
  }

  #publish(node: CoreNode): void {
    const { cluster, prng } = this.#options;
    // The smallest value that users can have decided: one entry of an own publisher.
    const input = {
      kind: "enqueue",
      value: { kind: "registration", nonce: prng.hex16() },
    } as const;
    this.#publishedAt.set(input.value.nonce, cluster.now);
    const reply = cluster.step(node, input)?.reply;
    if (reply?.kind !== "refused" || reply.reason !== "notLeading" || reply.leader === null) return;
    const { leader } = reply;
    if (leader === node.id || cluster.network.isCut(node.id, leader)) return;
    const target = cluster.node(leader);
    cluster.later(target, cluster.network.delay(), () => {
      if (!cluster.network.isCut(node.id, leader)) cluster.step(target, input);
    });
  }
}

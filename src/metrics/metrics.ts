/** The metrics of one node, loaded with the first question for them. */
import type { Registry } from "prom-client";
import type { RunningNode } from "../node/running-node.ts";
import type { Exposition } from "./exposition.ts";

export class Metrics {
  readonly #node: RunningNode;
  #exposition: Promise<Exposition> | null = null;

  constructor(node: RunningNode) {
    this.#node = node;
  }

  /** In the text format of Prometheus, with those of the process. */
  async text(): Promise<{ readonly text: string; readonly contentType: string }> {
    this.#exposition ??= import("./exposition.ts").then(({ expose }) => expose(this.#node));
    const exposition = await this.#exposition;
    return { text: await exposition.text(), contentType: exposition.contentType };
  }

  /** Puts them, without those of the process, into a registry of the embedding program. */
  async registerIn(registry: Registry): Promise<void> {
    const { registerIn } = await import("./exposition.ts");
    registerIn(registry, this.#node);
  }
}

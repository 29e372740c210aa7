/**
 * Gives the metrics of a node the text format of Prometheus, by prom-client, which is loaded with
 * the first scrape: a node that nobody scrapes starts and works without it.
 */
import type { Metric, Registry } from "prom-client";
import type { RunningNode } from "../node/running-node.ts";
import { familiesOf } from "./families.ts";
import type { Family, Sample } from "./family.ts";

export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

/** The metrics of `node` and of its process. */
export async function expose(node: RunningNode): Promise<Exposition> {
  const { Registry, collectDefaultMetrics } = await import("prom-client");
  const registry = new Registry();
  registerIn(registry, node);
  collectDefaultMetrics({ register: registry });
  return {
    contentType: registry.contentType,
    text: async () => await registry.metrics(),
  };
}

/**
 * Puts the metrics of `node`, without those of the process, into a registry of the program that
 * embeds it.
 */
export function registerIn(registry: Registry, node: RunningNode): void {
  for (const family of familiesOf(node)) registry.registerMetric(asMetric(family));
}

/** Histograms here count by themselves: prom-client's own take each observation one by one. */
class ReadMetric {
  readonly name: string;
  readonly #family: Family;

  constructor(family: Family) {
    this.name = family.name;
    this.#family = family;
  }

  async get(): Promise<{ readonly values: readonly Sample[] } & Omit<Family, "read">> {
    const { name, help, type } = this.#family;
    return { name, help, type, values: await this.#family.read() };
  }

  /** What is counted is the node's, and goes on. */
  reset(): void {}
}

/** A registry asks a metric for its name and `get`, and for nothing else that its classes have. */
function asMetric(family: Family): Metric {
  const metric: unknown = new ReadMetric(family);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above.
  return metric as Metric;
}

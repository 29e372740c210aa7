/**
 * Where stories are played: whole nodes on the simulated world, with all of its checkers, and who
 * belongs to the republic as operators left it. Does nothing by itself.
 */
import { Agreement } from "../checkers/agreement.ts";
import { Durability } from "../checkers/durability.ts";
import { Cluster, type SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { calmDisk } from "../disk.ts";
import { calmNetwork, type NetworkFaults } from "../network.ts";
import { Prng } from "../prng.ts";
import { Simulator, millisecond, second } from "../simulator.ts";
import type { Swarm } from "../swarm.ts";
import { Trace } from "../trace.ts";
import { Clients } from "../workload.ts";
import { nodeNames, type NetworkMood, type Place, type Story } from "./story.ts";

const moods: Readonly<Record<NetworkMood, NetworkFaults>> = {
  calm: calmNetwork,
  slow: { ...calmNetwork, delayMicros: { min: 2000, max: 30_000 } },
  unruly: {
    ...calmNetwork,
    delayMicros: { min: 500, max: 20_000 },
    lossChance: 0.03,
    duplicateChance: 0.1,
    duplicateMicros: { min: 0, max: second },
    reorder: true,
  },
};

const foundingMax = 30 * second;
const restartMicros = 100 * millisecond;

export class Stage {
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  readonly clients: Clients;
  readonly agreement: Agreement;
  readonly durability: Durability = new Durability();
  /** Nodes whose exile the log has shown. */
  readonly gone: Set<SimulatedNode> = new Set();
  /** How often somebody was asked to exile a node, and perhaps has. */
  readonly doubts: Map<SimulatedNode, number> = new Map();
  readonly #admitted = new Set<SimulatedNode>();
  #started: number;
  /** Whether all faults have ended. */
  isCalm = false;
  /** What happens, once, in the step that acknowledges the next entry. */
  readonly atAnswer: (() => void)[] = [];

  constructor(story: Story, linesKept: number) {
    const prng = new Prng(`story ${story.chance}`);
    this.simulator = new Simulator(new Trace(linesKept));
    this.#started = story.nodes;
    this.agreement = new Agreement((text) => this.durability.knows(text));
    const swarm = swarmOf(moods[story.network]);
    this.clients = new Clients({
      simulator: this.simulator,
      prng: prng.fork("clients"),
      options: swarm.workload,
      agreement: this.agreement,
      durability: this.durability,
      acknowledged: () => this.#answered(),
    });
    this.cluster = new Cluster(this.simulator, prng.fork("cluster"), swarm, {
      ready: (node) => {
        this.#admitted.add(node);
        this.clients.ready(node);
      },
      down: (node) => this.#down(node),
    });
    this.cluster.contactOf = (id) => this.#contactOf(id);
  }

  /** The nodes that were started so far, exiled ones included. */
  get started(): readonly SimulatedNode[] {
    return this.cluster.nodes.slice(0, this.#started);
  }

  /** Those of them that are to be there in the end. */
  get expected(): readonly SimulatedNode[] {
    return this.started.filter((node) => !this.gone.has(node));
  }

  doubt(node: SimulatedNode, change: 1 | -1): void {
    this.doubts.set(node, (this.doubts.get(node) ?? 0) + change);
  }

  /** Whether it was ever ready. */
  isAdmitted(node: SimulatedNode): boolean {
    return this.#admitted.has(node);
  }

  at(place: Place): SimulatedNode {
    const node = this.started[place % this.#started];
    if (node === undefined) throw new RangeError(`there is no node at ${place}`);
    return node;
  }

  /** Starts the next node there is, or null when all were started. */
  join(): SimulatedNode | null {
    const node = this.cluster.nodes[this.#started];
    if (node === undefined) return null;
    this.#started += 1;
    this.cluster.start(node);
    return node;
  }

  /** Brings the founders up until each has its seat. */
  async found(network: NetworkMood): Promise<void> {
    const { cluster, simulator } = this;
    const founders = this.started;
    for (const node of founders) cluster.start(node);
    const until = simulator.now + foundingMax;
    const whole = (): boolean => cluster.ready().length === founders.length;
    if (!(await simulator.run(until, whole))) throw new Violation("L2", "nobody founds");
    for (;;) {
      const { kibitzer } = this.at(0);
      const status = kibitzer === null ? null : await simulator.complete(kibitzer.status(), second);
      if (status?.government.parliament.length === founders.length) break;
      if (simulator.now > until) throw new Violation("L2", "there are no seats for all founders");
      await simulator.run(simulator.now + 20 * millisecond);
    }
    cluster.network.faults = moods[network];
  }

  heal(network: NetworkMood): void {
    this.cluster.network.healAll();
    this.cluster.network.faults = moods[network];
    for (const { disk } of this.cluster.nodes) {
      disk.faults = calmDisk;
      disk.capacity = Number.MAX_SAFE_INTEGER;
    }
  }

  /** The end of all faults: what is down comes back, and comes back again. */
  calm(): void {
    this.isCalm = true;
    this.simulator.trace.note("calm");
    this.heal("calm");
    for (const node of this.started) {
      node.disk.onOperation = null;
      node.life?.setClock(1, 0);
    }
    for (const node of this.expected) this.cluster.start(node);
  }

  #answered(): void {
    for (const act of this.atAnswer.splice(0)) {
      this.simulator.after(0, () => {
        if (!this.isCalm) act();
      });
    }
  }

  /** A node that was ready once and may be asked, other than `id`. */
  #contactOf(id: string): string {
    const others = [...this.#admitted].filter((node) => node.id !== id && !this.gone.has(node));
    const ready = others.find(({ kibitzer }) => kibitzer !== null);
    return (ready ?? others[0])?.id ?? "a";
  }

  #down(node: SimulatedNode): void {
    this.clients.down(node);
    node.disk.onOperation = null;
    if (!this.isCalm) return;
    this.simulator.after(restartMicros, () => {
      if (!this.gone.has(node)) this.cluster.start(node);
    });
  }
}

function swarmOf(network: NetworkFaults): Swarm {
  return {
    nodes: nodeNames.length,
    parliamentSize: 5,
    foundedUnderFaults: false,
    timing: { pingMs: 20, silenceMs: 120, stallMs: 800 },
    segmentBytes: 16_384,
    network,
    disk: calmDisk,
    slowDisks: { nodes: [], factor: 1 },
    cuts: null,
    crashes: null,
    restarts: null,
    pauses: null,
    fullDisks: null,
    clocks: { wallSpreadMs: 1000, drift: 0 },
    workload: {
      publishesPerSecond: 0,
      burstMax: 1,
      bytesMax: 600,
      abortChance: 0,
      barriersPerSecond: 0,
      readsPerSecond: 0,
    },
  };
}

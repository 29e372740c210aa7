/**
 * Who takes part in a story: the nodes by their places, and what operators have begun that nobody
 * knows the end of. Plays on the stage of a simulation; does nothing by itself.
 */
import type { SimulatedNode } from "../cluster.ts";
import { cookieOf } from "../disk/read-disk.ts";
import { Violation } from "../core/violation.ts";
import { calmDisk } from "../disk/disk.ts";
import { calmNetwork, type NetworkFaults } from "../network.ts";
import type { Stage } from "../simulation.ts";
import { millisecond, second } from "../simulator.ts";
import { calmSwarm } from "../swarm/calm-swarm.ts";
import type { Swarm } from "../swarm/swarm.ts";
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

const seatingMax = 30 * second;

export function swarmOf({ nodes, drift }: Pick<Story, "nodes" | "drift">): Swarm {
  const clocks = { ...calmSwarm.clocks, drift: drift / 100 };
  return { ...calmSwarm, nodes, newcomers: nodeNames.length - nodes, clocks };
}

export class Cast {
  readonly stage: Stage;
  readonly #network: NetworkFaults;
  /** How often somebody was asked to exile a node, and perhaps has. */
  readonly #doubts = new Map<SimulatedNode, number>();
  /** What operators wait for. */
  readonly operators: Set<AbortController> = new Set();
  #atAnswer: (() => void)[] = [];
  #isOver = false;

  constructor(stage: Stage, network: NetworkMood) {
    this.stage = stage;
    this.#network = moods[network];
  }

  /** The nodes that were started so far, exiled ones included. */
  get started(): readonly SimulatedNode[] {
    return this.stage.cluster.nodes.filter(({ isIn }) => isIn);
  }

  at(place: Place): SimulatedNode {
    const { started } = this;
    const node = started[place % started.length];
    if (node === undefined) throw new RangeError(`there is no node at ${place}`);
    return node;
  }

  /** Waits until each founder has its seat; then the network is as its mood says. */
  async enter(): Promise<void> {
    const { cluster, simulator } = this.stage;
    const until = simulator.now + seatingMax;
    for (;;) {
      const { kibitzer } = this.at(0);
      const status = kibitzer === null ? null : await simulator.complete(kibitzer.status(), second);
      if (status?.government.parliament.length === this.started.length) break;
      if (simulator.now > until) throw new Violation("L2", "there are no seats for all founders");
      await simulator.run(simulator.now + 20 * millisecond);
    }
    cluster.network.faults = this.#network;
  }

  /** All links pass again, and disks are fast and have room. */
  heal(): void {
    const { network, nodes } = this.stage.cluster;
    network.healAll();
    network.faults = this.#network;
    for (const { disk } of nodes) {
      disk.faults = calmDisk;
      disk.capacity = Number.MAX_SAFE_INTEGER;
    }
  }

  /** Happens once, in the step that acknowledges the next entry. */
  atAnswer(act: () => void): void {
    this.#atAnswer.push(act);
  }

  answered(): void {
    const acts = this.#atAnswer;
    this.#atAnswer = [];
    this.stage.simulator.after(0, () => {
      if (this.#isOver) return;
      for (const act of acts) act();
    });
  }

  /** Somebody is asked to exile `node`, and it may be without anybody hearing of that. */
  exiling(node: SimulatedNode): {
    readonly done: () => void;
    readonly refused: () => void;
  } {
    const cookie = cookieOf(node.disk);
    node.pardons.add("KBZ_EXILED");
    this.#doubt(node, 1);
    return {
      done: () => {
        this.stage.supervisor.retire(node);
        if (cookie !== null) this.stage.governments.depart(node.id, cookie);
      },
      refused: () => {
        const isCertain = this.#doubt(node, -1) === 0 && !node.isReplaced;
        if (isCertain) node.pardons.delete("KBZ_EXILED");
      },
    };
  }

  /** The end of the story: operators wait no longer, and whoever may be exiled surely will be. */
  async leave(): Promise<void> {
    this.#isOver = true;
    for (const controller of this.operators) controller.abort();
    await this.stage.simulator.rest();
    for (const [node, count] of this.#doubts) {
      const isOpen = count > 0 && node.wasReady;
      if (isOpen && this.started.length > 1) this.stage.supervisor.replace(node, "well");
    }
  }

  #doubt(node: SimulatedNode, change: 1 | -1): number {
    const count = (this.#doubts.get(node) ?? 0) + change;
    this.#doubts.set(node, count);
    return count;
  }
}

/**
 * The same cuts on whole nodes: the shipped `Kibitzer` with run loop, journal and transport, under
 * virtual time. Clients publish through the public API; measures what they see.
 */
import type { Kibitzer } from "../../src/kibitzer.ts";
import { sameBallot, type Ballot } from "../../consensus/index.ts";
import type { SimulatedNode } from "../cluster.ts";
import { demand } from "../core/violation.ts";
import { Simulation, type RunReport, type Stage } from "../simulation.ts";
import { millisecond } from "../simulator.ts";
import { calmSwarm } from "../swarm/calm-swarm.ts";
import type { Swarm } from "../swarm/swarm.ts";
import { graphOf, quorumConnected, reaches, type Graph } from "./graph.ts";
import { electionTimeout, timing, type Case } from "./partition-run.ts";
import { bounds, type Fault } from "./verdict.ts";

export interface WholeMeasured {
  /** The quorum-connected nodes that showed an entry published after the cut. */
  readonly served: readonly string[];
  readonly quorumConnected: readonly string[];
  /** ET until the first and until the last of them did. */
  readonly recoveredAfter: number | null;
  readonly allAfter: number | null;
  /** The leader's ballot 4 ET after the cut, and in the end; equal when nobody else led. */
  readonly ballots: readonly Ballot[];
  /** Windows of 2 ET after the first recovery in which no entry was shown. */
  readonly idleWindows: number;
  /** What the checkers of the simulation say, healing and convergence included. */
  readonly report: RunReport;
}

/** All that went wrong; empty when nothing did. */
export function judgeWhole(measured: WholeMeasured): readonly Fault[] {
  const { served, quorumConnected: connected, allAfter, ballots, idleWindows, report } = measured;
  const { failure } = report;
  if (failure !== null) return [{ invariant: failure.invariant, message: failure.message }];
  const faults: Fault[] = [];
  const add = (invariant: string, message: string): number => faults.push({ invariant, message });
  const stuck = connected.filter((id) => !served.includes(id));
  if (stuck.length > 0) add("L1", `nothing is decided at ${stuck.join(" ")}`);
  else if ((allAfter ?? 0) > bounds.recoveryMax) {
    add("L1", `all serve only after ${allAfter?.toFixed(2) ?? ""} ET`);
  }
  const [first, last] = ballots;
  if (first !== undefined && last !== undefined && !sameBallot(first, last)) {
    add("L3", `${last.id} leads after ${first.id}`);
  }
  if (idleWindows > 0) add("L3", `nothing decided in ${idleWindows} windows of 2 ET`);
  return faults;
}

const timeoutMicros = electionTimeout * millisecond;

/** Nothing goes wrong but the cut, and nobody publishes but this run. */
function onlyCut(nodes: number): Swarm {
  return {
    ...calmSwarm,
    nodes,
    parliamentSize: nodes,
    timing: {
      pingMs: timing.pingTicks,
      silenceMs: timing.silenceTicks,
      stallMs: timing.stallTicks,
    },
  };
}

class WholeNodeRun {
  readonly #case: Case;
  readonly #graph: Graph;
  readonly #stage: Stage;
  /** When each entry was published, in the order of the numbers that they carry. */
  readonly #publishedAt: number[] = [];
  readonly #shownAt: number[] = [];
  readonly #recoveredAfter = new Map<string, number>();
  readonly #ballots: Ballot[] = [];
  #cutAt = Infinity;
  #isOver = false;

  constructor(options: Case, stage: Stage) {
    this.#case = options;
    this.#graph = graphOf(options.graph);
    this.#stage = stage;
  }

  async play(): Promise<void> {
    const { simulator, cluster } = this.#stage;
    const { leader, timeouts } = this.#case;
    for (const id of quorumConnected(this.#graph)) this.#follow(this.#node(id));
    this.#publish();
    await this.#wait(2);
    const { leader: leads } = await simulator.complete(
      this.#kibitzer(leader).transfer(leader),
      10 * timeoutMicros,
    );
    demand(leads === leader, "L1", () => `${leads} leads instead of ${leader}`);
    await this.#wait(2);
    for (const from of this.#graph.nodes) {
      for (const to of this.#graph.nodes) {
        if (!reaches(this.#graph, from, to)) cluster.network.cut(from, to, "drop");
      }
    }
    this.#cutAt = simulator.now;
    await this.#wait(4);
    await this.#noteBallot();
    await this.#wait(timeouts - 4);
    await this.#noteBallot();
    this.#isOver = true;
  }

  measured(report: RunReport): WholeMeasured {
    const [first = Infinity] = this.#shownAt;
    const windows = Math.floor((this.#case.timeouts * timeoutMicros - first) / (2 * timeoutMicros));
    const busy = new Set(this.#shownAt.map((at) => Math.floor((at - first) / (2 * timeoutMicros))));
    let idleWindows = 0;
    for (let at = 0; at < windows; at += 1) if (!busy.has(at)) idleWindows += 1;
    const times = [...this.#recoveredAfter.values()].toSorted((left, right) => left - right);
    return {
      served: [...this.#recoveredAfter.keys()].toSorted(),
      quorumConnected: quorumConnected(this.#graph),
      recoveredAfter: times[0] ?? null,
      allAfter: times.at(-1) ?? null,
      ballots: this.#ballots,
      idleWindows,
      report,
    };
  }

  #node(id: string): SimulatedNode {
    const node = this.#stage.cluster.nodes.find((each) => each.id === id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  #kibitzer(id: string): Kibitzer {
    const { kibitzer } = this.#node(id);
    if (kibitzer === null) throw new Error(`node ${id} is not ready`);
    return kibitzer;
  }

  async #wait(timeouts: number): Promise<void> {
    const { simulator } = this.#stage;
    await simulator.run(simulator.now + timeouts * timeoutMicros);
  }

  /** At every node, four entries an ET. */
  #publish(): void {
    const { simulator, cluster, clients } = this.#stage;
    if (this.#isOver) return;
    for (const node of cluster.nodes) {
      this.#publishedAt.push(simulator.now);
      clients.publish(node);
    }
    simulator.after(timeoutMicros / 4, () => this.#publish());
  }

  #follow(node: SimulatedNode): void {
    const { simulator } = this.#stage;
    this.#read(node).catch((error: unknown) => simulator.fail(error));
  }

  async #read(node: SimulatedNode): Promise<void> {
    const { simulator } = this.#stage;
    for await (const { bytes } of this.#kibitzer(node.id).entries()) {
      if (this.#isOver) return;
      const number = /\.(\d+) /.exec(new TextDecoder().decode(bytes))?.[1];
      const publishedAt = this.#publishedAt[Number(number) - 1] ?? 0;
      if (publishedAt < this.#cutAt) continue;
      const since = simulator.now - this.#cutAt;
      this.#shownAt.push(since);
      if (this.#recoveredAfter.has(node.id)) continue;
      this.#recoveredAfter.set(node.id, since / timeoutMicros);
    }
  }

  /** As some node that must have a leader tells. */
  async #noteBallot(): Promise<void> {
    const [id] = quorumConnected(this.#graph);
    if (id === undefined) return;
    const status = this.#kibitzer(id).status();
    const { ballot } = await this.#stage.simulator.complete(status, 20 * timeoutMicros);
    this.#ballots.push(ballot);
  }
}

/** Runs `options` on whole nodes; lag is not made here. */
export async function runWholeNodes(options: Case): Promise<WholeMeasured> {
  const { nodes } = graphOf(options.graph);
  const simulation = new Simulation(options.seed, { swarm: onlyCut(nodes.length) });
  const runs: WholeNodeRun[] = [];
  const report = await simulation.perform(async (stage) => {
    const run = new WholeNodeRun(options, stage);
    runs.push(run);
    await run.play();
  });
  const [run] = runs;
  if (run === undefined) throw new Error(report.failure?.message ?? "the run did not begin");
  return run.measured(report);
}

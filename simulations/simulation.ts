/**
 * One run: a seed, a swarm drawn from it, a safety phase with faults, a liveness phase without, and
 * the checks. Its result depends on the seed only; it touches nothing outside itself.
 */
import { Atlas } from "./atlas.ts";
import { Agreement } from "./checkers/agreement.ts";
import { Durability } from "./checkers/durability.ts";
import { Governments } from "./checkers/governments.ts";
import { checkLinearizability } from "./checkers/linearizability.ts";
import { checkFailover } from "./checkers/failover.ts";
import { checkClosing, checkProgress, type ProgressParts } from "./checkers/progress.ts";
import { invariantIn } from "./ended-node.ts";
import { checkStrays } from "./checkers/machines.ts";
import { checkReplay } from "./checkers/replay.ts";
import { Chaos } from "./chaos.ts";
import { Cluster, type SimulatedNode } from "./cluster.ts";
import type { HistoryEvent } from "./history/operation.ts";
import { HistoryRecorder, keepInMemory } from "./history/recorder.ts";
import { MapClients } from "./machine/map-clients.ts";
import { Prng } from "./prng.ts";
import { SnapshotWatch } from "./checkers/snapshots.ts";
import { RemoteClients } from "./remote-clients.ts";
import { Simulator, second } from "./simulator.ts";
import { checkRot } from "./rot.ts";
import { damageMajority } from "./safety-only.ts";
import { SimulatedMachine, type NodeMachine } from "./machine/simulated-machine.ts";
import type { Supervisor } from "./supervisor.ts";
import { nameOf } from "./published.ts";
import { swarmOf } from "./swarm/draws.ts";
import type { Swarm } from "./swarm/swarm.ts";
import { Trace } from "./trace.ts";
import { uncaught, Violation } from "./core/violation.ts";
import { Clients } from "./workload.ts";
import { WorstDay } from "./worst-day.ts";

export interface Failure {
  /** The id of the broken invariant, as `A1`. */
  readonly invariant: string;
  readonly message: string;
  readonly stack: string;
  /** The last lines of what happened. */
  readonly lines: readonly string[];
}

export interface RunReport {
  readonly seed: number;
  readonly swarm: Swarm;
  readonly steps: number;
  /** Virtual seconds, both phases. */
  readonly seconds: number;
  readonly submitted: number;
  readonly acknowledged: number;
  readonly barriers: number;
  readonly lives: number;
  /** Inputs of all nodes that were replayed from their recordings. */
  readonly replayed: number;
  /** L7: why the core could not converge, proved; null when it did. */
  readonly stuck: string | null;
  /** Injected faults by their ids. */
  readonly faults: ReadonlyMap<string, number>;
  /** Branches that were taken, by their names. */
  readonly marks: ReadonlyMap<string, number>;
  /** Of everything that happened: equal for equal seeds. */
  readonly trace: string;
  readonly failure: Failure | null;
}

export interface SimulationOptions {
  /** Instead of the one that the seed draws. */
  readonly swarm?: Swarm;
  /** Whether what has ended is started again, or replaced, before the calm; default true. */
  readonly supervised?: boolean;
  /** What nodes have for a state machine, where the swarm gives them one. */
  readonly makeMachine?: () => NodeMachine;
  /** Called after each acknowledgement. */
  readonly acknowledged?: () => void;
  /** Whether a scripted run ends with its script, before the calm; default false. */
  readonly endsWithScript?: boolean;
  /** How many lines of the story stay readable after a failure. */
  readonly linesKept?: number;
}

/** What a scripted run may play with. */
export interface Stage extends ProgressParts {
  readonly supervisor: Supervisor;
  readonly snapshots: SnapshotWatch;
}

const snapshotsEvery = second / 4;
const foundingMax = 30 * second;
/** L10: how long clients may take to close. */
const remotesMax = 30 * second;

export class Simulation {
  readonly seed: number;
  readonly swarm: Swarm;
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  /** What all clients asked and were told, in order. */
  readonly history: readonly HistoryEvent[];
  readonly #chaos: Chaos;
  readonly #clients: Clients;
  readonly #agreement: Agreement;
  readonly #durability = new Durability();
  readonly #snapshots = new SnapshotWatch();
  readonly #governments: Governments;
  readonly #map: MapClients;
  readonly #remotes: RemoteClients;
  readonly #parts: Stage;
  readonly #endsWithScript: boolean;
  readonly #worstDay: WorstDay;
  #replayed = 0;
  #stuck: string | null = null;

  constructor(seed: number, options: SimulationOptions = {}) {
    const prng = new Prng(seed);
    const { swarm = swarmOf(seed), supervised = true, linesKept } = options;
    this.#endsWithScript = options.endsWithScript ?? false;
    const simulator = new Simulator(new Trace(linesKept));
    this.simulator = simulator;
    this.seed = seed;
    this.swarm = swarm;
    this.#agreement = new Agreement((text) => this.#durability.knows(text));
    const { sink, events } = keepInMemory();
    this.history = events;
    const history = new HistoryRecorder({ sink, now: () => 1000 * simulator.now });
    this.#map = new MapClients(prng.fork("map"), swarm.machine);
    const map = this.#map;
    const checkers = { agreement: this.#agreement, durability: this.#durability, map };
    this.#clients = new Clients({
      simulator,
      prng: prng.fork("clients"),
      options: swarm.workload,
      history,
      acknowledged: () => {
        this.#chaos.acknowledged();
        options.acknowledged?.();
      },
      ...checkers,
    });
    this.cluster = new Cluster(simulator, prng.fork("cluster"), swarm, {
      ready: (node) => {
        this.#clients.ready(node);
        this.#followGovernments(node);
      },
      refused: (node, code) => this.#chaos.refused(node, code),
      down: (node) => {
        this.#clients.down(node);
        this.#chaos.down(node);
      },
    });
    const { cluster } = this;
    const governments = new Governments(swarm.parliamentSize);
    this.#governments = governments;
    // Where one machine that strays is no majority yet.
    const mayStray = (): boolean => (governments.latest?.parliament.length ?? 0) >= 3;
    cluster.makeMachine = (stray) =>
      options.makeMachine?.() ?? new SimulatedMachine(stray === null ? undefined : mayStray, stray);
    const atlas = new Atlas({ swarm, cluster, governments, agreement: this.#agreement });
    const count = swarm.workload.remoteClients;
    const remotePrng = prng.fork("remote clients");
    const remote = { prng: remotePrng, cluster, count };
    this.#remotes = new RemoteClients({ simulator, history, ...remote, ...checkers });
    const agreement = this.#agreement;
    const { names } = this.#remotes;
    const shared = { swarm, cluster, atlas, governments, agreement, clients: names };
    this.#chaos = new Chaos(simulator, prng.fork("chaos"), { ...shared, supervised });
    const clients = this.#clients;
    const { supervisor } = this.#chaos;
    const acting = { simulator, cluster, clients, names, supervisor };
    const failover = { ...acting, prng: prng.fork("failover"), swarm, governments };
    this.#worstDay = new WorstDay({
      simulator,
      prng: prng.fork("worst day"),
      cluster,
      swarm,
      ...checkers,
    });
    const strike = async (core: readonly SimulatedNode[]): Promise<void> => {
      await checkFailover(failover, core);
    };
    const snapshots = this.#snapshots;
    this.#parts = { ...acting, snapshots, atlas, governments, strike, ...checkers };
  }

  /** Runs both phases; the safety phase takes `seconds` of virtual time. Never throws. */
  async run(seconds: number): Promise<RunReport> {
    return await this.perform(async ({ simulator, clients }) => {
      this.#chaos.start();
      clients.start();
      this.#remotes.start();
      this.#worstDay.start();
      await simulator.run(simulator.now + seconds * second);
      clients.stop();
      this.#remotes.stop();
    });
  }

  /**
   * Like `run`, with a script in place of the faults and clients that the swarm draws. Entries are
   * published by `clients` of the stage: any other in the log breaks A4.
   */
  async perform(script: (stage: Stage) => Promise<void>): Promise<RunReport> {
    let failure: Failure | null = null;
    // A rejection that nobody looks at is a bug: in production it would end the process.
    const onRejection = (error: unknown): void => {
      this.simulator.fail(uncaught("a rejection", error));
    };
    process.on("unhandledRejection", onRejection);
    try {
      await this.#found();
      await script(this.#parts);
      if (!this.#endsWithScript) await this.#finish();
    } catch (error) {
      failure = this.#describe(error);
    } finally {
      process.off("unhandledRejection", onRejection);
    }
    return this.#report(failure);
  }

  async #finish(): Promise<void> {
    if (this.swarm.worstDay !== null && !this.swarm.atlas.isSafetyOnly) {
      this.#chaos.leave();
      this.#stuck = await this.#worstDay.come();
      await this.simulator.complete(this.#remotes.close(), remotesMax);
      checkLinearizability(this.history);
      return;
    }
    this.#stuck = await this.#recover();
    await this.simulator.complete(this.#remotes.close(), remotesMax);
    await checkClosing(this.#parts);
    checkLinearizability(this.history);
    const indexes = new Map(this.#agreement.texts.map(([text, index]) => [nameOf(text), index]));
    this.#map.check((name) => indexes.get(name));
    this.#watchSnapshots(false);
    this.#replayed = await checkReplay(this.#parts);
    this.#snapshots.check();
  }

  /** @returns Why nothing could recover, proved, or null: it did. */
  async #recover(): Promise<string | null> {
    if (!this.swarm.atlas.isSafetyOnly) {
      const core = this.#chaos.calm();
      await this.#findStrays(core);
      const stuck = await checkProgress(this.#parts, core);
      const all = this.cluster.nodes.filter(({ lives }) => lives > 0);
      const mark = core.length === all.length ? "calm.whole" : "calm.core";
      if (stuck !== null) return stuck;
      this.simulator.trace.mark(mark);
      const prng = new Prng(`rot ${this.seed}`);
      if (prng.chance(0.5)) await checkRot({ ...this.#parts, prng }, core);
      return null;
    }
    this.#chaos.leave();
    const prng = new Prng(`safety only ${this.seed}`);
    const { nodes, gone } = await damageMajority({ ...this.#parts, prng });
    if (gone !== null) {
      this.simulator.trace.mark("calm.damaged");
      return `there is no intact copy of index ${gone} on any disk`;
    }
    // Nothing is started any more: a strike would be for good.
    return await checkProgress({ ...this.#parts, strike: null }, nodes);
  }

  /** S1: whoever has strayed stops, where the others have a majority, or no two machines agree. */
  async #findStrays(core: readonly SimulatedNode[]): Promise<void> {
    const { atlas } = this.#parts;
    const others = core.filter(({ machine }) => machine?.hasStrayed !== true);
    if (others.length === core.length) return;
    const seats = this.#governments.latest?.parliament ?? [];
    const isWhole = seats.every((seat) => core.some(({ id }) => id === seat));
    const doNoTwoAgree = isWhole && others.length <= 1;
    if (doNoTwoAgree || atlas.excuse(others) === null) await checkStrays(this.simulator, core);
  }

  async #found(): Promise<void> {
    const { cluster, simulator } = this;
    for (const node of cluster.nodes) cluster.start(node);
    this.#watchSnapshots(true);
    if (this.swarm.foundedUnderFaults) return;
    const whole = (): boolean => cluster.ready().length === this.swarm.nodes;
    if (await simulator.run(simulator.now + foundingMax, whole)) return;
    throw new Violation("L2", `the republic was not whole after ${foundingMax / second} s`);
  }

  /** S2, S3, S5: what lies on disks that nothing has damaged, now and, if wanted, ever again. */
  #watchSnapshots(again: boolean): void {
    for (const { id, disk } of this.cluster.nodes) {
      if (!disk.wounds.isSuspect) this.#snapshots.look({ id, disk });
    }
    if (again) this.simulator.after(snapshotsEvery, () => this.#watchSnapshots(true));
  }

  /** M1: what every node has shown as its government. */
  #followGovernments({ id, life, kibitzer }: SimulatedNode): void {
    if (life === null || kibitzer === null) return;
    const follow = async (): Promise<void> => {
      let before: number | null = null;
      for await (const government of kibitzer.governments()) {
        if (!life.alive) return;
        this.#governments.show(id, government, before);
        before = government.number;
      }
    };
    follow().catch((error: unknown) => this.simulator.fail(error));
  }

  #describe(error: unknown): Failure {
    // What refuses a sound disk may be a command, or a reader, that the harness runs.
    const invariant = invariantIn(error) ?? "harness";
    const message = error instanceof Error ? error.message : String(error);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.stack : "";
    const stack = `${error instanceof Error ? error.stack : ""}\n${cause ?? ""}`;
    return { invariant, message, stack, lines: this.simulator.trace.lines() };
  }

  #report(failure: Failure | null): RunReport {
    const { simulator, seed, swarm } = this;
    return {
      seed,
      swarm,
      steps: simulator.steps,
      seconds: Math.round(simulator.now / second),
      submitted: this.#durability.submitted,
      acknowledged: this.#durability.acknowledged,
      barriers: this.#clients.barriers,
      lives: this.cluster.nodes.reduce((sum, { lives }) => sum + lives, 0),
      replayed: this.#replayed,
      stuck: this.#stuck,
      faults: simulator.trace.faults(),
      marks: simulator.trace.marks(),
      trace: simulator.trace.hash(),
      failure,
    };
  }
}

/**
 * One run: a seed, a swarm drawn from it, a safety phase with faults, a liveness phase without, and
 * the checks. Its result depends on the seed only; it touches nothing outside itself.
 */
import { Agreement } from "./checkers/agreement.ts";
import { Durability } from "./checkers/durability.ts";
import { checkClosing, checkProgress, type ProgressParts } from "./checkers/progress.ts";
import { checkReplay } from "./checkers/replay.ts";
import { Chaos } from "./chaos.ts";
import { Cluster } from "./cluster.ts";
import { Prng } from "./prng.ts";
import { Simulator, second } from "./simulator.ts";
import { drawSwarm, type Swarm } from "./swarm.ts";
import { Trace } from "./trace.ts";
import { Violation } from "./core/violation.ts";
import { Clients } from "./workload.ts";

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
  /** Injected faults by their ids. */
  readonly faults: ReadonlyMap<string, number>;
  /** Of everything that happened: equal for equal seeds. */
  readonly trace: string;
  readonly failure: Failure | null;
}

export interface SimulationOptions {
  /** Instead of the one that the seed draws. */
  readonly swarm?: Swarm;
  /** Whether what has ended is started again before the calm; default true. */
  readonly supervised?: boolean;
  /** How many lines of the story stay readable after a failure. */
  readonly linesKept?: number;
}

/** What a scripted run may play with. */
export interface Stage {
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  readonly clients: Clients;
}

const foundingMax = 30 * second;

export class Simulation {
  readonly seed: number;
  readonly swarm: Swarm;
  readonly simulator: Simulator;
  readonly cluster: Cluster;
  readonly #chaos: Chaos;
  readonly #clients: Clients;
  readonly #agreement: Agreement;
  readonly #durability = new Durability();
  readonly #parts: ProgressParts & Stage;
  #replayed = 0;

  constructor(seed: number, options: SimulationOptions = {}) {
    const prng = new Prng(seed);
    const { swarm = drawSwarm(prng.fork("swarm")), supervised = true, linesKept } = options;
    const simulator = new Simulator(new Trace(linesKept));
    this.simulator = simulator;
    this.seed = seed;
    this.swarm = swarm;
    this.#agreement = new Agreement((text) => this.#durability.knows(text));
    const checkers = { agreement: this.#agreement, durability: this.#durability };
    this.#clients = new Clients({
      simulator,
      prng: prng.fork("clients"),
      options: swarm.workload,
      acknowledged: () => this.#chaos.acknowledged(),
      ...checkers,
    });
    this.cluster = new Cluster(simulator, prng.fork("cluster"), swarm, {
      ready: (node) => this.#clients.ready(node),
      down: (node) => {
        this.#clients.down(node);
        this.#chaos.down(node);
      },
    });
    this.#chaos = new Chaos(simulator, prng.fork("chaos"), {
      swarm,
      cluster: this.cluster,
      supervised,
    });
    this.#parts = { simulator, cluster: this.cluster, clients: this.#clients, ...checkers };
  }

  /** Runs both phases; the safety phase takes `seconds` of virtual time. Never throws. */
  async run(seconds: number): Promise<RunReport> {
    return await this.perform(async ({ simulator, clients }) => {
      this.#chaos.start();
      clients.start();
      await simulator.run(simulator.now + seconds * second);
      clients.stop();
    });
  }

  /** Like `run`, with a script in place of the faults and clients that the swarm draws. */
  async perform(script: (stage: Stage) => Promise<void>): Promise<RunReport> {
    let failure: Failure | null = null;
    // A rejection that nobody looks at is a bug: in production it would end the process.
    const onRejection = (error: unknown): void => this.simulator.fail(error);
    process.on("unhandledRejection", onRejection);
    try {
      await this.#found();
      await script(this.#parts);
      this.#chaos.calm();
      await checkProgress(this.#parts);
      await checkClosing(this.#parts);
      this.#replayed = await checkReplay(this.#parts);
    } catch (error) {
      failure = this.#describe(error);
    } finally {
      process.off("unhandledRejection", onRejection);
    }
    return this.#report(failure);
  }

  async #found(): Promise<void> {
    const { cluster, simulator } = this;
    for (const node of cluster.nodes) cluster.start(node);
    if (this.swarm.foundedUnderFaults) return;
    const whole = (): boolean => cluster.ready().length === cluster.nodes.length;
    if (await simulator.run(simulator.now + foundingMax, whole)) return;
    throw new Violation("L2", `the republic was not whole after ${foundingMax / second} s`);
  }

  #describe(error: unknown): Failure {
    const invariant = error instanceof Violation ? error.invariant : "harness";
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
      faults: simulator.trace.faults(),
      trace: simulator.trace.hash(),
      failure,
    };
  }
}

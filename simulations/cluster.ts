/**
 * Nodes under virtual time: the same `Kibitzer` as in production, each on its simulated disk.
 * Starts, crashes, restarts and closes them as a supervisor would; injects nothing by itself.
 */
import { Kibitzer } from "../src/kibitzer.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import { requestCodec } from "../src/codec/request-codec.ts";
import type { Request, Response } from "../src/requests.ts";
import { responseCodec } from "../src/codec/response-codec.ts";
import { Violation } from "./core/violation.ts";
import { SimulatedDisk } from "./disk.ts";
import { SimulatedNetwork } from "./network.ts";
import type { Prng } from "./prng.ts";
import type { PowerLoss } from "./simulated-file.ts";
import { millisecond, type Life, type Simulator } from "./simulator.ts";
import type { Swarm } from "./swarm.ts";
import { SystemError } from "./system-error.ts";

const republicName = "simulated";
export const dataDirectory = "data";

export interface SimulatedNode {
  readonly id: string;
  readonly disk: SimulatedDisk;
  /** Null while the process is down. */
  life: Life | null;
  /** Null while it is down, starting, or not a member yet. */
  kibitzer: Kibitzer | null;
  /** How many lives it has had. */
  lives: number;
  /** How often its machine lost power. */
  powerLosses: number;
}

export interface ClusterEvents {
  /** The node is a member and ready. */
  ready(node: SimulatedNode): void;
  /** The process has ended: crashed, closed or failed. */
  down(node: SimulatedNode): void;
}

const retryMicros = 300 * millisecond;

export class Cluster {
  readonly network: SimulatedNetwork<Request, Response>;
  readonly nodes: readonly SimulatedNode[];
  readonly #simulator: Simulator;
  readonly #prng: Prng;
  readonly #swarm: Swarm;
  readonly #events: ClusterEvents;
  /** Whether a node may fail because of its disk. */
  toleratesDiskErrors = true;
  /** Ids that an operator exiles: a node that stops because of that is no surprise. */
  readonly exiled: Set<string> = new Set();
  /** Those that have stopped because of it. */
  readonly stoppedByExile: Set<string> = new Set();
  /** Whom the node `id` asks to be let in. */
  contactOf: (id: string) => string = () => "a";

  constructor(simulator: Simulator, prng: Prng, swarm: Swarm, events: ClusterEvents) {
    this.#simulator = simulator;
    this.#prng = prng;
    this.#swarm = swarm;
    this.#events = events;
    const codecs = { requestCodec, responseCodec };
    this.network = new SimulatedNetwork(simulator, prng.fork("network"), codecs);
    this.nodes = ["a", "b", "c", "d", "e", "f", "g"].slice(0, swarm.nodes).map((id) => {
      const disk = new SimulatedDisk(simulator, id, prng.fork(`disk ${id}`));
      return { id, disk, life: null, kibitzer: null, lives: 0, powerLosses: 0 };
    });
  }

  /** Nodes that are members and running. */
  ready(): readonly SimulatedNode[] {
    return this.nodes.filter(({ kibitzer }) => kibitzer !== null);
  }

  /** Begins a process on the node's disk; it founds or joins the republic when it has to. */
  start(node: SimulatedNode): void {
    if (node.life !== null) return;
    node.lives += 1;
    const { wallSpreadMs, drift } = this.#swarm.clocks;
    const life = this.#simulator.begin(node.id, {
      wallOffset: 1_700_000_000_000 + this.#prng.integer(-wallSpreadMs, wallSpreadMs),
      rate: 1 + drift * (2 * this.#prng.fraction() - 1),
    });
    node.life = life;
    this.#simulator.trace.note(`start ${node.id}, life ${node.lives}`);
    this.#run(node, life).catch((error: unknown) => this.#fail(node, life, error));
  }

  /** Ends the process at once; with `power` the machine too, and what its disk had not synced. */
  crash(node: SimulatedNode, power: PowerLoss | null): void {
    const { life } = node;
    if (life === null) return;
    this.#simulator.trace.fault(power === null ? "X1" : "K1", `crash ${node.id}`);
    life.end();
    this.network.leave(node.id, power !== null && this.#prng.chance(0.5) ? "silent" : "reset");
    if (power !== null) {
      node.powerLosses += 1;
      node.disk.losePower(power);
    }
    this.#down(node);
  }

  /** Stops a process cleanly, handing over or at once; resolves when it has ended. */
  async close(node: SimulatedNode, how: "stop" | "close"): Promise<void> {
    const { life, kibitzer } = node;
    if (life === null || kibitzer === null) return;
    this.#simulator.trace.note(`close ${node.id}`);
    node.kibitzer = null;
    if (how === "stop") await kibitzer.stop();
    else await kibitzer.close();
    if (!life.alive) return;
    life.end();
    this.network.leave(node.id, "reset");
    this.#down(node);
  }

  async #run(node: SimulatedNode, life: Life): Promise<void> {
    const { id, disk } = node;
    const kibitzer = await Kibitzer.open({
      id,
      directory: dataDirectory,
      listen: [`memory:${id}`],
      parliamentSize: this.#swarm.parliamentSize,
      timing: this.#swarm.timing,
      storage: {
        segmentBytesFirst: this.#swarm.segmentBytes,
        segmentBytesMax: 4 * this.#swarm.segmentBytes,
      },
      world: {
        files: disk.mount(life),
        clock: life.clock,
        chance: this.#prng.fork(`chance ${id} ${node.lives}`),
        network: this.network.join(id, life),
      },
    });
    void kibitzer.ended.then((error) => {
      if (error !== null && life.alive) this.#fail(node, life, error);
    });
    while (!(await this.#belongs(kibitzer, id))) {
      await life.promise<void>((resolve) => life.after(retryMicros, () => resolve()));
    }
    if (!life.alive || node.life !== life) return;
    node.kibitzer = kibitzer;
    this.#simulator.trace.note(`ready ${id}`);
    this.#events.ready(node);
  }

  /** Founds or joins; false when it should be tried again. */
  async #belongs(kibitzer: Kibitzer, id: string): Promise<boolean> {
    try {
      if (id === "a") await kibitzer.bootstrap(republicName);
      else await kibitzer.join(republicName, `memory:${this.contactOf(id)}`);
      return true;
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      if (error.code === "KBZ_BOOTSTRAPPED") return true;
      if (error.retryable) return false;
      throw error;
    }
  }

  /** The process has ended by itself, as a supervisor sees it. */
  #fail(node: SimulatedNode, life: Life, error: unknown): void {
    if (!life.alive) return;
    this.#simulator.trace.note(`failed ${node.id}: ${String(error)}`);
    const isExiled = this.exiled.has(node.id) && isExile(error);
    if (isExiled) this.stoppedByExile.add(node.id);
    const isExpected = (this.toleratesDiskErrors && isOfDisk(error)) || isExiled;
    if (!isExpected) {
      this.#simulator.fail(asViolation(node.id, error));
      return;
    }
    life.end();
    this.network.leave(node.id, "reset");
    this.#down(node);
  }

  #down(node: SimulatedNode): void {
    node.life = null;
    node.kibitzer = null;
    this.#events.down(node);
  }
}

/** Whether an injected error of the disk caused it. */
function isOfDisk(error: unknown): boolean {
  if (error instanceof SystemError) return true;
  return error instanceof Error && error.cause !== undefined && isOfDisk(error.cause);
}

function isExile(error: unknown): boolean {
  return error instanceof KibitzerError && error.code === "KBZ_EXILED";
}

const invariantOf: ReadonlyMap<string, string> = new Map([
  ["KBZ_DAMAGED", "D8"],
  ["KBZ_DIVERGED", "S1"],
  ["KBZ_STALE_DISK", "D5"],
  ["KBZ_ID_TAKEN", "M4"],
  ["KBZ_EXILED", "M4"],
  ["KBZ_REPUBLIC", "M5"],
  ["KBZ_IN_USE", "K22"],
]);

function asViolation(id: string, error: unknown): Error {
  if (error instanceof Violation) return error;
  const code = error instanceof KibitzerError ? error.code : "KBZ_INVARIANT";
  const invariant = invariantOf.get(code) ?? code;
  const violation = new Violation(invariant, `node ${id} stopped: ${String(error)}`);
  violation.cause = error;
  return violation;
}

/**
 * Nodes under virtual time: the same `Kibitzer` as in production, each on its simulated disk.
 * Starts, crashes, restarts and closes them as a supervisor would; injects nothing by itself.
 */
import { Kibitzer } from "../src/kibitzer.ts";
import type { ProtocolRange } from "../transport/index.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import { requestCodec } from "../src/codec/request-codec.ts";
import type { Request, Response } from "../src/requests.ts";
import { responseCodec } from "../src/codec/response-codec.ts";
import { demand, Violation } from "./core/violation.ts";
import { SimulatedDisk, type DiskImage, type SyncWatcher } from "./disk/disk.ts";
import { asViolation, isForSpace, isOfDisk } from "./ended-node.ts";
import { SimulatedNetwork } from "./network.ts";
import { newNode } from "./new-node.ts";
import { isStray, pardoned } from "./pardons.ts";
import type { Prng } from "./prng.ts";
import type { PowerLoss } from "./disk/simulated-file.ts";
import { millisecond, second, type Life, type Simulator } from "./simulator.ts";
import { addressOf, type Place } from "./place.ts";
import { SimulatedMachine, type NodeMachine } from "./machine/simulated-machine.ts";
import type { Swarm } from "./swarm/swarm.ts";
import { listenTo, nothingTold, type Told } from "./told.ts";
import { silent, type Logger } from "../src/logger.ts";

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
  /** How often its folder was moved to another endpoint (O7). */
  moves: number;
  /** How often its machine lost power. */
  powerLosses: number;
  /** Whether it takes part at all: not yet, or no more, if not. */
  isIn: boolean;
  /** Whether its disk must join a republic: it may not found one. */
  joins: boolean;
  /** Whether it was a member with this disk. */
  wasReady: boolean;
  /** Whether it is being exiled, to come back with an empty disk. */
  isReplaced: boolean;
  /** Whether it must not be started on its disk again, while it is being replaced. */
  isLost: boolean;
  /** Errors with which it may stop, after what was done to its disk or to its membership. */
  readonly pardons: Set<string>;
  /** The code with which its last life refused to go on, after what was done to it; or null. */
  refusal: string | null;
  /** Why it must not become a member with this disk, or null. */
  mustNotServe: string | null;
  /** That of its life, if nodes have any. */
  machine: NodeMachine | null;
  /** Whether it must stop by itself, once peers have told it something of this disk. */
  mustStop: boolean;
  /** What its latest life has told of damage. */
  told: Told;
}

/**
 * What a cluster takes of a swarm: its nodes, 7 at most with the newcomers, and their clocks.
 * Faults are set where they happen: `network.faults`, and `disk.faults` of each node.
 */
export type ClusterPlan = Pick<
  Swarm,
  | "nodes"
  | "newcomers"
  | "parliamentSize"
  | "replaceAfterMs"
  | "segmentBytes"
  | "timing"
  | "clocks"
  | "snapshots"
  | "machine"
> &
  Partial<Pick<Swarm, "mixesVersions">>;

export interface ClusterEvents {
  /** The node is a member and ready. */
  ready(node: SimulatedNode): void;
  /** The process has ended: crashed, closed or failed. */
  down(node: SimulatedNode): void;
  /** It has ended with an error that was to be expected, and will not come back by itself. */
  refused(node: SimulatedNode, code: string): void;
}

const retryMicros = 300 * millisecond;
const joinMs = 3000;
/** D6: how long a process may take to end after a sync has failed; it attests nothing meanwhile. */
const latchedMax = second;
/** L10: how long a node may take to close cleanly, whatever happens meanwhile. */
const closeMax = 60 * second;

function kindOf(request: Request): string | null {
  return request.method === "receive" ? request.message.kind : null;
}

export class Cluster {
  readonly network: SimulatedNetwork<Request, Response>;
  readonly nodes: readonly SimulatedNode[];
  /** What nodes are given where the plan has them have a state machine. */
  makeMachine: (stray: string | null) => NodeMachine = () => new SimulatedMachine();
  readonly #simulator: Simulator;
  readonly #prng: Prng;
  readonly #plan: ClusterPlan;
  readonly #events: ClusterEvents;
  /** Lives that end already, in a time of their own (L10). */
  readonly #closing = new WeakSet<Life>();

  constructor(simulator: Simulator, prng: Prng, plan: ClusterPlan, events: ClusterEvents) {
    this.#simulator = simulator;
    this.#prng = prng;
    this.#plan = plan;
    this.#events = events;
    const codecs = { requestCodec, responseCodec, kindOf };
    this.network = new SimulatedNetwork(simulator, prng.fork("network"), codecs);
    const ids = ["a", "b", "c", "d", "e", "f", "g"].slice(0, plan.nodes + plan.newcomers);
    this.nodes = ids.map((id, position) => {
      const disk = new SimulatedDisk(simulator, id, prng.fork(`disk ${id}`));
      disk.syncWatcher = this.#latch(id);
      return newNode(id, disk, position < plan.nodes);
    });
  }

  /** Nodes that are members and running. */
  ready(): readonly SimulatedNode[] {
    return this.nodes.filter(({ kibitzer }) => kibitzer !== null);
  }

  /** Begins a process on the node's disk; it founds or joins the republic when it has to. */
  start(node: SimulatedNode): void {
    if (node.life !== null || !node.isIn) return;
    node.lives += 1;
    node.refusal = null;
    const life = this.#begin(node.id);
    node.life = life;
    this.#simulator.trace.note(`start ${node.id}, life ${node.lives}`);
    this.#run(node, life).catch((error: unknown) => this.#fail(node, life, error));
  }

  /** Ends the process at once; with `power` the machine too, and what its disk had not synced. */
  crash(node: SimulatedNode, power: PowerLoss | null): void {
    const { life } = node;
    if (life === null) return;
    this.#simulator.trace.fault(power === null ? "X1" : "K1", `crash ${node.id}`);
    if (node.joins && !node.wasReady) this.#simulator.trace.mark("restart.joining");
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
    this.#closing.add(life);
    if (how === "stop") await kibitzer.stop();
    else await kibitzer.close();
    if (!life.alive) return;
    life.end();
    this.network.leave(node.id, "reset");
    this.#down(node);
  }

  /** X13: closes a process whatever happens meanwhile; it must end within a bound (L10). */
  closeUnderLoad(node: SimulatedNode, how: "stop" | "close"): void {
    const { life, id } = node;
    this.#simulator.trace.fault("X13", `close ${id}`);
    this.close(node, how).catch((error: unknown) => this.#simulator.fail(error));
    this.#simulator.after(closeMax, () => {
      if (life === null || !life.alive || node.life !== life) return;
      this.#simulator.fail(new Violation("L10", `node ${id} does not close`));
    });
  }

  /** O6: starts the next node that was not there before, or returns null: all were. */
  letIn(): SimulatedNode | null {
    const node = this.nodes.find(({ isIn, lives }) => !isIn && lives === 0);
    if (node === undefined) return null;
    this.#simulator.trace.fault("O6", `let ${node.id} in`);
    node.isIn = true;
    this.start(node);
    return node;
  }

  /** An empty disk, an old backup, or somebody else's folder. No process may be using it. */
  replaceDisk(node: SimulatedNode, image: DiskImage): void {
    node.disk.restore(image);
    node.joins = true;
    node.pardons.clear();
    node.mustNotServe = null;
    node.mustStop = false;
  }

  /** X9: a second process on the folder of one that runs; it must be refused. */
  async startTwin(node: SimulatedNode): Promise<void> {
    const { life: first, id } = node;
    if (first === null) return;
    const name = `${id}-twin`;
    const life = this.#begin(name);
    this.#simulator.trace.fault("X9", `twin of ${id}`);
    first.onEnd(() => life.end());
    try {
      await this.#open(node, life, { name, url: `memory:${name}`, moved: false });
    } catch (error) {
      if (error instanceof KibitzerError && error.code === "KBZ_IN_USE") return;
      if (isOfDisk(error)) return;
      throw error;
    } finally {
      life.end();
    }
    throw new Violation("M4", `two processes have opened the directory of ${id}`);
  }

  /** A further process, on a disk of its own: at its own endpoint, not one of the nodes. */
  async openBeside(machine: {
    readonly id: string;
    readonly disk: SimulatedDisk;
    readonly name: string;
    readonly life: Life;
    readonly moved?: boolean;
  }): Promise<Kibitzer> {
    return await this.#open({ ...machine, lives: 1 }, machine.life, {
      name: machine.name,
      url: `memory:${machine.name}`,
      moved: machine.moved ?? false,
    });
  }

  #begin(name: string): Life {
    const { wallSpreadMs, drift } = this.#plan.clocks;
    const { trace } = this.#simulator;
    if (wallSpreadMs > 0) trace.fault("T1", `${name} up to ${wallSpreadMs} ms`);
    if (drift > 0) trace.fault("T2", `${name} up to ${drift}`);
    return this.#simulator.begin(name, {
      wallOffset: 1_700_000_000_000 + this.#prng.integer(-wallSpreadMs, wallSpreadMs),
      rate: 1 + drift * (2 * this.#prng.fraction() - 1),
    });
  }

  async #open(
    node: Pick<SimulatedNode, "id" | "disk" | "lives"> & Partial<SimulatedNode>,
    life: Life,
    { name, url, moved }: Place,
    logger: Logger = silent,
  ): Promise<Kibitzer> {
    const { snapshots } = this.#plan;
    const { id, disk, lives } = node;
    // Who runs beside the nodes, or comes after them, is not the one that was drawn.
    const machine = this.#machineFor(id, "machine" in node && lives === 1);
    if ("machine" in node && name === id) node.machine = machine;
    return await Kibitzer.open({
      id,
      logger,
      directory: dataDirectory,
      listen: [url],
      moved,
      parliamentSize: this.#plan.parliamentSize,
      timing: this.#plan.timing,
      ...(machine === null ? {} : { machine }),
      snapshot: { bytes: snapshots.bytes, slots: snapshots.slots },
      retain: snapshots.retainBytes === null ? {} : { bytes: snapshots.retainBytes },
      replaceAfterMs: this.#plan.replaceAfterMs,
      storage: {
        segmentBytesFirst: this.#plan.segmentBytes,
        segmentBytesMax: 4 * this.#plan.segmentBytes,
      },
      world: {
        files: disk.mount(life),
        clock: life.clock,
        chance: this.#prng.fork(`chance ${name} ${lives}`),
        network: this.network.join(name, life, this.#drawRelease(name)),
      },
    });
  }

  /** V10: that of a wayward node's first life is not deterministic. */
  #machineFor(id: string, isFirstLife: boolean): NodeMachine | null {
    const { machine } = this.#plan;
    if (machine === null) return null;
    const isWayward = isFirstLife && machine.wayward.some((at) => this.nodes[at]?.id === id);
    if (isWayward) this.#simulator.trace.fault("V10", `the machine of ${id}`);
    return this.makeMachine(isWayward ? id : null);
  }

  /** X11: each life is one of this release, or of the next, which still speaks as this one does. */
  #drawRelease(name: string): ProtocolRange {
    if (this.#plan.mixesVersions !== true || this.#prng.chance(0.5)) return { least: 1, most: 1 };
    this.#simulator.trace.fault("X11", `${name} is of the next release`);
    return { least: 1, most: 2 };
  }

  async #run(node: SimulatedNode, life: Life): Promise<void> {
    const { id, disk } = node;
    const damage = disk.wounds.refusal(disk.directories);
    if (damage !== null) this.#simulator.trace.note(`start ${id} on a damaged disk: ${damage}`);
    node.told = nothingTold();
    disk.hasFailedToRead = false;
    const logger = listenTo(node.told, this.#simulator);
    const kibitzer = await this.#open(node, life, this.#placeOf(node), logger);
    const { isDamaged } = node.told;
    demand(damage === null || isDamaged, "D7", () => `${id} has not noticed that ${damage}`);
    const mayFind = disk.wounds.isSuspect || disk.hasFailedToRead;
    demand(!isDamaged || mayFind, "D8", () => `${id} takes its disk for damaged`);
    if (disk.hasLostSectors) this.#simulator.trace.mark("restart.lostSectors");
    disk.hasLostSectors = false;
    void kibitzer.ended.then((error) => {
      if (error !== null && life.alive) this.#fail(node, life, error);
    });
    while (!(await this.#belongs(kibitzer, node))) {
      await life.promise<void>((resolve) => life.after(retryMicros, () => resolve()));
    }
    if (!life.alive || node.life !== life) return;
    const { mustNotServe } = node;
    demand(mustNotServe === null, "D5", () => `${id} is a member, though ${mustNotServe}`);
    node.kibitzer = kibitzer;
    node.wasReady = true;
    this.#simulator.trace.note(`ready ${id}`);
    this.#events.ready(node);
  }

  /** D6: whoever was told of a failed sync stops, and asks for no second one (contract C4). */
  #latch(id: string): SyncWatcher {
    const broken = (what: string): void => this.#simulator.fail(new Violation("D6", what));
    return {
      failed: (life) => {
        life.after(latchedMax, () => {
          if (life.alive && !this.#closing.has(life)) broken(`${id} goes on after a failed sync`);
        });
      },
      repeated: (path) => broken(`${id} syncs ${path} again after a failure`),
    };
  }

  /** Founds or joins; false when it should be tried again. */
  async #belongs(kibitzer: Kibitzer, node: SimulatedNode): Promise<boolean> {
    try {
      if (!node.joins) await kibitzer.bootstrap(republicName);
      else await kibitzer.join(republicName, this.#contact(node), { timeoutMs: joinMs });
      return true;
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      if (error.code === "KBZ_BOOTSTRAPPED") return true;
      if (error.retryable) return false;
      throw error;
    }
  }

  /** Whom a newcomer asks: one that seems to be a member, if there is any. */
  #contact(node: SimulatedNode): string {
    const others = this.nodes.filter((other) => other !== node && other.isIn);
    const members = others.filter(({ kibitzer }) => kibitzer !== null);
    const known = members.length > 0 ? members : others;
    return addressOf(known.length === 0 ? node : this.#prng.pick(known));
  }

  /** Who has moved tells all others, wherever they are by now. */
  #placeOf(node: SimulatedNode): Place {
    const others = this.nodes.filter((other) => other !== node && other.isIn).map(addressOf);
    return { name: node.id, url: addressOf(node), moved: node.moves > 0 && others };
  }

  /** The process has ended by itself, as a supervisor sees it. */
  #fail(node: SimulatedNode, life: Life, error: unknown): void {
    if (!life.alive) return;
    this.#simulator.trace.note(`failed ${node.id}: ${String(error)}`);
    if (isStray(this.nodes, node, error)) this.#simulator.trace.mark("halt.machineDiverged");
    if (node.kibitzer !== null && isForSpace(error)) {
      this.#simulator.fail(new Violation("D11", `${node.id} stops: ${String(error)}`));
    }
    const code = pardoned(node, error);
    if (code === null && !isOfDisk(error) && !isStray(this.nodes, node, error)) {
      this.#simulator.fail(asViolation(node.id, error));
      return;
    }
    life.end();
    this.network.leave(node.id, "reset");
    this.#down(node);
    node.refusal = code;
    if (code !== null) this.#events.refused(node, code);
  }

  #down(node: SimulatedNode): void {
    node.life = null;
    node.kibitzer = null;
    this.#events.down(node);
  }
}

/**
 * Does to a cluster what its swarm says, each at its own rhythm: cuts, crashes, pauses, full disks.
 * As a supervisor it also starts again what has ended. Stops at once when told to be calm.
 */
import { Violation } from "./core/violation.ts";
import type { Cluster, SimulatedNode } from "./cluster.ts";
import { calmDisk, type DiskFaults, type Range } from "./disk.ts";
import { calmNetwork } from "./network.ts";
import type { Prng } from "./prng.ts";
import { millisecond, second, type Simulator } from "./simulator.ts";
import type { CutShape, Rhythm, Swarm } from "./swarm.ts";

/** L10: how long a node may take to close cleanly, whatever happens meanwhile. */
const closeMax = 60 * second;
type Crashes = NonNullable<Swarm["crashes"]>;

const downLong: Range = { min: 2000, max: 6000 };
const downDefault: Range = { min: 50, max: 2000 };

export interface ChaosOptions {
  readonly swarm: Swarm;
  readonly cluster: Cluster;
  /** Whether what has ended is started again before the calm. */
  readonly supervised: boolean;
}

export class Chaos {
  readonly #simulator: Simulator;
  readonly #prng: Prng;
  readonly #swarm: Swarm;
  readonly #cluster: Cluster;
  readonly #supervised: boolean;
  #isArmed = false;
  #isCalm = false;

  constructor(simulator: Simulator, prng: Prng, options: ChaosOptions) {
    this.#simulator = simulator;
    this.#prng = prng;
    this.#swarm = options.swarm;
    this.#cluster = options.cluster;
    this.#supervised = options.supervised;
  }

  start(): void {
    const { cuts, crashes, restarts, pauses, fullDisks } = this.#swarm;
    this.#cluster.network.faults = this.#swarm.network;
    for (const [position, { disk }] of this.#cluster.nodes.entries()) {
      disk.faults = this.#faultsOf(position);
    }
    if (cuts !== null) this.#repeat(cuts, () => this.#cut(cuts));
    if (crashes !== null) this.#repeat(crashes, () => this.#crash(crashes));
    if (restarts !== null) this.#repeat(restarts, () => this.#close());
    if (pauses !== null) this.#repeat(pauses, () => this.#pause(pauses.lengthMs));
    if (fullDisks !== null) this.#repeat(fullDisks, () => this.#fillDisk(fullDisks.lengthMs));
  }

  /** Heals everything and brings every node back. */
  calm(): void {
    this.#isCalm = true;
    this.#simulator.trace.note("calm");
    this.#cluster.network.healAll();
    this.#cluster.network.faults = { ...calmNetwork, delayMicros: { min: 200, max: 2000 } };
    for (const { disk } of this.#cluster.nodes) {
      disk.faults = calmDisk;
      disk.capacity = Number.MAX_SAFE_INTEGER;
      disk.onOperation = null;
    }
    for (const node of this.#cluster.nodes) this.#cluster.start(node);
  }

  /** The supervisor's part: what has ended is started again. */
  down(node: SimulatedNode): void {
    node.disk.onOperation = null;
    if (!this.#supervised && !this.#isCalm) return;
    // Now and then one stays away for long, so that the others go on without it.
    const usual = this.#swarm.crashes?.downMs ?? downDefault;
    const range = this.#prng.chance(0.2) ? downLong : usual;
    const delay = this.#isCalm ? 100 * millisecond : this.#draw(range);
    this.#simulator.after(delay, () => this.#cluster.start(node));
  }

  #repeat({ meanMs }: Rhythm, act: () => void): void {
    const again = (): void => {
      if (this.#isCalm) return;
      act();
      wait();
    };
    const wait = (): void => {
      const delay = this.#prng.integer(0, 2 * meanMs) * millisecond;
      this.#simulator.after(delay, again);
    };
    wait();
  }

  #cut({ kinds, lengthMs }: NonNullable<Swarm["cuts"]>): void {
    const { nodes, network } = this.#cluster;
    if (nodes.length < 2 || kinds.length === 0) return;
    const pairs = this.#pairs(this.#prng.pick(kinds));
    for (const [one, other, shape] of pairs) {
      if (shape === "sever") network.sever(one, other);
      else network.cut(one, other, shape === "hold" ? "hold" : "drop");
    }
    this.#simulator.after(this.#draw(lengthMs), () => {
      for (const [one, other] of pairs) network.heal(one, other);
    });
  }

  /** The ordered pairs that a cut of some shape concerns, and how each is cut. */
  #pairs(shape: CutShape): readonly (readonly [string, string, "drop" | "hold" | "sever"])[] {
    const prng = this.#prng;
    const ids = this.#cluster.nodes.map(({ id }) => id);
    const one = prng.pick(ids);
    const other = prng.pick(ids.filter((id) => id !== one));
    if (shape === "oneWay") return [[one, other, "drop"]];
    if (shape === "hold") return [[one, other, "hold"]];
    if (shape === "sever") return [[one, other, "sever"]];
    const here = ids.filter((id) => (shape === "isolate" ? id === one : prng.chance(0.5)));
    const there = ids.filter((id) => !here.includes(id));
    const how = prng.pick(["drop", "sever", "hold"] as const);
    return here.flatMap((left) =>
      there.flatMap((right): readonly (readonly [string, string, "drop" | "hold" | "sever"])[] =>
        how === "sever"
          ? [[left, right, how]]
          : [
              [left, right, how],
              [right, left, how],
            ],
      ),
    );
  }

  #faultsOf(position: number): DiskFaults {
    const { disk, slowDisks } = this.#swarm;
    if (!slowDisks.nodes.includes(position)) return disk;
    const { min, max } = disk.syncMicros;
    const { factor } = slowDisks;
    return { ...disk, syncMicros: { min: min * factor, max: max * factor } };
  }

  /** An entry was acknowledged: the moment that a crash is most likely to find somebody lying. */
  acknowledged(): void {
    if (!this.#isArmed) return;
    this.#isArmed = false;
    const { crashes } = this.#swarm;
    if (this.#isCalm || crashes === null) return;
    this.#simulator.after(0, () => {
      for (const node of this.#victims(crashes.together)) this.#cluster.crash(node, crashes.power);
    });
  }

  #crash({ together, power, inStorage, atAcknowledgement }: Crashes): void {
    if (atAcknowledgement) {
      this.#isArmed = true;
      return;
    }
    for (const node of this.#victims(together)) {
      if (!inStorage) {
        this.#cluster.crash(node, power);
        continue;
      }
      const last = node.disk.operations + this.#prng.integer(1, 40);
      node.disk.onOperation = (number) => {
        if (number < last) return;
        node.disk.onOperation = null;
        this.#simulator.trace.fault("K20", `crash ${node.id} at its call ${number}`);
        this.#cluster.crash(node, power);
      };
    }
  }

  #victims(together: "one" | "minority" | "all"): readonly SimulatedNode[] {
    const up = this.#cluster.nodes.filter(({ life }) => life !== null);
    if (together === "all" || up.length === 0) return up;
    if (together === "one") return [this.#prng.pick(up)];
    const most = Math.floor((this.#cluster.nodes.length - 1) / 2);
    return up.filter(() => this.#prng.chance(0.5)).slice(0, most);
  }

  #close(): void {
    const ready = this.#cluster.ready();
    if (ready.length === 0) return;
    const node = this.#prng.pick(ready);
    const { life } = node;
    this.#simulator.trace.fault("X13", `close ${node.id}`);
    const how = this.#prng.pick(["stop", "close"] as const);
    this.#cluster.close(node, how).catch((error: unknown) => this.#simulator.fail(error));
    this.#simulator.after(closeMax, () => {
      if (life === null || !life.alive || node.life !== life) return;
      this.#simulator.fail(new Violation("L10", `node ${node.id} does not close`));
    });
  }

  #pause(lengthMs: Range): void {
    const up = this.#cluster.nodes.filter(({ life }) => life !== null);
    if (up.length === 0) return;
    const node = this.#prng.pick(up);
    const length = this.#draw(lengthMs);
    this.#simulator.trace.fault("X3", `pause ${node.id} ${length}`);
    node.life?.pause(length);
  }

  #fillDisk(lengthMs: Range): void {
    const { disk } = this.#prng.pick(this.#cluster.nodes);
    disk.capacity = disk.bytesUsed() + this.#prng.integer(0, 20_000);
    this.#simulator.after(this.#draw(lengthMs), () => {
      disk.capacity = Number.MAX_SAFE_INTEGER;
    });
  }

  #draw({ min, max }: Range): number {
    return this.#prng.integer(min, max) * millisecond;
  }
}

/**
 * Does to a cluster what its swarm says, each at its own rhythm: cuts, crashes, pauses, full disks,
 * clocks, damage, operators. Stops at once when told to be calm; what then stays broken, stays so.
 */
import type { Atlas } from "./atlas.ts";
import type { Agreement } from "./checkers/agreement.ts";
import type { Governments } from "./checkers/governments.ts";
import type { Cluster, SimulatedNode } from "./cluster.ts";
import { Cuts } from "./cuts.ts";
import { calmDisk, type DiskFaults, type Range } from "./disk/disk.ts";
import { FolderFaults } from "./folder-faults.ts";
import { calmNetwork } from "./network.ts";
import { Operator } from "./operator.ts";
import { OtherFolders } from "./other-folders.ts";
import type { Prng } from "./prng.ts";
import type { PowerLoss } from "./disk/simulated-file.ts";
import { millisecond, type Micros, type Simulator } from "./simulator.ts";
import { Supervisor } from "./supervisor.ts";
import type { Rhythm, Swarm } from "./swarm/swarm.ts";

const atlasMicros = 200 * millisecond;
type Crashes = NonNullable<Swarm["crashes"]>;

export interface ChaosOptions {
  readonly swarm: Swarm;
  readonly cluster: Cluster;
  readonly atlas: Atlas;
  readonly governments: Governments;
  /** Clients in processes of their own, by their names on the network. */
  readonly clients: readonly string[];
  readonly agreement: Agreement;
  /** Whether what has ended is started again before the calm. */
  readonly supervised: boolean;
}

export class Chaos {
  readonly #simulator: Simulator;
  readonly #prng: Prng;
  readonly #swarm: Swarm;
  readonly #cluster: Cluster;
  readonly #atlas: Atlas;
  /** Who restarts and replaces nodes. */
  readonly supervisor: Supervisor;
  readonly #folders: FolderFaults;
  readonly #operator: Operator;
  readonly #cuts: Cuts;
  #isArmed = false;
  #isCalm = false;

  constructor(simulator: Simulator, prng: Prng, options: ChaosOptions) {
    const { swarm, cluster, atlas } = options;
    this.#simulator = simulator;
    this.#prng = prng;
    this.#swarm = swarm;
    this.#cluster = cluster;
    this.#atlas = atlas;
    const parts = { ...options, simulator };
    const supervisor = new Supervisor({ ...parts, prng: prng.fork("supervisor") });
    this.supervisor = supervisor;
    const others = new OtherFolders({ ...parts, prng: prng.fork("other folders") });
    const folders = { ...parts, prng: prng.fork("folders"), supervisor, others };
    this.#folders = new FolderFaults(folders);
    this.#operator = new Operator({ ...parts, prng: prng.fork("operator"), supervisor });
    this.#cuts = new Cuts({
      simulator,
      prng: prng.fork("cuts"),
      network: cluster.network,
      clients: options.clients,
      periodMs: swarm.timing.silenceMs,
      isCalm: () => this.#isCalm,
    });
  }

  start(): void {
    const { cuts, crashes, restarts, pauses, fullDisks, readOnlyDisks } = this.#swarm;
    const { damage, folders, operator, deafness, clocks } = this.#swarm;
    this.#cluster.network.faults = this.#swarm.network;
    for (const [position, { disk }] of this.#cluster.nodes.entries()) {
      disk.faults = this.#faultsOf(position);
    }
    this.#heedAtlas();
    this.#repeat(cuts, (how) => this.#cut(how));
    this.#repeat(crashes, (how) => this.#crash(how));
    this.#repeat(restarts, () => this.#close());
    this.#repeat(pauses, ({ lengthMs }) => this.#pause(lengthMs));
    this.#repeat(fullDisks, (how) => this.#fillDisks(how));
    this.#repeat(readOnlyDisks, ({ lengthMs }) => this.#makeReadOnly(lengthMs));
    this.#repeat(deafness, (how) => this.#deafen(how));
    this.#repeat(damage, () => this.#folders.damage());
    this.#repeat(folders, ({ kinds }) => this.#folders.strike(this.#prng.pick(kinds)));
    this.#repeat(operator, ({ kinds }) => this.#operator.act(this.#prng.pick(kinds)));
    const { steps, freezes } = clocks;
    this.#repeat(steps, ({ maxMs }) => this.#stepClock(maxMs));
    this.#repeat(freezes, ({ lengthMs }) => this.#freezeClocks(lengthMs));
  }

  /** Ends all faults, and whatever operators do: what comes next is no more theirs to mend. */
  leave(): void {
    this.supervisor.leave();
    this.#endFaults();
  }

  /**
   * Heals a core and brings it back; what is wrong with the others stays so for good (8.3).
   * @returns The core.
   */
  calm(): readonly SimulatedNode[] {
    this.supervisor.calm();
    const { nodes } = this.#cluster;
    const core = this.#atlas.core(this.#prng);
    this.#simulator.trace.note(`calm: ${core.map(({ id }) => id).join(" ")}`);
    this.#endFaults();
    for (const node of nodes) {
      if (node.isIn && !core.includes(node)) this.#leaveBroken(node, core);
    }
    for (const node of core) {
      // Whoever has damage finds it, and is replaced.
      if (node.disk.wounds.isSuspect) this.#cluster.crash(node, null);
      if (!node.isLost) this.#cluster.start(node);
    }
    return core;
  }

  #endFaults(): void {
    this.#isCalm = true;
    this.#folders.calm();
    const { network, nodes } = this.#cluster;
    network.healAll();
    network.droppedKinds = new Set();
    network.faults = { ...calmNetwork, delayMicros: { min: 200, max: 2000 } };
    for (const { disk } of nodes) {
      disk.faults = calmDisk;
      disk.capacity = Number.MAX_SAFE_INTEGER;
      disk.isReadOnly = false;
      disk.onOperation = null;
    }
  }

  /** The supervisor's part: what has ended is started again. */
  down(node: SimulatedNode): void {
    this.supervisor.down(node);
  }

  refused(node: SimulatedNode, code: string): void {
    this.supervisor.refused(node, code);
  }

  /** Down, or cut off from the core in one direction or both, for good. */
  #leaveBroken(node: SimulatedNode, core: readonly SimulatedNode[]): void {
    const { network } = this.#cluster;
    const how = this.#prng.pick(this.#swarm.liveness.outsiders);
    this.#simulator.trace.note(`for good: ${node.id} ${how}`);
    node.isIn = false;
    if (how === "down") this.#cluster.crash(node, null);
    for (const { id } of core) {
      if (how === "cut" || how === "deaf") network.cut(id, node.id, "drop");
      if (how === "cut" || how === "mute") network.cut(node.id, id, "drop");
    }
  }

  #repeat<How extends Rhythm>(how: How | null, act: (how: How) => void): void {
    if (how === null) return;
    const { meanMs } = how;
    const again = (): void => {
      if (this.#isCalm) return;
      act(how);
      wait();
    };
    const wait = (): void => {
      const delay = this.#prng.integer(0, 2 * meanMs) * millisecond;
      this.#simulator.after(delay, again);
    };
    wait();
  }

  #cut({ kinds, lengthMs }: NonNullable<Swarm["cuts"]>): void {
    if (kinds.length === 0) return;
    const ids = this.#cluster.nodes.map(({ id }) => id);
    this.#cuts.cut(this.#prng.pick(kinds), ids, this.#draw(lengthMs));
  }

  /** Victims' disks fail as theirs do, as long as the others can do without them. */
  #heedAtlas(): void {
    const { lateErrorChance, staleReadChance, misdirectedReadChance } = this.#swarm.victimDisk;
    const faults = { lateErrorChance, staleReadChance, misdirectedReadChance };
    if (Object.values(faults).every((chance) => chance === 0)) return;
    const look = (): void => {
      if (this.#isCalm) return;
      for (const [position, node] of this.#cluster.nodes.entries()) {
        if (!this.#atlas.isVictim(node)) continue;
        const usual = this.#faultsOf(position);
        node.disk.faults = this.#atlas.mayDamage(node) ? { ...usual, ...faults } : usual;
      }
      this.#simulator.after(atlasMicros, look);
    };
    look();
  }

  /** K4: unsynced sectors are garbage only where the atlas allows damage. */
  #powerOf(node: SimulatedNode, power: PowerLoss | null): PowerLoss | null {
    const { garbage } = this.#swarm.victimDisk;
    if (power === null || !garbage || !this.#atlas.mayDamage(node)) return power;
    return { ...power, garbage };
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
      this.#crashAll(crashes);
    });
  }

  #crashAll({ together, power }: Crashes): void {
    const victims = this.#victims(together);
    if (victims.length > 1) this.#simulator.trace.fault("X2", `${together} ${victims.length}`);
    for (const [number, node] of victims.entries()) {
      const crash = (): void => {
        if (!this.#isCalm) this.#cluster.crash(node, this.#powerOf(node, power));
      };
      // X2: one after the other, faster than they recover.
      if (together !== "rolling" || number === 0) crash();
      else this.#simulator.after(number * this.#draw({ min: 1, max: 300 }), crash);
    }
  }

  #crash(crashes: Crashes): void {
    const { together, power, inStorage, atAcknowledgement } = crashes;
    if (atAcknowledgement) {
      this.#isArmed = true;
      return;
    }
    if (!inStorage) {
      this.#crashAll(crashes);
      return;
    }
    for (const node of this.#victims(together)) {
      const last = node.disk.operations + this.#prng.integer(1, 40);
      node.disk.onOperation = (number) => {
        if (number < last) return;
        node.disk.onOperation = null;
        this.#simulator.trace.fault("K20", `crash ${node.id} at its call ${number}`);
        this.#cluster.crash(node, this.#powerOf(node, power));
      };
    }
  }

  #victims(together: Crashes["together"]): readonly SimulatedNode[] {
    const up = this.#cluster.nodes.filter(({ life }) => life !== null);
    if (together === "rolling") return this.#prng.shuffle(up);
    if (together === "all" || up.length === 0) return up;
    if (together === "one") return [this.#prng.pick(up)];
    const most = Math.floor((this.#cluster.nodes.length - 1) / 2);
    return up.filter(() => this.#prng.chance(0.5)).slice(0, most);
  }

  #close(): void {
    const ready = this.#cluster.ready();
    if (ready.length === 0) return;
    const node = this.#prng.pick(ready);
    const { life, kibitzer } = node;
    this.#cluster.closeUnderLoad(node, this.#prng.pick(["stop", "close"] as const));
    if (this.#prng.chance(0.3)) {
      // The second signal of somebody who has no patience.
      this.#simulator.after(this.#draw({ min: 0, max: 100 }), () => {
        if (life?.alive !== true) return;
        kibitzer?.close().catch((error: unknown) => this.#simulator.fail(error));
      });
    }
  }

  #pause(lengthMs: Range): void {
    const up = this.#cluster.nodes.filter(({ life }) => life !== null);
    if (up.length === 0) return;
    const node = this.#prng.pick(up);
    const length = this.#draw(lengthMs);
    this.#simulator.trace.fault("X3", `pause ${node.id} ${length}`);
    node.life?.pause(length);
  }

  #fillDisks({ together, lengthMs }: NonNullable<Swarm["fullDisks"]>): void {
    const nodes = this.#prng.shuffle(this.#cluster.nodes);
    const counts = { one: 1, majority: Math.floor(nodes.length / 2) + 1, all: nodes.length };
    for (const { disk } of nodes.slice(0, counts[together])) {
      disk.capacity = disk.bytesUsed() + this.#prng.integer(0, 20_000);
      this.#simulator.after(this.#draw(lengthMs), () => {
        disk.capacity = Number.MAX_SAFE_INTEGER;
      });
    }
  }

  #makeReadOnly(lengthMs: Range): void {
    const { disk } = this.#prng.pick(this.#cluster.nodes);
    disk.isReadOnly = true;
    this.#simulator.after(this.#draw(lengthMs), () => {
      disk.isReadOnly = false;
    });
  }

  #deafen({ kinds, lengthMs }: NonNullable<Swarm["deafness"]>): void {
    const { network } = this.#cluster;
    network.droppedKinds = new Set([this.#prng.pick(kinds)]);
    this.#simulator.after(this.#draw(lengthMs), () => {
      network.droppedKinds = new Set();
    });
  }

  #stepClock(maxMs: number): void {
    const { life, id } = this.#prng.pick(this.#cluster.nodes);
    const step = this.#prng.integer(-maxMs, maxMs);
    if (life === null) return;
    this.#simulator.trace.fault("T3", `${id} by ${step} ms`);
    life.stepWall(step);
  }

  #freezeClocks(lengthMs: Range): void {
    const { life, id } = this.#prng.pick(this.#cluster.nodes);
    const length = this.#draw(lengthMs);
    if (life === null) return;
    this.#simulator.trace.fault("T5", `${id} for ${length}`);
    life.freezeClocks(length);
  }

  #draw({ min, max }: Range): Micros {
    return this.#prng.integer(min, max) * millisecond;
  }
}

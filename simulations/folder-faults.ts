/**
 * Faults of whole folders and of bytes at rest: damage, an empty disk, an old backup, a neighbour's
 * folder, a second process. Only where the atlas allows it, so that all of it must be noticed.
 */
import { compareBallots } from "../consensus/index.ts";
import type { Atlas } from "./atlas.ts";
import type { Cluster, SimulatedNode } from "./cluster.ts";
import { Violation } from "./core/violation.ts";
import type { DiskImage } from "./disk/disk.ts";
import { damageDisk } from "./disk/disk-damage.ts";
import type { OtherFolders } from "./other-folders.ts";
import { cookieOf, promiseOn } from "./disk/read-disk.ts";
import type { Prng } from "./prng.ts";
import { second, type Simulator } from "./simulator.ts";
import type { FolderFault, Swarm } from "./swarm/swarm.ts";
import type { Supervisor } from "./supervisor.ts";

export interface FolderFaultsParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly swarm: Swarm;
  readonly cluster: Cluster;
  readonly atlas: Atlas;
  readonly supervisor: Supervisor;
  readonly others: OtherFolders;
}

/** Peers write down about once a second what they heard of each other's disks. */
const heardMicros = 2.5 * second;
const vouchingMicros = 3 * second;

export class FolderFaults {
  readonly #parts: FolderFaultsParts;
  #isCalm = false;

  constructor(parts: FolderFaultsParts) {
    this.#parts = parts;
  }

  calm(): void {
    this.#isCalm = true;
    this.#parts.others.calm();
  }

  /** K5, K7, K8, K9, K16: something that was synced is not there any more. */
  damage(): void {
    const { swarm, prng, simulator } = this.#parts;
    const node = this.#pickVictim();
    if (node === null || swarm.damage === null) return;
    const done = damageDisk(node.disk, prng, prng.pick(swarm.damage.kinds));
    if (done !== null) simulator.trace.fault(done.id, done.detail);
  }

  strike(kind: FolderFault): void {
    switch (kind) {
      case "empty":
        this.#empty();
        return;
      case "backup":
        this.#backUp();
        return;
      case "foreign":
        this.#mixUp();
        return;
      case "elsewhere":
        this.#moveIn();
        return;
      case "clone":
        this.#clone();
        return;
      case "twin":
        this.#twin();
    }
  }

  #pickVictim(): SimulatedNode | null {
    const { cluster, atlas, prng } = this.#parts;
    const victims = cluster.nodes.filter((node) => {
      return atlas.mayDamage(node) && !node.isReplaced && node.mustNotServe === null;
    });
    return victims.length === 0 ? null : prng.pick(victims);
  }

  /** X5: the disk is empty, and nobody has exiled who was on it. */
  #empty(): void {
    const { cluster, simulator, supervisor } = this.#parts;
    const node = this.#pickVictim();
    if (node === null) return;
    simulator.trace.fault("X5", node.id);
    supervisor.hold(node);
    cluster.crash(node, null);
    cluster.replaceDisk(node, new Map());
    node.pardons.add("KBZ_ID_TAKEN");
    node.mustNotServe = "its disk was emptied, and nobody has exiled its old one";
    supervisor.release(node);
  }

  /**
   * X6: an older state of a disk comes back. Peers know better, if they have heard of the later
   * one and have written that down: so nothing else may have happened to them (decision 0007).
   */
  #backUp(): void {
    const { cluster, simulator } = this.#parts;
    const node = this.#pickVictim();
    if (!this.#isQuiet || node === null || this.#isTouched(node)) return;
    const image = node.disk.image();
    const cookie = cookieOf(node.disk);
    const age = this.#parts.prng.integer(3, 8) * second;
    simulator.after(age, () => {
      if (this.#isCalm || this.#isTouched(node) || node.life === null) return;
      const { supervisor } = this.#parts;
      supervisor.hold(node);
      cluster.crash(node, null);
      const lives = this.#livesBeside(node);
      simulator.after(heardMicros, () => {
        const isHeard = lives !== null && lives === this.#livesBeside(node);
        // Whoever was exiled meanwhile may be up already, on its next disk.
        const mayStrike = !this.#isCalm && isHeard && !this.#isTouched(node) && node.life === null;
        if (mayStrike && cookieOf(node.disk) !== cookie) this.#comeBackExiled(node, image);
        else if (mayStrike) this.#goBack(node, image);
        supervisor.release(node);
      });
    });
  }

  #goBack(node: SimulatedNode, image: DiskImage): void {
    const { cluster, simulator } = this.#parts;
    const before = promiseOn(node.disk);
    cluster.replaceDisk(node, image);
    node.powerLosses += 1;
    node.pardons.add("KBZ_STALE_DISK");
    simulator.trace.fault("X6", node.id);
    const lives = this.#livesBeside(node);
    const { lives: life } = node;
    simulator.after(vouchingMicros, () => {
      if (this.#isCalm || lives === null || lives !== this.#livesBeside(node)) return;
      if (node.lives !== life + 1 || node.kibitzer === null) return;
      // It may have promised anew before a peer told it; but never less than before.
      const now = promiseOn(node.disk);
      if (before === null || (now !== null && compareBallots(now, before) >= 0)) return;
      simulator.fail(new Violation("D5", `${node.id} serves, having forgotten what it promised`));
    });
  }

  /** X6, O5: the disk of an incarnation that was exiled since; it must learn of that and stop. */
  #comeBackExiled(node: SimulatedNode, image: DiskImage): void {
    const { cluster, simulator } = this.#parts;
    cluster.replaceDisk(node, image);
    node.powerLosses += 1;
    node.pardons.add("KBZ_EXILED");
    node.mustStop = true;
    simulator.trace.fault("X6", `${node.id}, exiled since`);
  }

  /** X8: it wakes with the folder of another node. */
  #mixUp(): void {
    const { cluster, prng, simulator, supervisor } = this.#parts;
    const members = cluster.nodes.filter((node) => node.wasReady && !this.#isTouched(node));
    const [node, other] = prng.shuffle(members);
    if (node === undefined || other === undefined) return;
    supervisor.hold(node);
    cluster.crash(node, null);
    const own = node.disk.image();
    cluster.replaceDisk(node, other.disk.image());
    node.powerLosses += 1;
    node.pardons.add("KBZ_ARGUMENT");
    node.mustNotServe = `it has the folder of ${other.id}`;
    simulator.trace.fault("X8", `${node.id} with the folder of ${other.id}`);
    supervisor.expectForeign(node, () => cluster.replaceDisk(node, own));
    supervisor.release(node);
  }

  /** X8: it wakes with the folder of a node of its id, but of another republic. */
  #moveIn(): void {
    const { cluster, prng, simulator, supervisor, others } = this.#parts;
    const members = cluster.nodes.filter((node) => node.wasReady && !this.#isTouched(node));
    if (members.length === 0) return;
    const node = prng.pick(members);
    const strike = (image: DiskImage): void => {
      if (this.#isCalm || this.#isTouched(node) || !node.wasReady) return;
      supervisor.hold(node);
      cluster.crash(node, null);
      const own = node.disk.image();
      cluster.replaceDisk(node, image);
      node.powerLosses += 1;
      node.pardons.add("KBZ_REPUBLIC");
      node.mustNotServe = "it has the folder of another republic";
      simulator.trace.fault("X8", `${node.id} with a folder from elsewhere`);
      supervisor.expectForeign(node, () => cluster.replaceDisk(node, own));
      supervisor.release(node);
    };
    others.elsewhere(node).then(strike, (error: unknown) => simulator.fail(error));
  }

  /**
   * X9: a copy of its folder runs beside it, made while it ran or while it was down. Peers tell the
   * two apart by their starts: the one that they answer stops, and the other never hears them, nor
   * votes (decision 0007).
   */
  #clone(): void {
    const { cluster, prng, simulator, others } = this.#parts;
    const node = this.#pickVictim();
    if (node === null || this.#isTouched(node) || node.kibitzer === null) return;
    simulator.trace.fault("X9", `clone of ${node.id}`);
    if (prng.chance(0.5)) cluster.crash(node, null);
    node.pardons.add("KBZ_STALE_DISK");
    const undisturbed = (): string | null => {
      const lives = this.#livesBeside(node);
      const isHeard = this.#isQuiet && lives !== null && node.kibitzer !== null;
      return isHeard ? `${lives} ${node.id}${node.lives}` : null;
    };
    others.startClone(node, prng.integer(1, 10) * second, undisturbed);
  }

  #twin(): void {
    const { cluster, prng, simulator } = this.#parts;
    const ready = cluster.ready();
    if (ready.length === 0) return;
    cluster.startTwin(prng.pick(ready)).catch((error: unknown) => simulator.fail(error));
  }

  /** Whether something was done to its disk or its membership already. */
  #isTouched({ disk, pardons, isReplaced, mustNotServe }: SimulatedNode): boolean {
    return disk.wounds.isSuspect || pardons.size > 0 || isReplaced || mustNotServe !== null;
  }

  /** Whether whoever runs is heard. */
  get #isQuiet(): boolean {
    const { cuts, deafness, pauses, network } = this.#parts.swarm;
    return cuts === null && deafness === null && pauses === null && network.lossChance === 0;
  }

  /** Which lives the others are in, or null when one is down. */
  #livesBeside(node: SimulatedNode): string | null {
    const others = this.#parts.cluster.nodes.filter((other) => other !== node && other.isIn);
    if (others.some(({ kibitzer }) => kibitzer === null)) return null;
    return others.map(({ id, lives }) => `${id}${lives}`).join(" ");
  }
}

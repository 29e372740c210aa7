/**
 * What operators and their supervisors do: start again what has ended, and replace by exile and an
 * empty directory what refuses to start. Injects no fault but those of a start.
 */
import type { Atlas } from "./atlas.ts";
import type { Governments } from "./checkers/governments.ts";
import { dataDirectory, type Cluster, type SimulatedNode } from "./cluster.ts";
import type { CoverageMark } from "./coverage-marks.ts";
import type { Range } from "./disk/disk.ts";
import type { Prng } from "./prng.ts";
import { millisecond, second, type Simulator } from "./simulator.ts";
import { cookieOf } from "./disk/read-disk.ts";
import type { Swarm } from "./swarm/swarm.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";

const downLong: Range = { min: 2000, max: 6000 };
const downDefault: Range = { min: 50, max: 2000 };
const exileMax = 6 * second;

/** What a node has said by stopping. */
const marksOf: ReadonlyMap<string, CoverageMark> = new Map([
  ["KBZ_DAMAGED", "replaced.damaged"],
  ["KBZ_EXILED", "halt.exiled"],
  ["KBZ_STALE_DISK", "halt.staleDisk"],
]);

export interface SupervisorParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly swarm: Swarm;
  readonly cluster: Cluster;
  readonly atlas: Atlas;
  readonly governments: Governments;
  /** Whether what has ended is started again, or replaced, before the calm. */
  readonly supervised: boolean;
}

export class Supervisor {
  readonly #parts: SupervisorParts;
  /** What to do in place of starting a node again at once. */
  readonly #held = new Set<SimulatedNode>();
  /** Those whose exile was answered, and which have not stopped yet. */
  readonly #retired = new Set<SimulatedNode>();
  /** The right disk of a node that was given another one. */
  readonly #folders = new Map<SimulatedNode, () => void>();
  #isCalm = false;
  #isGone = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /** From now on nothing is started or replaced any more. */
  leave(): void {
    this.#isGone = true;
  }

  /** From now on starts are quick, and nothing is done to them. */
  calm(): void {
    this.#isCalm = true;
    this.#held.clear();
  }

  /** What has ended is started again, unless somebody takes care of it. */
  down(node: SimulatedNode): void {
    const { prng, simulator, swarm, supervised } = this.#parts;
    node.disk.onOperation = null;
    if (!supervised && !this.#isCalm) return;
    // Now and then one stays away for long, so that the others go on without it.
    const usual = swarm.crashes?.downMs ?? downDefault;
    const range = prng.chance(0.2) ? downLong : usual;
    const delay = this.#isCalm ? 100 : prng.integer(range.min, range.max);
    simulator.after(delay * millisecond, () => this.#start(node));
  }

  /** It has stopped with an error after which a restart does not help, or may not. */
  refused(node: SimulatedNode, code: string): void {
    const { prng, simulator, supervised } = this.#parts;
    simulator.trace.note(`noticed ${node.id}: ${code}`);
    const mark = marksOf.get(code);
    if (mark !== undefined) simulator.trace.mark(mark);
    // It stays down until the calm starts it again, and it refuses once more.
    if (!supervised && !this.#isCalm) return;
    if (code === "KBZ_EXILED" && this.#retired.delete(node)) {
      this.#comeBack(node);
      return;
    }
    const putBack = this.#folders.get(node);
    if (putBack !== undefined) {
      this.#folders.delete(node);
      putBack();
      return;
    }
    if (code === "KBZ_DAMAGED" && prng.chance(0.3)) return;
    this.replace(node, "lost");
  }

  /** Keeps a node down until `release`. */
  hold(node: SimulatedNode): void {
    this.#held.add(node);
  }

  release(node: SimulatedNode): void {
    this.#held.delete(node);
    this.#start(node);
  }

  /** What gives a node its own disk back once it has refused another. */
  expectForeign(node: SimulatedNode, putBack: () => void): void {
    this.#folders.set(node, putBack);
  }

  /**
   * The documented way: exile at another member, an empty directory, and joining again. One that is
   * well goes on until then: its vote may be needed for its own exile.
   */
  replace(node: SimulatedNode, disk: "lost" | "well"): void {
    if (this.#isGone || !node.isIn) return;
    node.isLost ||= disk === "lost" && node.refusal !== "KBZ_EXILED";
    if (node.isReplaced) return;
    node.isReplaced = true;
    node.pardons.add("KBZ_EXILED");
    // From now on it may be exiled without anybody knowing: who asked may end before the answer.
    node.mustNotServe = null;
    this.#parts.simulator.trace.fault("O5", `replace ${node.id}`);
    this.#exile(node);
  }

  /** Its exile was answered: it must learn of that and stop (M4), and then joins as a new node. */
  retire(node: SimulatedNode): void {
    node.isReplaced = true;
    node.pardons.add("KBZ_EXILED");
    this.#parts.simulator.trace.fault("O5", `retire ${node.id}`);
    this.#retired.add(node);
  }

  #exile(node: SimulatedNode): void {
    const { cluster, prng, simulator } = this.#parts;
    if (!node.isIn || this.#isGone) return;
    const others = cluster.ready().filter((other) => other !== node && other.isIn);
    let isOpen = true;
    const again = (): void => {
      if (!isOpen) return;
      isOpen = false;
      simulator.after(prng.integer(100, 800) * millisecond, () => this.#exile(node));
    };
    if (others.length === 0) {
      again();
      return;
    }
    const asked = prng.pick(others);
    const controller = new AbortController();
    simulator.after(exileMax, () => {
      controller.abort();
      again();
    });
    simulator.trace.note(`exile ${node.id} at ${asked.id}`);
    asked.kibitzer
      ?.exile(node.id, { signal: controller.signal })
      .then(
        () => {
          if (!isOpen) return;
          isOpen = false;
          // Some operators wait until it has learned of that and stopped by itself (M4).
          // One that was down meanwhile is told when it comes back.
          if (!node.isLost && prng.chance(0.3)) this.#retired.add(node);
          else this.#comeBack(node);
        },
        (error: unknown) => {
          const isGone = error instanceof KibitzerError && error.code === "KBZ_NOT_FOUND";
          if (!isGone) again();
          else if (isOpen) {
            isOpen = false;
            this.#comeBack(node);
            // An admission or exile that is under way still may come after the empty disk.
            node.pardons.add("KBZ_ID_TAKEN").add("KBZ_EXILED");
          }
        },
      )
      .catch((error: unknown) => simulator.fail(error));
  }

  #comeBack(node: SimulatedNode): void {
    const { cluster, governments, simulator } = this.#parts;
    if (!node.isIn || this.#isGone) return;
    const cookie = cookieOf(node.disk);
    if (cookie !== null) governments.depart(node.id, cookie);
    cluster.crash(node, null);
    simulator.trace.note(`empty disk for ${node.id}`);
    simulator.trace.mark("replaced.exiled");
    cluster.replaceDisk(node, new Map());
    this.#held.delete(node);
    node.wasReady = false;
    node.isReplaced = false;
    node.isLost = false;
    this.#start(node);
  }

  #start(node: SimulatedNode): void {
    if (node.isLost || this.#held.has(node) || this.#isGone) return;
    if (node.life !== null) return;
    if (!this.#isCalm) this.#trouble(node);
    this.#parts.cluster.start(node);
  }

  /** K22, X10: what a start finds, and what may happen to it. */
  #trouble(node: SimulatedNode): void {
    const { prng, swarm, simulator, cluster } = this.#parts;
    if (prng.chance(swarm.leftOverChance)) {
      const left = node.disk.leaveTemporary(dataDirectory);
      if (left > 0) simulator.trace.fault("K22", `${node.id}: ${left} temporary files`);
    }
    const { crashes } = swarm;
    if (crashes === null || crashes.loopChance === 0 || !prng.chance(crashes.loopChance)) return;
    const last = node.disk.operations + prng.integer(1, 80);
    node.disk.onOperation = (number) => {
      if (number < last) return;
      node.disk.onOperation = null;
      simulator.trace.fault("X10", `crash ${node.id} in its recovery`);
      cluster.crash(node, crashes.power);
    };
  }
}

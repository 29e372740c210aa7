/**
 * Processes beside those of the cluster: one that founds a republic elsewhere, whose folder may
 * then be mixed up with a node's (X8), and one on a copy of a running node's folder (X9).
 */
import { firstIndexOf } from "./first-index.ts";
import { compareBallots } from "../consensus/index.ts";
import type { Kibitzer } from "../src/kibitzer.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import type { Agreement } from "./checkers/agreement.ts";
import type { Cluster, SimulatedNode } from "./cluster.ts";
import { isOfDisk } from "./ended-node.ts";
import { Violation } from "./core/violation.ts";
import { SimulatedDisk, type DiskImage } from "./disk/disk.ts";
import type { Prng } from "./prng.ts";
import { promiseOn } from "./disk/read-disk.ts";
import { second, type Life, type Micros, type Simulator } from "./simulator.ts";

export interface OtherFoldersParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
}

interface Clone {
  readonly of: SimulatedNode;
  readonly name: string;
  readonly disk: SimulatedDisk;
  readonly life: Life;
  readonly undisturbed: () => string | null;
}

const lookMicros = second / 2;
/** Who runs beside its copy for so long, and nothing keeps them from it, was told of it. */
const toldMicros = 2.5 * second;
/** With these a copy may stop, as soon as it is told. */
const told: ReadonlySet<string> = new Set(["KBZ_STALE_DISK", "KBZ_EXILED"]);

export class OtherFolders {
  readonly #parts: OtherFoldersParts;
  readonly #clones = new Set<Clone>();
  #made = 0;
  #told = 0;

  constructor(parts: OtherFoldersParts) {
    this.#parts = parts;
  }

  /** How many copies were told what they are, and stopped. */
  get told(): number {
    return this.#told;
  }

  /** The folder of a node of this id that has founded another republic. */
  async elsewhere({ id }: SimulatedNode): Promise<DiskImage> {
    const { cluster } = this.#parts;
    const { name, disk, life } = this.#machine(id, "elsewhere");
    const kibitzer = await cluster.openBeside({ id, disk, name, life });
    await kibitzer.bootstrap("elsewhere");
    await kibitzer.close();
    life.end();
    cluster.network.leave(name, "reset");
    return disk.image();
  }

  /**
   * X9: a copy of the folder of `node` is started at an endpoint of its own. Made of a folder whose
   * node is down, it counts as many starts as the node will.
   * @param undisturbed The same for as long as the two run and all others hear them; null while
   *   something is in the way of that.
   */
  startClone(node: SimulatedNode, length: Micros, undisturbed: () => string | null): void {
    const { simulator } = this.#parts;
    const { name, disk, life } = this.#machine(node.id, "clone");
    disk.restore(node.disk.image());
    const clone = { of: node, name, disk, life, undisturbed };
    this.#clones.add(clone);
    this.#run(clone).catch((error: unknown) => this.#failed(clone, error));
    simulator.after(length, () => this.#end(clone));
  }

  /** All copies are stopped. */
  calm(): void {
    for (const clone of this.#clones) this.#end(clone);
  }

  #machine(id: string, what: string): Pick<Clone, "name" | "disk" | "life"> {
    const { simulator, prng } = this.#parts;
    this.#made += 1;
    const name = `${id}-${what}-${this.#made}`;
    const disk = new SimulatedDisk(simulator, name, prng.fork(`disk ${name}`));
    return { name, disk, life: simulator.begin(name) };
  }

  async #run(clone: Clone): Promise<void> {
    const { cluster } = this.#parts;
    const { name, disk, life } = clone;
    const kibitzer = await cluster.openBeside({ id: clone.of.id, disk, name, life });
    void kibitzer.ended.then((error) => {
      if (error !== null && life.alive) this.#failed(clone, error);
    });
    this.#watch(clone);
    await this.#follow(clone, kibitzer);
  }

  /** A1: what it shows is what all others show. */
  async #follow({ name, life }: Clone, kibitzer: Kibitzer): Promise<void> {
    for (let from: number | null = 1; from !== null;) {
      try {
        for await (const entry of kibitzer.entries({ from })) {
          if (!life.alive) return;
          this.#parts.agreement.show(name, entry);
        }
        return;
      } catch (error) {
        from = firstIndexOf(error);
        if (from === null) throw error;
      }
    }
  }

  /**
   * D5: whoever cannot hear its peers' answers, since these go to the other, promises nothing.
   * M4: one of the two is told.
   */
  #watch(clone: Clone): void {
    const { simulator } = this.#parts;
    const { disk, life, name, undisturbed } = clone;
    let state = undisturbed();
    let since = simulator.now;
    // Its journal may have held a later promise than the copies did: the start has settled that.
    const promised = promiseOn(disk);
    const look = (): void => {
      const now = promiseOn(disk);
      const hasRisen = now !== null && (promised === null || compareBallots(now, promised) > 0);
      if (hasRisen) simulator.fail(new Violation("D5", `${name}, a copy, has made a promise`));
      const before = state;
      state = undisturbed();
      if (state === null || state !== before) since = simulator.now;
      if (simulator.now - since > toldMicros) {
        simulator.fail(new Violation("M4", `${name} runs beside its original, and none is told`));
      }
      life.after(lookMicros, look);
    };
    look();
  }

  #failed(clone: Clone, error: unknown): void {
    if (!clone.life.alive) return;
    const isTold = error instanceof KibitzerError && told.has(error.code);
    this.#parts.simulator.trace.note(`failed ${clone.name}: ${String(error)}`);
    if (isTold) this.#told += 1;
    else if (!isOfDisk(error)) this.#parts.simulator.fail(error);
    this.#end(clone);
  }

  #end(clone: Clone): void {
    if (!this.#clones.delete(clone)) return;
    this.#parts.simulator.trace.note(`end ${clone.name}`);
    clone.life.end();
    this.#parts.cluster.network.leave(clone.name, "reset");
  }
}

/**
 * Which copies may be damaged, so that what the product promises may be demanded: kept before and
 * during a run. And at its end: who must recover, and why nobody could (L7). Injects nothing.
 */
import type { Agreement } from "./checkers/agreement.ts";
import type { Governments } from "./checkers/governments.ts";
import type { Cluster, SimulatedNode } from "./cluster.ts";
import type { Prng } from "./prng.ts";
import type { Swarm } from "./swarm/swarm.ts";

export interface AtlasParts {
  readonly swarm: Swarm;
  readonly cluster: Cluster;
  readonly governments: Governments;
  readonly agreement: Agreement;
}

export class Atlas {
  readonly #parts: AtlasParts;

  constructor(parts: AtlasParts) {
    this.#parts = parts;
  }

  /** Whether `node` is one of those whose copies may be damaged or lost. */
  isVictim(node: SimulatedNode): boolean {
    return this.#parts.swarm.atlas.victims.includes(this.#parts.cluster.nodes.indexOf(node));
  }

  /**
   * Whether a copy on `node` may be damaged now: the parliament has a majority of others, and has
   * decided an entry, so that these hold all that was decided before it.
   */
  mayDamage(node: SimulatedNode): boolean {
    const { governments, agreement } = this.#parts;
    const { latest } = governments;
    if (!this.isVictim(node) || latest === null || !node.wasReady) return false;
    const isInForce = (agreement.at(agreement.indexLast)?.government ?? 0) >= latest.number;
    return isInForce && this.#safeSeats(latest.parliament) >= majority(latest.parliament.length);
  }

  /** Whether `node` may be exiled: what is left must not depend on a copy that may be damaged. */
  mayExile(node: SimulatedNode): boolean {
    const { swarm, cluster, governments } = this.#parts;
    const { latest } = governments;
    if (latest === null || !node.wasReady) return false;
    const going = cluster.nodes.filter(({ isReplaced }) => isReplaced);
    if (going.length > 0) return false;
    const isExposed = swarm.atlas.victims.length > 0;
    return !isExposed || this.isVictim(node);
  }

  /**
   * The nodes that are healed and must converge (8.3): a majority of the parliament, of nodes that
   * are neither damaged nor on their way out, and some others. All, when that cannot be had.
   */
  core(prng: Prng): readonly SimulatedNode[] {
    const { swarm, cluster, governments } = this.#parts;
    const all = cluster.nodes.filter(({ isIn }) => isIn);
    const seats = governments.latest?.parliament ?? [];
    if (swarm.liveness.isWhole || swarm.liveness.outsiders.length === 0) return all;
    const sound = all.filter((node) => {
      return seats.includes(node.id) && !node.isReplaced && node.pardons.size === 0;
    });
    const healthy = sound.filter(({ disk }) => !disk.wounds.isSuspect);
    // A change that nobody has shown yet may be under way: if this is no majority of it, that is
    // what `excuse` proves.
    const needed = majority(seats.length);
    if (healthy.length < needed) return all;
    const chosen = prng.shuffle(healthy).slice(0, needed);
    return all.filter((node) => chosen.includes(node) || prng.chance(0.4));
  }

  /** Why `core` could not converge, from a closed list, proved from what was seen; or null. */
  excuse(core: readonly SimulatedNode[]): string | null {
    const { governments } = this.#parts;
    if (governments.latest === null) return null;
    // What only others have decided, nobody here can learn: a stop-sign, for one.
    const known = governments.latestOf(core.map(({ id }) => id));
    if (known === null) return "nobody in the core holds a copy of any government";
    const { number, parliament } = known;
    const names = `government ${number} (${parliament.join(" ")})`;
    const here = core.filter(({ id }) => parliament.includes(id));
    const needed = majority(parliament.length);
    if (here.length < needed) return `the core has no majority of ${names}`;
    const damaged = here.filter(isDamaged);
    if (here.length - damaged.length >= needed) return null;
    const found = damaged.map(({ id }) => id).join(" ");
    const intact =
      here.length === damaged.length ? "no intact copy" : "no majority of intact copies";
    return `there is ${intact} in the core of ${names}: damaged are those of ${found}`;
  }

  #safeSeats(parliament: readonly string[]): number {
    const { nodes } = this.#parts.cluster;
    return nodes.filter((node) => parliament.includes(node.id) && !this.isVictim(node)).length;
  }
}

/** Whether its disk, as it is now, holds something else than was synced: it must not vote on it. */
export function isDamaged({ disk }: SimulatedNode): boolean {
  return disk.wounds.refusal(disk.directories) !== null;
}

function majority(seats: number): number {
  return Math.floor(seats / 2) + 1;
}

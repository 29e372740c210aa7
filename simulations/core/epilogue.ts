/**
 * What happens to a disk after a run has settled: an operator puts an old backup back, or the disk
 * tells of another past. Its node must notice, attest nothing and halt, and nobody else may.
 */
import { compareBallots, type NodeId } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { CoreCluster } from "./core-cluster.ts";
import type { CoreNode } from "./core-node.ts";
import type { Invariants } from "./invariants.ts";
import type { Membership } from "./membership.ts";
import type { VirtualDisk } from "./virtual-disk.ts";
import { calmLinks } from "./network.ts";
import { demand } from "./violation.ts";

export interface EpilogueParts {
  readonly cluster: CoreCluster;
  readonly invariants: Invariants;
  readonly membership: Membership;
  readonly prng: Prng;
}

interface Backup {
  readonly node: CoreNode;
  readonly disk: VirtualDisk;
}

const noticedWithin = 4000;
const backUpEvery = 400;

export class Epilogue {
  readonly #parts: EpilogueParts;
  readonly #backups: Backup[] = [];

  constructor(parts: EpilogueParts) {
    this.#parts = parts;
    this.#backUp();
  }

  /** One of the seats comes back with a disk that is not its own any more, or none does. */
  run(): void {
    const { prng } = this.#parts;
    const kind = prng.pick(["nothing", "old disk", "other past"]);
    if (this.#seats().length < 3) return;
    if (kind === "old disk") this.#putBack();
    if (kind === "other past") this.#alterPast();
  }

  #backUp(): void {
    const { cluster, prng } = this.#parts;
    cluster.schedule.after(prng.between(0, 2 * backUpEvery), () => {
      const node = prng.pick([...cluster.nodes.values()]);
      this.#backups.push({ node, disk: node.disk.backUp() });
      this.#backUp();
    });
  }

  #seats(): readonly NodeId[] {
    return this.#parts.invariants.chosen.republic.government?.parliament ?? [];
  }

  /** Puts a backup back whose node has attested more since, as all others know. */
  #putBack(): void {
    const { cluster, invariants, prng } = this.#parts;
    const backup = prng.shuffle(this.#backups).find((each) => this.#isForgetful(each));
    if (backup === undefined) return;
    const { node, disk } = backup;
    cluster.note(() => `${node.id}: an old backup is put back`);
    cluster.count("old disk");
    cluster.crash(node);
    node.disk.rollBack(disk);
    invariants.rollBack(node);
    // What the others know of it is noted by now: it must outlive them.
    if (prng.chance(0.5)) this.#restartOthers(node);
    this.#wait(prng.exponential(300));
    // What warns it may come later than what tempts it.
    cluster.network.faults = { ...calmLinks, drop: 0.3, delayMean: 5 };
    cluster.start(node);
    this.#demandHalt(node, "staleDisk", "D5");
  }

  #isForgetful({ node, disk }: Backup): boolean {
    const { cluster } = this.#parts;
    if (cluster.nodes.get(node.id) !== node || node.retired) return false;
    if (!this.#seats().includes(node.id)) return false;
    const { republic } = disk.recover();
    const { government, members } = republic;
    const isIn = members.some(({ id, cookie }) => id === node.id && cookie === node.cookie);
    if (!isIn || government === null || !this.#isRemembered(government.number)) return false;
    const [before, now] = [disk.durable, node.disk.durable];
    // Slots that were decided meanwhile are learned again, perhaps before anybody can object.
    return (
      compareBallots(now.promised, before.promised) > 0 ||
      compareBallots(now.accepted, before.accepted) > 0
    );
  }

  /**
   * Whether peers can object in each government that an old disk may learn its way through from
   * `first` on: in a parliament of one nobody else remembers (docs/decisions/0007).
   */
  #isRemembered(first: number): boolean {
    const { chosen } = this.#parts.invariants;
    for (let number = first; ; number += 1) {
      const government = chosen.government(number);
      if (government === null) return true;
      if (government.parliament.length === 1) return false;
    }
  }

  #restartOthers(node: CoreNode): void {
    const { cluster } = this.#parts;
    const others = cluster.up.filter((other) => other !== node);
    for (const other of others) cluster.crash(other);
    this.#wait(50);
    for (const other of others) cluster.start(other);
  }

  /** A decided decree becomes another, soundly chained, as from a republic that went elsewhere. */
  #alterPast(): void {
    const { cluster, invariants, membership, prng } = this.#parts;
    const node = cluster.node(prng.pick(this.#seats()));
    const { decided } = node.disk.durable;
    if (decided < 2) return;
    cluster.note(() => `${node.id}: its past becomes another`);
    cluster.count("other past");
    cluster.crash(node);
    node.disk.alterPast(prng.integer(2, decided));
    invariants.alterPast(node);
    // Where nothing more is decided, and where the others have moved on.
    if (prng.chance(0.5)) membership.transfer(null);
    this.#wait(prng.exponential(1000));
    cluster.start(node);
    this.#demandHalt(node, "diverged", "S1");
  }

  #demandHalt(node: CoreNode, kind: "staleDisk" | "diverged", invariant: string): void {
    const { cluster } = this.#parts;
    const what = `halt ${kind}`;
    const until = cluster.now + noticedWithin;
    // A restart that was due since some crash may have come before this one's.
    while (!node.retired && cluster.schedule.next(until));
    const halts = cluster.counts.get(what) ?? 0;
    demand(halts === 1 && node.retired, invariant, () => `${node.id} goes on: no ${what}`);
    this.#wait(500);
  }

  #wait(duration: number): void {
    const until = this.#parts.cluster.now + duration;
    while (this.#parts.cluster.schedule.next(until));
  }
}

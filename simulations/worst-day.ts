/**
 * The end of a run on its worst day: all nodes are down for good but what an operator makes of one
 * survivor's disk (O9), or of a backup that was taken under load (O8). Whatever crashes on the way,
 * nothing may be lost that the survivors hold, or that was acknowledged before the backup; and who
 * comes back of the old republic disturbs nobody.
 */
import { compareLogs } from "../consensus/index.ts";
import type { Kibitzer } from "../src/kibitzer.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import { recover, type RecoveryReport } from "../src/refounding/recover.ts";
import { restore } from "../src/refounding/restore.ts";
import type { Agreement } from "./checkers/agreement.ts";
import { brief } from "./checkers/agreement.ts";
import type { Durability } from "./checkers/durability.ts";
import { dataDirectory, type Cluster, type SimulatedNode } from "./cluster.ts";
import { demand, Violation } from "./core/violation.ts";
import { SimulatedDisk } from "./disk/disk.ts";
import { asViolation, isOfDisk } from "./ended-node.ts";
import { insist, type Machine } from "./insistent-operator.ts";
import type { Prng } from "./prng.ts";
import { textsOf, type Readable } from "./readable.ts";
import { millisecond, second, type Life, type Simulator } from "./simulator.ts";
import type { Swarm } from "./swarm/swarm.ts";

export interface WorstDayParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
  readonly durability: Durability;
  readonly swarm: Swarm;
}

interface Running extends Machine {
  readonly kibitzer: Kibitzer;
  readonly life: Life;
}

interface Survivor {
  readonly node: SimulatedNode;
  readonly report: RecoveryReport;
}

interface Backup {
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly indexFirst: number;
  /** The highest index that was acknowledged when it was begun. */
  readonly acknowledged: number;
}

const operatorMax = 60 * second;
const servingMax = 30 * second;
const backupMax = 20 * second;
const returningMicros = 2 * second;

export class WorstDay {
  readonly #parts: WorstDayParts;
  #backup: Backup | null = null;

  constructor(parts: WorstDayParts) {
    this.#parts = parts;
  }

  /** Takes backups under way, whatever else happens; the last one that is whole is kept. */
  start(): void {
    const { simulator, prng, swarm } = this.#parts;
    if (swarm.worstDay !== "restore") return;
    simulator.after(prng.integer(500, 4000) * millisecond, () => {
      this.#backUp().catch((error: unknown) => simulator.fail(error));
      this.start();
    });
  }

  /** @returns Why there was nothing to go on with, or null: it went on as it must. */
  async come(): Promise<string | null> {
    const { cluster, swarm } = this.#parts;
    for (const node of cluster.nodes) cluster.crash(node, swarm.crashes?.power ?? null);
    if (swarm.worstDay === "restore") return await this.#restored();
    return await this.#recovered();
  }

  async #backUp(): Promise<void> {
    const { prng, cluster, durability, simulator } = this.#parts;
    const ready = cluster.ready();
    if (ready.length === 0) return;
    const { id, kibitzer, life } = prng.pick(ready);
    if (kibitzer === null || life === null) return;
    const controller = new AbortController();
    simulator.after(backupMax, () => controller.abort());
    const acknowledged = durability.indexAcknowledged;
    const pieces: Uint8Array[] = [];
    const chunks = kibitzer.backup({ signal: controller.signal });
    try {
      for (;;) {
        const next = await chunks.next();
        if (next.done !== true) pieces.push(Uint8Array.from(next.value));
        else {
          const { index, indexFirst } = next.value;
          demand(index >= acknowledged, "D3", () => {
            return `the backup of ${id} ends at ${index}, though ${acknowledged} was acknowledged`;
          });
          this.#backup = { bytes: Buffer.concat(pieces), index, indexFirst, acknowledged };
          simulator.trace.note(`backup at ${id}: entries ${indexFirst} to ${index}`);
          return;
        }
      }
    } catch (error) {
      const isOver = error instanceof KibitzerError || isOfDisk(error);
      if (!isOver && !controller.signal.aborted) throw error;
      // What was removed stands in a snapshot: at most the next backup begins with a later one.
      const isFinal = error instanceof KibitzerError && !error.retryable;
      demand(!isFinal || error.code !== "KBZ_TRUNCATED", "S3", () => {
        return `the log of ${id} cannot be backed up: ${String(error)}`;
      });
    }
  }

  async #restored(): Promise<string | null> {
    const { simulator, prng } = this.#parts;
    const backup = this.#backup;
    if (backup === null) return "no backup was taken in time";
    simulator.trace.fault("O8", `restore entries ${backup.indexFirst} to ${backup.index}`);
    const disk = new SimulatedDisk(simulator, "restored", prng.fork("disk restored"));
    const machine = { id: "r", disk };
    const { bytes } = backup;
    await insist(this.#parts, machine, async (world) => {
      const place = { directory: dataDirectory, id: "r", listen: ["memory:r"], world };
      try {
        await restore({ backup: inChunks(bytes), ...place, storage: this.#storage() });
      } catch (error) {
        // The attempt before got further than anybody saw.
        if (!(error instanceof KibitzerError && error.code === "KBZ_BOOTSTRAPPED")) throw error;
      }
    });
    const founder = await this.#open(machine);
    const { index, indexFirst } = backup;
    await this.#checkLog(founder, { index, indexFirst, certain: index });
    this.#checkAcknowledged(await this.#texts(founder), backup.acknowledged);
    await this.#goOn(founder, null);
    simulator.trace.mark("worstDay.restored");
    if (indexFirst > 1) simulator.trace.mark("worstDay.restoredCut");
    return null;
  }

  async #recovered(): Promise<string | null> {
    const { simulator, prng, swarm } = this.#parts;
    const { survivors, leftOut } = await this.#lookAround();
    // Where no disk was damaged or mixed up, the best of all holds all that was acknowledged.
    const isSound = leftOut === 0 && swarm.atlas.victims.length === 0;
    const areAll = isSound && prng.chance(0.8);
    const found = areAll ? survivors.toSorted(byRank)[0] : prng.shuffle([...survivors])[0];
    if (found === undefined) return "nobody's disk holds a log";
    const { node, report } = found;
    simulator.trace.fault("O9", `${node.id} goes on alone with ${report.index} entries`);
    const { id, disk } = node;
    const machine = { id, disk };
    await insist(this.#parts, machine, async (world) => {
      const options = { directory: dataDirectory, storage: this.#storage(), world };
      const { before } = await recover(options);
      if (before.identity !== report.before.identity) return;
      await recover({ ...options, forceNewGovernment: true });
    });
    const founder = await this.#open(machine);
    const { index, indexFirst, decided } = report;
    await this.#checkLog(founder, { index, indexFirst, certain: decided.index });
    if (areAll) this.#checkAcknowledged(await this.#texts(founder), Number.POSITIVE_INFINITY);
    const returning = survivors.find((other) => other.node !== node)?.node ?? null;
    await this.#goOn(founder, returning);
    const mark = areAll ? "worstDay.best" : "worstDay.survivor";
    simulator.trace.mark(report.undecided.entries > 0 ? "worstDay.undecided" : mark);
    simulator.trace.mark(mark);
    return null;
  }

  /** What each disk would go on with; a damaged one says so, and is none to choose. */
  async #lookAround(): Promise<{
    readonly survivors: readonly Survivor[];
    /** Disks of members that cannot be chosen, or are not those members' own. */
    readonly leftOut: number;
  }> {
    const { cluster, prng, simulator } = this.#parts;
    const survivors: Survivor[] = [];
    let leftOut = 0;
    for (const node of cluster.nodes) {
      const { id, disk } = node;
      const isItsOwn = node.pardons.size === 0 && node.mustNotServe === null && !node.isReplaced;
      if (!node.isIn) continue;
      if (disk.wounds.isSuspect || !isItsOwn) {
        leftOut += 1;
        continue;
      }
      const life = simulator.begin(`${id}-operator`);
      const world = { files: disk.mount(life), clock: life.clock, chance: prng.fork(`look ${id}`) };
      const looking = recover({ directory: dataDirectory, storage: this.#storage(), world });
      const report = await simulator.complete(looking, operatorMax).catch((error: unknown) => {
        // One that never got into the republic.
        if (error instanceof KibitzerError && error.code === "KBZ_NOT_FOUND") return null;
        throw error;
      });
      life.end();
      if (report !== null && report.id === id) survivors.push({ node, report });
    }
    return { survivors, leftOut };
  }

  async #open(
    { id, disk }: Machine,
    options: { readonly join?: string; readonly name?: string } = {},
  ): Promise<Running> {
    const { simulator, cluster } = this.#parts;
    const { name = id } = options;
    const life = simulator.begin(name);
    const opening = cluster
      .openBeside({ id, disk, name, life, moved: true })
      .catch((error: unknown) => {
        throw asViolation(id, error);
      });
    const kibitzer = await simulator.complete(opening, servingMax);
    void kibitzer.ended.then((error) => {
      if (error !== null && life.alive) simulator.fail(asViolation(id, error));
    });
    const { join } = options;
    if (join !== undefined) {
      await this.#serves(`${id} joins`, kibitzer.join(null, join, { timeoutMs: 20_000 }));
    }
    await this.#serves(`a barrier at ${id}`, kibitzer.barrier());
    return { id, disk, kibitzer, life };
  }

  /**
   * All indexes are there once, with what somebody published; what was decided stands where it
   * stood (A1, A4, A5).
   */
  async #checkLog(
    running: Running,
    { index, indexFirst, certain }: Record<"index" | "indexFirst" | "certain", number>,
  ): Promise<void> {
    const { agreement, durability, swarm } = this.#parts;
    const { first, texts } = await this.#texts(running);
    // What was removed before is in a snapshot, and nothing else goes that is to be kept.
    const isKept = swarm.snapshots.retainBytes !== null || first === indexFirst;
    demand(isKept && first >= indexFirst, "S3", () => {
      return `the log begins with ${first}, not ${indexFirst}`;
    });
    const last = first + texts.length - 1;
    demand(last === index, "A5", () => `the log went on to ${last} of ${index} entries`);
    demand(new Set(texts).size === texts.length, "C1", () => "an entry stands there twice");
    for (const [position, text] of texts.entries()) {
      const at = first + position;
      demand(durability.knows(text), "A4", () => `${brief(text)} was never published`);
      const before = at <= certain ? agreement.at(at)?.text : undefined;
      demand(before === undefined || before === text, "A1", () => {
        return `${brief(text)} stands at index ${at}, where ${brief(before ?? "")} stood`;
      });
    }
  }

  /** D3: what was acknowledged up to `index` is where it was. */
  #checkAcknowledged({ first, texts }: Readable, last: number): void {
    for (const { text, index } of this.#parts.durability.acknowledgedUpTo(last)) {
      if (index < first) continue;
      demand(texts[index - first] === text, "D3", () => {
        return `${brief(text)}, acknowledged at index ${index}, is lost`;
      });
    }
  }

  /** Others join with empty disks; an old member comes back, and is heard by nobody (M5). */
  async #goOn(founder: Running, returning: SimulatedNode | null): Promise<void> {
    const { simulator, prng } = this.#parts;
    const { kibitzer } = founder;
    const old = returning === null ? null : await this.#return(returning);
    const disk = new SimulatedDisk(simulator, "joined", prng.fork("disk joined"));
    const joined = await this.#open({ id: "j", disk }, { join: `memory:${founder.id}` });
    const first = await this.#serves("the first entry", kibitzer.publish("after"));
    const published = await this.#texts(founder);
    const count = published.first + published.texts.length - 1;
    demand(first.index === count, "A5", () => `published at ${first.index} of ${count}`);
    await simulator.run(simulator.now + returningMicros);
    await simulator.complete(joined.kibitzer.barrier(), servingMax);
    const [here, there] = [await this.#texts(founder), await this.#texts(joined)];
    // Who joins by a snapshot has what follows it.
    const shared = Math.max(here.first, there.first);
    const log = ({ first, texts }: Readable): string => texts.slice(shared - first).join("\n");
    demand(log(here) === log(there), "A1", () => "who joined has another log");
    if (there.first > 1) simulator.trace.mark("worstDay.truncated");
    const status = await simulator.complete(kibitzer.status(), servingMax);
    const ids = status.members.map(({ id }) => id).toSorted();
    const expected = [founder.id, "j"].toSorted();
    demand(ids.join() === expected.join(), "M5", () => `members are ${ids.join(" ")}`);
    demand(status.refounded !== undefined, "M5", () => "nothing says that it was refounded");
    const { identity } = status.republic;
    demand(identity === kibitzer.republic?.identity, "M5", () => "two identities at one node");
    for (const { id, life } of [founder, joined]) {
      life.end();
      this.#parts.cluster.network.leave(id, "reset");
    }
    old?.end();
  }

  /** Its disk is as it was: it runs, and waits for a republic that is over. */
  async #return({ id, disk }: SimulatedNode): Promise<Life> {
    const { simulator, cluster } = this.#parts;
    simulator.trace.note(`${id} comes back`);
    const life = simulator.begin(id);
    const opening = cluster.openBeside({ id, disk, name: id, life });
    const kibitzer = await simulator.complete(opening, servingMax);
    const follow = async (): Promise<void> => {
      const { first } = await textsOf(kibitzer);
      for await (const entry of kibitzer.entries({ from: first })) {
        demand(entry.text() !== "after", "M5", () => `${id} shows what the new republic decided`);
      }
    };
    follow().catch((error: unknown) => {
      if (life.alive) simulator.fail(error);
    });
    return life;
  }

  /** L2: there are no faults any more, so what the new republic is asked is done. */
  async #serves<Value>(what: string, work: Promise<Value>): Promise<Value> {
    const served = work.catch((error: unknown) => {
      throw new Violation("L2", `${what}: ${String(error)}`);
    });
    return await this.#parts.simulator.complete(served, servingMax);
  }

  async #texts({ kibitzer }: Running): Promise<Readable> {
    return await this.#parts.simulator.complete(textsOf(kibitzer), servingMax);
  }

  #storage(): { readonly segmentBytesFirst: number; readonly segmentBytesMax: number } {
    const { segmentBytes } = this.#parts.swarm;
    return { segmentBytesFirst: segmentBytes, segmentBytesMax: 4 * segmentBytes };
  }
}

function byRank(left: Survivor, right: Survivor): number {
  return compareLogs(right.report, left.report);
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  const size = 1500;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

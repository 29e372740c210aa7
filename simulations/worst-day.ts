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
import { SimulatedDisk } from "./disk.ts";
import { asViolation, isOfDisk } from "./ended-node.ts";
import type { Prng } from "./prng.ts";
import { millisecond, second, type Life, type Simulator } from "./simulator.ts";
import type { Swarm } from "./swarm.ts";

export interface WorstDayParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
  readonly durability: Durability;
  readonly swarm: Swarm;
}

/** A machine on which the new republic lives. */
interface Machine {
  readonly id: string;
  readonly disk: SimulatedDisk;
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
  /** The highest index that was acknowledged when it was begun. */
  readonly acknowledged: number;
}

type OperatorWorld = NonNullable<Parameters<typeof recover>[0]["world"]>;

const operatorMax = 60 * second;
const servingMax = 30 * second;
const backupMax = 20 * second;
const returningMicros = 2 * second;
const crashesMax = 3;

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
          const { index } = next.value;
          demand(index >= acknowledged, "D3", () => {
            return `the backup of ${id} ends at ${index}, though ${acknowledged} was acknowledged`;
          });
          this.#backup = { bytes: Buffer.concat(pieces), index, acknowledged };
          simulator.trace.note(`backup at ${id}: ${index} entries`);
          return;
        }
      }
    } catch (error) {
      const isOver = error instanceof KibitzerError || isOfDisk(error);
      if (!isOver && !controller.signal.aborted) throw error;
    }
  }

  async #restored(): Promise<string | null> {
    const { simulator, prng } = this.#parts;
    const backup = this.#backup;
    if (backup === null) return "no backup was taken in time";
    simulator.trace.fault("O8", `restore ${backup.index} entries`);
    const disk = new SimulatedDisk(simulator, "restored", prng.fork("disk restored"));
    const machine = { id: "r", disk };
    const { bytes } = backup;
    await this.#insist(machine, async (world) => {
      const place = { directory: dataDirectory, id: "r", listen: ["memory:r"], world };
      try {
        await restore({ backup: inChunks(bytes), ...place, storage: this.#storage() });
      } catch (error) {
        // The attempt before got further than anybody saw.
        if (!(error instanceof KibitzerError && error.code === "KBZ_BOOTSTRAPPED")) throw error;
      }
    });
    const founder = await this.#open(machine);
    await this.#checkLog(founder, { index: backup.index, certain: backup.index });
    this.#checkAcknowledged(await this.#texts(founder), backup.acknowledged);
    await this.#goOn(founder, null);
    simulator.trace.mark("worstDay.restored");
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
    await this.#insist(machine, async (world) => {
      const options = { directory: dataDirectory, storage: this.#storage(), world };
      const { before } = await recover(options);
      if (before.identity !== report.before.identity) return;
      await recover({ ...options, forceNewGovernment: true });
    });
    const founder = await this.#open(machine);
    await this.#checkLog(founder, { index: report.index, certain: report.decided.index });
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

  /** An operator whose command is killed now and then, and who types it again. */
  async #insist(
    { id, disk }: Machine,
    command: (world: OperatorWorld) => Promise<void>,
  ): Promise<void> {
    const { simulator, prng, swarm } = this.#parts;
    const power = swarm.crashes?.power ?? { survival: 0.5, torn: false, garbage: false };
    for (let attempt = 1; ; attempt += 1) {
      const life = simulator.begin(`${id}-operator-${attempt}`);
      const isLast = attempt > crashesMax || prng.chance(0.3);
      let isOver = false;
      if (!isLast) {
        const isTime = this.#drawMoment(disk);
        disk.onOperation = () => {
          if (!isTime()) return;
          disk.onOperation = null;
          isOver = true;
          life.end();
          if (prng.chance(0.5)) disk.losePower(power);
          simulator.trace.fault("K20", `${id}: the operator's command is killed`);
        };
      }
      const chance = prng.fork(`chance ${id} ${attempt}`);
      const work = command({ files: disk.mount(life), clock: life.clock, chance });
      work.then(
        () => (isOver = true),
        (error: unknown) => {
          if (life.alive) simulator.fail(asViolation(id, error));
        },
      );
      const isDone = await simulator.run(simulator.now + operatorMax, () => isOver);
      demand(isDone, "L5", () => `the operator's command on ${id} does not end`);
      disk.onOperation = null;
      if (!life.alive) continue;
      life.end();
      return;
    }
  }

  /** When the command is killed: anywhere, while the new content is made, or while it moves in. */
  #drawMoment({ directories }: SimulatedDisk): () => boolean {
    const { prng } = this.#parts;
    const isStaged = (): boolean => directories.hasDirectory(`${dataDirectory}/refounding`);
    const isMoving = (): boolean =>
      isStaged() && !directories.hasDirectory(`${dataDirectory}/journal`);
    const [hasBegun, most] = prng.pick([
      [(): boolean => true, 120],
      [isStaged, 60],
      [isMoving, 12],
      [isMoving, 12],
    ] as const);
    let left = prng.integer(1, most);
    // It goes on to its end once it has begun, whatever it looks like then.
    let isOn = false;
    return () => {
      isOn ||= hasBegun();
      if (isOn) left -= 1;
      return left === 0;
    };
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
    { index, certain }: { readonly index: number; readonly certain: number },
  ): Promise<void> {
    const { agreement, durability } = this.#parts;
    const texts = await this.#texts(running);
    demand(texts.length === index, "A5", () => `${texts.length} of ${index} entries went on`);
    demand(new Set(texts).size === texts.length, "C1", () => "an entry stands there twice");
    for (const [at, text] of texts.entries()) {
      demand(durability.knows(text), "A4", () => `${brief(text)} was never published`);
      const before = at < certain ? agreement.at(at + 1)?.text : undefined;
      demand(before === undefined || before === text, "A1", () => {
        return `${brief(text)} stands at index ${at + 1}, where ${brief(before ?? "")} stood`;
      });
    }
  }

  /** D3: what was acknowledged up to `index` is where it was. */
  #checkAcknowledged(texts: readonly string[], last: number): void {
    for (const { text, index } of this.#parts.durability.acknowledgedUpTo(last)) {
      demand(texts[index - 1] === text, "D3", () => {
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
    const count = (await this.#texts(founder)).length;
    demand(first.index === count, "A5", () => `published at ${first.index} of ${count}`);
    await simulator.run(simulator.now + returningMicros);
    await simulator.complete(joined.kibitzer.barrier(), servingMax);
    const [here, there] = [await this.#texts(founder), await this.#texts(joined)];
    demand(here.join("\n") === there.join("\n"), "A1", () => "who joined has another log");
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
      for await (const entry of kibitzer.entries({ from: 1 })) {
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

  async #texts(running: Running): Promise<readonly string[]> {
    return await this.#parts.simulator.complete(textsOf(running), servingMax);
  }

  #storage(): { readonly segmentBytesFirst: number; readonly segmentBytesMax: number } {
    const { segmentBytes } = this.#parts.swarm;
    return { segmentBytesFirst: segmentBytes, segmentBytesMax: 4 * segmentBytes };
  }
}

function byRank(left: Survivor, right: Survivor): number {
  return compareLogs(right.report, left.report);
}

async function textsOf({ kibitzer }: Running): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const entry of kibitzer.entries({ from: 1, follow: false })) texts.push(entry.text());
  return texts;
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  const size = 1500;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

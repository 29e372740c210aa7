/**
 * What clients ask of the nodes: publishes of unique values, barriers, reads and followers; every
 * answer is handed to the checkers at once. Chooses by its seed only.
 */
import { limits } from "../consensus/index.ts";
import type { Published } from "../src/api.ts";
import type { Kibitzer } from "../src/kibitzer.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import type { Agreement } from "./checkers/agreement.ts";
import { brief } from "./checkers/agreement.ts";
import type { Durability, Submission } from "./checkers/durability.ts";
import type { SimulatedNode } from "./cluster.ts";
import { isOfDisk } from "./ended-node.ts";
import { demand } from "./core/violation.ts";
import { firstIndexOf } from "./first-index.ts";
import type { HistoryRecorder } from "./history/recorder.ts";
import type { MapClients } from "./machine/map-clients.ts";
import { nameOf, type Publish } from "./published.ts";
import type { Prng } from "./prng.ts";
import { millisecond, second, type Life, type Simulator } from "./simulator.ts";
import type { Workload } from "./swarm/swarm.ts";

export interface WorkloadParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly options: Workload;
  readonly agreement: Agreement;
  readonly durability: Durability;
  /** Of every operation, with the names of the values in place of their texts. */
  readonly history: HistoryRecorder;
  readonly map: MapClients;
  /** Called after each acknowledgement. */
  acknowledged(): void;
}

/** A node as a client in the same process has it, until that process ends. */
interface Session {
  readonly node: SimulatedNode;
  readonly name: string;
  readonly life: Life;
  readonly kibitzer: Kibitzer;
  /** How far this life has shown its log; after a restart a node may know less to be decided. */
  shown: number;
}

const statusMicros = 700 * millisecond;
const barrierPatience = 3 * second;
/** So many entries at once are a flood. */
const floodLeast = 20;

export class Clients {
  readonly #parts: WorkloadParts;
  readonly #sessions = new Map<string, Session>();
  /** How far each node has ever shown its log, in any life. */
  readonly #shown = new Map<string, number>();
  #values = 0;
  #isOver = false;
  #barriers = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
  }

  /** How many barriers were answered. */
  get barriers(): number {
    return this.#barriers;
  }

  /** Begins to use a node that has become ready. */
  ready(node: SimulatedNode): void {
    const { life, kibitzer, id } = node;
    if (life === null || kibitzer === null) return;
    const session = { node, life, kibitzer, name: `${id}${node.lives}`, shown: 0 };
    this.#sessions.set(id, session);
    const from = Math.max(1, (this.#shown.get(id) ?? 0) - 10);
    this.#guard(session, this.#follow(session, from));
    this.#watchStatus(session);
  }

  down(node: SimulatedNode): void {
    const session = this.#sessions.get(node.id);
    if (session === undefined) return;
    this.#sessions.delete(node.id);
    this.#parts.durability.end(session.name);
  }

  /** Asks on, at random nodes, until `stop`. */
  start(): void {
    const { publishesPerSecond, barriersPerSecond, readsPerSecond } = this.#parts.options;
    this.#repeat(publishesPerSecond, (session) => this.#publishSome(session));
    this.#repeat(barriersPerSecond, (session) => this.#guard(session, this.#barrier(session)));
    this.#repeat(readsPerSecond, (session) => this.#guard(session, this.#readSome(session)));
    const { map } = this.#parts;
    this.#repeat(map.readsPerSecond, (session) => this.#guard(session, this.#readMap(session)));
  }

  stop(): void {
    this.#isOver = true;
  }

  /**
   * Publishes one entry at `node`, with all patience.
   * @param padding How many bytes more than its name it has; drawn when left out.
   * @returns what becomes of it, or null while the node is not ready.
   */
  publish(node: SimulatedNode, padding?: number): Submission | null {
    const session = this.#sessions.get(node.id);
    return session === undefined ? null : this.#publishOne(session, null, padding);
  }

  /** Asks `node` for a barrier; false while it is not ready. */
  barrier(node: SimulatedNode): boolean {
    return this.#ask(node, async (session) => await this.#barrier(session));
  }

  /** Reads what `node` has shown, from index `from` on. */
  read(node: SimulatedNode, from: number): boolean {
    return this.#ask(node, async (session) => {
      if (from <= session.shown) await this.#read(session, from, session.shown);
    });
  }

  /** Follows the log of `node` once more, from index `from` on. */
  follow(node: SimulatedNode, from: number): boolean {
    return this.#ask(node, async (session) => await this.#follow(session, from));
  }

  #ask(node: SimulatedNode, ask: (session: Session) => Promise<void>): boolean {
    const session = this.#sessions.get(node.id);
    if (session !== undefined) this.#guard(session, ask(session));
    return session !== undefined;
  }

  /** Whether anything that was published at one of `nodes`, or in other sessions, still waits. */
  isAwaitedAt(nodes: readonly SimulatedNode[], others: readonly string[]): boolean {
    const own = nodes.map(({ id }) => this.#sessions.get(id)?.name);
    const sessions: readonly (string | undefined)[] = [...own, ...others];
    for (const { session } of this.#parts.durability.waiting) {
      if (sessions.includes(session)) return true;
    }
    return false;
  }

  /** Shows the whole log of `node` to the checkers, up to what a barrier gives. */
  async readAll(node: SimulatedNode): Promise<number> {
    const session = this.#sessions.get(node.id);
    demand(session !== undefined, "L2", () => `node ${node.id} is not running`);
    const operation = this.#parts.history.invoke(null, "barrier", null);
    const { index } = await session.kibitzer.barrier();
    operation.ok(index);
    await this.#readFrom(session, index);
    return index;
  }

  #repeat(perSecond: number, act: (session: Session) => void): void {
    if (perSecond === 0) return;
    const { simulator, prng } = this.#parts;
    const next = (): void => {
      if (this.#isOver) return;
      const sessions = [...this.#sessions.values()];
      if (sessions.length > 0) act(prng.pick(sessions));
      simulator.after(prng.integer(0, Math.ceil((2 * second) / perSecond)), next);
    };
    next();
  }

  #publishSome(session: Session): void {
    const { prng, options } = this.#parts;
    const count = prng.chance(0.2) ? prng.integer(1, options.burstMax) : 1;
    if (count >= floodLeast) this.#parts.simulator.trace.fault("V3", `${count} at ${session.name}`);
    for (let number = 0; number < count; number += 1) {
      const patience = prng.chance(options.abortChance) ? prng.integer(0, second) : null;
      this.#publishOne(session, patience);
    }
  }

  #publishOne(session: Session, patience: number | null, bytes?: number): Submission {
    const { simulator, prng, durability, options, history, map } = this.#parts;
    const { name, life, kibitzer } = session;
    const drawn = map.draw();
    this.#values += 1;
    const padding = bytes ?? (prng.chance(0.1) ? prng.integer(0, options.bytesMax) : 8);
    const head = `${name}.${this.#values} ${map.wordsOf(drawn)}`;
    const isGiant = options.giantChance > 0 && prng.chance(options.giantChance);
    const size = isGiant ? this.#giantBytes() : head.length + padding;
    const submission = durability.submit(head.padEnd(size, "x"), name);
    const operation = history.invoke(null, "publish", nameOf(submission.text));
    const change = map.begin(drawn, nameOf(submission.text));
    const publish = { submission, operation, change };
    const controller = new AbortController();
    if (patience !== null) simulator.after(patience, () => controller.abort());
    kibitzer
      .publish(submission.text, { signal: controller.signal })
      .then(
        (published) => this.#acknowledged(life, publish, published),
        (error: unknown) => this.#refused(life, publish, error),
      )
      .catch((error: unknown) => simulator.fail(error));
    return submission;
  }

  /** V2: as large as an entry may be, or one byte larger. */
  #giantBytes(): number {
    const { simulator, prng } = this.#parts;
    const size = limits.entryBytesMax + prng.integer(0, 1);
    simulator.trace.fault("V2", `an entry of ${size} bytes`);
    return size;
  }

  #acknowledged(life: Life, publish: Publish, published: Published): void {
    const { submission, operation, change } = publish;
    // A process that ended in this very step told nobody.
    if (!life.alive) return;
    const { index } = published;
    this.#parts.map.acknowledged(change, nameOf(submission.text), published);
    operation.ok(index);
    this.#parts.simulator.trace.note(`acknowledged ${brief(submission.text)} at ${index}`);
    this.#parts.durability.acknowledge(submission, index);
    this.#parts.acknowledged();
  }

  #refused(life: Life, { submission, operation, change }: Publish, error: unknown): void {
    if (!life.alive) return;
    demand(error instanceof KibitzerError, "C7", () => `publish rejected with ${String(error)}`);
    for (const each of [operation, change]) {
      if (error.outcome === "none") each?.fail(error.code);
      else each?.info(error.code);
    }
    const { trace } = this.#parts.simulator;
    trace.note(`refused ${brief(submission.text)}: ${error.code}`);
    if (error.code === "KBZ_DISK_FULL") trace.mark("answer.full");
    trace.mark(error.outcome === "none" ? "answer.none" : "answer.unknown");
    this.#parts.durability.refuse(submission, error.outcome);
  }

  /** C5: a barrier shows whatever was acknowledged before it began, on any node. */
  async #barrier(session: Session): Promise<void> {
    const { durability, simulator, history } = this.#parts;
    const least = durability.indexAcknowledged;
    const operation = history.invoke(null, "barrier", null);
    const controller = new AbortController();
    const timer = simulator.after(barrierPatience, () => controller.abort());
    try {
      const { index } = await session.kibitzer.barrier({ signal: controller.signal });
      if (!session.life.alive) return;
      operation.ok(index);
      demand(index >= least, "C5", () => {
        return `a barrier at ${session.node.id} gave ${index}, though ${least} was acknowledged`;
      });
      this.#barriers += 1;
      if (index > 0) await this.#read(session, index, index);
    } finally {
      timer.cancel();
    }
  }

  async #readMap({ kibitzer, life }: Session): Promise<void> {
    const { simulator, map } = this.#parts;
    const controller = new AbortController();
    const timer = simulator.after(barrierPatience, () => controller.abort());
    try {
      await map.read(kibitzer, () => life.alive, controller.signal);
    } finally {
      timer.cancel();
    }
  }

  async #readSome(session: Session): Promise<void> {
    const { shown } = session;
    if (shown === 0) return;
    const from = this.#parts.prng.integer(1, shown);
    await this.#read(session, from, Math.min(shown, from + 20));
  }

  /** Reads all that is left of the log up to `to`. */
  async #readFrom(session: Session, to: number): Promise<void> {
    for (let from = 1; from <= to;) {
      try {
        await this.#read(session, from, to);
        this.#parts.agreement.begins(from);
        return;
      } catch (error) {
        if (this.#isTrueDamage(session, error)) return;
        from = this.#firstAfter(session, from, error);
      }
    }
    this.#parts.agreement.begins(to + 1);
  }

  /** D7: who tells of damage has some, or could not read; what it had is for others to show. */
  #isTrueDamage({ node }: Session, error: unknown): boolean {
    const isDamage = error instanceof KibitzerError && error.code === "KBZ_DAMAGED";
    if (isDamage) this.#parts.simulator.trace.note(`${node.id} tells of damage: ${error.message}`);
    return isDamage && (node.disk.wounds.isSuspect || isOfDisk(error));
  }

  /** W5: whoever asks for what is gone is told with what the log begins now. */
  #firstAfter({ node }: Session, from: number, error: unknown): number {
    const first = firstIndexOf(error);
    if (first === null) throw error;
    this.#parts.simulator.trace.mark("read.truncated");
    demand(first > from, "W5", () => `${node.id} says that ${from} is gone, not ${first}`);
    return first;
  }

  /** Reads `from … to`, all of which must be there (W4). */
  async #read({ life, kibitzer, node }: Session, from: number, to: number): Promise<void> {
    let expected = from;
    const operation = this.#parts.history.invoke(null, "read", { from, to });
    const values: string[] = [];
    try {
      for await (const entry of kibitzer.entries({ from, to, follow: false })) {
        if (!life.alive) return;
        demand(entry.index === expected, "W4", () => {
          return `${node.id} shows index ${entry.index} where ${expected} was due`;
        });
        expected += 1;
        values.push(nameOf(this.#parts.agreement.show(node.id, entry).text));
      }
    } catch (error) {
      if (firstIndexOf(error) !== null) operation.fail("KBZ_TRUNCATED");
      throw error;
    }
    // A read ends early when its node closes, and only then.
    if (!life.alive || node.kibitzer !== kibitzer) return;
    operation.ok(values);
    demand(expected === to + 1, "C5", () => {
      return `${node.id} ends at index ${expected - 1} of a read up to ${to}`;
    });
  }

  async #follow(session: Session, from: number): Promise<void> {
    for (let first = from; session.life.alive;) {
      try {
        await this.#followFrom(session, first);
        return;
      } catch (error) {
        first = this.#firstAfter(session, first, error);
      }
    }
  }

  async #followFrom(session: Session, from: number): Promise<void> {
    const { life, kibitzer, node } = session;
    const { history, agreement } = this.#parts;
    let expected = from;
    // Each entry that comes answers a read that waited for it.
    let operation = history.invoke(null, "read", { from: expected, to: expected });
    for await (const entry of kibitzer.entries({ from })) {
      if (!life.alive) return;
      demand(entry.index === expected, "W4", () => {
        return `${node.id} tells index ${entry.index} where ${expected} was due`;
      });
      expected += 1;
      operation.ok([nameOf(agreement.show(node.id, entry).text)]);
      operation = history.invoke(null, "read", { from: expected, to: expected });
      session.shown = Math.max(session.shown, entry.index);
      this.#shown.set(node.id, Math.max(entry.index, this.#shown.get(node.id) ?? 0));
    }
  }

  #watchStatus(session: Session): void {
    const { life } = session;
    const look = (): void => {
      if (!life.alive || session.node.kibitzer === null) return;
      this.#guard(session, this.#status(session));
      life.after(statusMicros, look);
    };
    look();
  }

  async #status({ kibitzer, life }: Session): Promise<void> {
    const { members } = await kibitzer.status();
    if (!life.alive) return;
    for (const { id, hash } of members) this.#parts.agreement.hash(id, hash.slot, hash.value);
  }

  /** A refused read or barrier is an answer like another; anything else ends the run. */
  #guard(session: Session, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!session.life.alive || isAbort(error)) return;
      const isDamage = error instanceof KibitzerError && error.code === "KBZ_DAMAGED";
      if (error instanceof KibitzerError && !isDamage) return;
      if (this.#isTrueDamage(session, error)) return;
      this.#parts.simulator.fail(error);
    });
  }
}

/** A read or a barrier that was given up rejects with the reason of its signal. */
function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

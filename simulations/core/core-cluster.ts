/**
 * Several legislators in virtual time: carries out what each step asks for, through a network and
 * journals with faults. Every step is shown to the invariants before anything of it leaves.
 */
import {
  sameBallot,
  type Decree,
  type LegislatorInput,
  type NodeId,
  type Outcome,
  type Slot,
  type SlotDispatch,
} from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import { inputText, outcomeLines, writeText } from "./abbreviate.ts";
import { clockwork, CoreNode, type Clockwork, type Unstamped } from "./core-node.ts";
import type { Invariants } from "./invariants.ts";
import { Candidacies } from "./candidacies.ts";
import { Network, type Packet } from "./network.ts";
import { beforeOutdated, checkOutdated } from "./outdated.ts";
import { Schedule } from "./schedule.ts";
import { Seats } from "./seats.ts";

/** How journals and clocks behave, all delays in virtual milliseconds. */
export interface NodeFaults {
  readonly syncMean: number;
  /** The chance that one sync takes fifty times as long. */
  readonly syncStall: number;
  /** How late timers fire, on average. */
  readonly lateMean: number;
}

export interface ClusterOptions {
  readonly prng: Prng;
  readonly invariants: Invariants;
  readonly recorded: boolean;
  /** Takes each line of the trace; null for no trace. */
  readonly trace: ((line: string) => void) | null;
  /** Of every node's elections; left out, quick ones. */
  readonly timing?: Clockwork;
}

/** Twice the time after which silence is noticed. */
const absentAfter = 2 * clockwork.silenceTicks;

export type Watcher = (node: CoreNode, outcome: Outcome, input: LegislatorInput) => void;

export class CoreCluster {
  readonly schedule: Schedule = new Schedule();
  readonly network: Network;
  readonly nodes: Map<NodeId, CoreNode> = new Map();
  nodeFaults: NodeFaults = calmNodes;
  steps = 0;
  readonly counts: Map<string, number> = new Map();
  readonly #options: ClusterOptions;
  readonly #prng: Prng;
  readonly #watchers: Watcher[] = [];
  readonly #candidacies = new Candidacies(this);
  readonly #seats: Seats;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#prng = options.prng.fork("cluster");
    this.#seats = new Seats(options.invariants.chosen);
    const deliver = (packet: Packet): void => this.#deliver(packet);
    this.network = new Network(this.schedule, options.prng.fork("network"), deliver);
  }

  get now(): number {
    return this.schedule.now;
  }

  get up(): readonly CoreNode[] {
    return [...this.nodes.values()].filter((node) => node.isUp);
  }

  node(id: NodeId): CoreNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Tells `watcher` of every outcome. */
  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  add(id: NodeId): CoreNode {
    const node = new CoreNode(id, this.#prng.fork(id), this.#options.timing);
    this.nodes.set(id, node);
    this.start(node);
    return node;
  }

  /** Another machine under the same id: an empty disk, a new cookie. */
  replace(node: CoreNode): void {
    if (this.nodes.get(node.id) !== node) return;
    this.note(() => `${node.id}: is replaced`);
    this.count("replaced");
    this.crash(node);
    this.add(node.id);
  }

  start(node: CoreNode): void {
    if (node.isUp || node.retired) return;
    this.note(() => `${node.id}: starts`);
    const durable = node.start(this.now, this.#options.recorded);
    this.#options.invariants.onStart(node, durable);
    this.step(node, { kind: "event", jitter: this.#prng.fraction() });
    if (!node.hasSpace) this.setRoom(node, false);
  }

  /** The disk of `node` is full, or has room again; its journal tells it so. */
  setRoom(node: CoreNode, hasRoom: boolean): void {
    node.hasSpace = hasRoom;
    this.later(node, 0, () => {
      if (node.hasRoom !== node.hasSpace) this.step(node, { kind: "room", hasRoom: node.hasSpace });
    });
  }

  /** Takes a node away: it is down, or up without room. */
  lose(node: CoreNode, how: "down" | "full"): void {
    if (how === "down") {
      this.crash(node);
      return;
    }
    this.setRoom(node, false);
    this.start(node);
  }

  /** Brings a node back, with room. */
  mend(node: CoreNode): void {
    this.setRoom(node, true);
    this.start(node);
  }

  /** Power is lost: some of the writes under way are durable, the others are gone. */
  crash(node: CoreNode): void {
    if (!node.isUp) return;
    const hardened = this.#prng.integer(0, node.disk.pending.length);
    this.note(() => `${node.id}: crashes, keeps ${hardened} of ${node.disk.pending.length} writes`);
    for (let count = 0; count < hardened; count += 1) this.#harden(node);
    node.crash();
    node.downSince = this.now;
    for (const peer of this.up) {
      if (this.#prng.chance(0.7)) this.hint(peer, node.id);
    }
  }

  /** The disk of a node that is down loses undecided slots from `slot` on. */
  damage(node: CoreNode, slot: Slot): void {
    this.note(() => `${node.id}: slots from ${slot} on are damaged`);
    this.count("damage");
    node.disk.lose(slot);
    this.#options.invariants.loseSlots(node);
  }

  /** Tells `node` that its connection to `to` was lost. */
  hint(node: CoreNode, to: NodeId): void {
    this.later(node, this.network.delay(), () => {
      this.step(node, { kind: "sent", to });
    });
  }

  pause(node: CoreNode, duration: number): void {
    if (!node.isUp) return;
    this.note(() => `${node.id}: pauses for ${Math.round(duration)}`);
    node.pausedUntil = Math.max(node.pausedUntil, this.now + duration);
    this.#resume(node);
  }

  /** The next sync of its disk takes so long. */
  stall(node: CoreNode, duration: number): void {
    node.stalledUntil = this.now + duration;
  }

  /** Hands an input to a node; it waits while the node is paused. */
  step(node: CoreNode, unstamped: Unstamped): Outcome | null {
    if (!node.isUp || node.halted) return null;
    const input = node.stamp(this.now, unstamped);
    const { invariants } = this.#options;
    this.steps += 1;
    const before = beforeOutdated(node, input);
    const outcome = node.step(input);
    this.#candidacies.onOutcome(node, input, outcome);
    this.#seats.onOutcome(node, input, outcome);
    if (before !== null) checkOutdated(node, input, before);
    this.#trace(node, () => [inputText(input), ...outcomeLines(outcome)]);
    if (outcome.persist !== null) {
      node.disk.append(outcome.persist);
      invariants.onWritten(node, outcome.persist, (id) => this.#isThereFor(node, id));
    }
    invariants.onOutcome(node, input, outcome);
    this.#carryOut(node, outcome);
    for (const watcher of this.#watchers) watcher(node, outcome, input);
    return outcome;
  }

  /** Does `action` after `delay`, unless this life of the node is over; later still when paused. */
  later(node: CoreNode, delay: number, action: () => void): { cancel(): void } {
    const life = node.starts;
    const guarded = (): void => {
      if (!node.isUp || node.starts !== life) return;
      if (this.now < node.pausedUntil) node.waiting.push(guarded);
      else action();
    };
    return this.schedule.after(delay, guarded);
  }

  note(line: () => string): void {
    this.#options.trace?.(`${this.now.toFixed(1).padStart(9)} ${line()}`);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Whether a leader may take `id` for somebody who is there yet; in a pause it hears nothing. */
  #isThereFor(leader: CoreNode, id: NodeId): boolean {
    const node = this.nodes.get(id);
    if (node === undefined || node.isUp) return node !== undefined;
    return this.now - Math.max(node.downSince, leader.pausedUntil) < absentAfter;
  }

  #trace(node: CoreNode, lines: () => string[]): void {
    if (this.#options.trace === null) return;
    const [first, ...rest] = lines();
    this.note(() => `${node.id}  ${first ?? ""}`);
    for (const line of rest) this.#options.trace(`${" ".repeat(13)}   ${line}`);
  }

  #carryOut(node: CoreNode, outcome: Outcome): void {
    this.#sync(node);
    for (const dispatch of outcome.sendSlots) this.#sendSlots(node, dispatch);
    for (const { to, lane, message } of outcome.send) {
      this.count(message.kind);
      const packet = { from: node.id, cookie: node.cookie, to, message };
      const behind = lane === "bulk" ? node.behindSlots.get(to) : undefined;
      if (behind === undefined) this.network.send(packet);
      else behind.push(packet);
    }
    if (outcome.halt !== null) {
      this.note(() => `${node.id}: halts`);
      this.count(`halt ${outcome.halt?.kind ?? ""}`);
      node.halted = true;
      node.retired = true;
      this.schedule.after(0, () => this.crash(node));
    }
    this.#setDeadline(node, outcome.deadline);
  }

  #setDeadline(node: CoreNode, deadline: number | null): void {
    node.deadline?.cancel();
    node.deadline = null;
    if (deadline === null) return;
    const late = this.#prng.exponential(this.nodeFaults.lateMean);
    node.deadline = this.later(node, node.untilTick(this.now, deadline) + late + 0.01, () => {
      this.step(node, { kind: "event", jitter: this.#prng.fraction() });
    });
  }

  /** Group commit: one sync is under way, what is written meanwhile goes with the next. */
  #sync(node: CoreNode): void {
    const writes = node.disk.pending.length;
    if (node.syncing || writes === 0) return;
    node.syncing = true;
    const { syncMean, syncStall } = this.nodeFaults;
    const usual = this.#prng.exponential(syncMean) * (this.#prng.chance(syncStall) ? 50 : 1);
    const delay = Math.max(usual, node.stalledUntil - this.now);
    const life = node.starts;
    this.schedule.after(delay, () => {
      if (!node.isUp || node.starts !== life) return;
      for (let count = 0; count < writes; count += 1) this.#persist(node);
      node.syncing = false;
      this.#sync(node);
    });
  }

  #persist(node: CoreNode): void {
    const number = this.#harden(node);
    if (number === null) return;
    // Completions may be told late, singly or together; the order is kept.
    if (this.#prng.chance(0.3) && node.disk.pending.length > 0) return;
    this.later(node, this.#prng.chance(0.1) ? this.#prng.exponential(5) : 0, () => {
      if (number > node.persistedTold) {
        node.persistedTold = number;
        this.step(node, { kind: "persisted", write: number });
      }
    });
  }

  #harden(node: CoreNode): number | null {
    const before = node.disk.durable.accepted;
    const write = node.disk.harden();
    if (write === null) return null;
    const rose = !sameBallot(before, write.accepted);
    this.note(() => `${node.id}  durable ${writeText(write)}`);
    this.#options.invariants.onDurable(node, write, rose);
    return write.number;
  }

  #sendSlots(node: CoreNode, { to, slotFirst, slotLast, decided }: SlotDispatch): void {
    if (node.behindSlots.has(to)) return;
    node.behindSlots.set(to, []);
    this.later(node, this.#prng.exponential(2), () => {
      // As much as one read gives: the receiver asks for the rest.
      const slots = Math.min(slotLast - slotFirst + 1, this.#prng.integer(1, 64));
      const decrees: Decree[] = node.disk.written.log.slice(slotFirst - 1, slotFirst - 1 + slots);
      const message = { kind: "learn", decrees, decided } as const;
      this.count("learn");
      this.network.send({ from: node.id, cookie: node.cookie, to, message });
      for (const packet of node.behindSlots.get(to) ?? []) this.network.send(packet);
      node.behindSlots.delete(to);
    });
  }

  #deliver({ from, cookie, to, message }: Packet): void {
    const node = this.nodes.get(to);
    if (node === undefined) return;
    this.later(node, 0, () => this.step(node, { kind: "receive", from, cookie, message }));
  }

  #resume(node: CoreNode): void {
    const life = node.starts;
    this.schedule.after(node.pausedUntil - this.now, () => {
      if (!node.isUp || node.starts !== life || this.now < node.pausedUntil) return;
      for (const action of node.waiting.splice(0)) action();
    });
  }
}

export const calmNodes: NodeFaults = { syncMean: 1, syncStall: 0, lateMean: 0.5 };

/**
 * The next state of the whole republic in the making: steps single nodes, shows the ghost state
 * what they did, and keeps what they sent. Knows nothing of which actions there are.
 */
import { demand, Violation } from "../../core/violation.ts";
import { PairTable } from "../pair-table.ts";
import { ballotName } from "./ballots.ts";
import { Ghosts } from "./ghost.ts";
import { nodeIds } from "./live-node.ts";
import type { NodeInput } from "./node-inputs.ts";
import type { NodeSteps } from "./node-steps.ts";
import type { Packets } from "./packets.ts";
import { changed, electionsOf, left } from "./scope.ts";

/**
 * The states of the three nodes, the ghost state, what is left of the scope, what is broken (0 for
 * nothing), and the packets in the network: numbers all, the packets sorted and each there once.
 */
export type RepublicState = readonly number[];

export const place = { ghost: 3, budget: 4, breach: 5, packets: 6 } as const;

/** What is shared by all drafts of one exploration. */
export class Workshop {
  readonly steps: NodeSteps;
  readonly packets: Packets;
  /** Whether what is written is durable at once. */
  readonly isAtomic: boolean;
  readonly ghosts: Ghosts = new Ghosts();
  readonly breaches: string[] = ["nothing is broken"];
  readonly #ghostsAfter = new PairTable();

  constructor(steps: NodeSteps, packets: Packets, isAtomic: boolean) {
    this.steps = steps;
    this.packets = packets;
    this.isAtomic = isAtomic;
  }

  /** @throws {Violation} when an invariant does not hold. */
  ghostAfter(ghost: number, events: number): number {
    const known = this.#ghostsAfter.get(ghost, events);
    if (known !== -1) return known;
    let after = ghost;
    for (const event of this.steps.eventsAt(events)) after = this.ghosts.after(after, event);
    this.#ghostsAfter.add(ghost, events, after);
    return after;
  }
}

export class Draft {
  readonly #workshop: Workshop;
  readonly #before: RepublicState;
  readonly #nodes: number[];
  #ghost: number;
  budget: number;
  #breach = 0;
  readonly #network: number[];
  /** Whether it leads out of the scope. */
  isOutside = false;
  #hasSent = false;
  #hasLost = false;
  #hasHardened = false;
  /** Takes what happens, for people; null when nobody asks. */
  readonly #story: string[] | null;

  constructor(workshop: Workshop, before: RepublicState, story: string[] | null = null) {
    this.#workshop = workshop;
    this.#before = before;
    this.#nodes = before.slice(0, place.ghost);
    this.#ghost = before[place.ghost] ?? 0;
    this.budget = before[place.budget] ?? 0;
    this.#network = before.slice(place.packets);
    this.#story = story;
  }

  get isOver(): boolean {
    return this.isOutside || this.#breach !== 0;
  }

  /** Whether a node is another than before. */
  hasMoved(node: number): boolean {
    return this.#nodes[node] !== this.#before[node];
  }

  take(packet: number): void {
    const at = this.#network.indexOf(packet);
    if (at !== -1) this.#network.splice(at, 1);
  }

  lose(packet: number): void {
    this.take(packet);
    this.#hasLost = true;
  }

  /** A ping or pong arrives; as good as lost when its receiver would stand up once too often. */
  hear(packet: number): readonly number[] {
    const { steps, packets } = this.#workshop;
    const node = packets.at(packet).to;
    const input: NodeInput = { kind: "receive", packet };
    const { stoodUp } = steps.step(this.#nodes[node] ?? 0, input);
    return stoodUp && this.electionsLeft(node) === 0 ? [] : this.step(node, input);
  }

  /**
   * Steps a node. What it sends goes into the network, but for pings and pongs, which are returned:
   * whoever does not deliver them at once has lost them.
   */
  step(node: number, input: NodeInput): readonly number[] {
    const { steps } = this.#workshop;
    const state = this.#nodes[node] ?? 0;
    const transition = steps.step(state, input);
    this.#tell(node, state, input);
    if (transition.breach !== null) this.#break(transition.breach);
    if (this.isOver) return [];
    if (transition.stoodUp && !this.#mayStandUp(node)) return [];
    this.#nodes[node] = transition.to;
    this.#hasHardened ||= input.kind === "persisted" || input.kind === "crash";
    if (transition.events !== 0) this.#show(transition.events);
    const heartbeats = this.#sendAll(transition.packets);
    const { pending } = steps.at(transition.to);
    if (!this.#workshop.isAtomic || pending === 0) return heartbeats;
    return [...heartbeats, ...this.step(node, { kind: "persisted", writes: pending })];
  }

  #sendAll(sent: readonly number[]): readonly number[] {
    const heartbeats: number[] = [];
    for (const packet of sent) {
      const { kind } = this.#workshop.packets.at(packet).message;
      if (kind === "ping" || kind === "pong") heartbeats.push(packet);
      else this.#send(packet);
    }
    return heartbeats;
  }

  /** Takes one from the elections that are left to a node. */
  #mayStandUp(node: number): boolean {
    const count = electionsOf[node];
    if (count === undefined || this.electionsLeft(node) === 0) this.isOutside = true;
    else this.budget = changed(this.budget, count, -1);
    return !this.isOutside;
  }

  electionsLeft(node: number): number {
    const count = electionsOf[node];
    return count === undefined ? 0 : left(this.budget, count);
  }

  /** The state, or null when nothing changed or it is out of scope. */
  finish(): RepublicState | null {
    if (this.isOutside) return null;
    const hasMoved = this.#nodes.some((state, node) => state !== this.#before[node]);
    const hasChanged = hasMoved || this.#hasSent || this.#hasLost;
    if (!hasChanged && this.#breach === 0) return null;
    const packets =
      this.#hasHardened && this.#breach === 0 ? this.#withoutPointless() : this.#network;
    return [...this.#nodes, this.#ghost, this.budget, this.#breach, ...packets];
  }

  #tell(node: number, state: number, input: NodeInput): void {
    if (this.#story === null) return;
    for (const line of this.#workshop.steps.lines(state, input)) {
      this.#story.push(`${nodeIds[node] ?? ""}: ${line}`);
    }
  }

  #break(breach: string): void {
    this.#breach = this.#workshop.breaches.push(breach) - 1;
  }

  #show(events: number): void {
    try {
      this.#ghost = this.#workshop.ghostAfter(this.#ghost, events);
      for (const event of this.#workshop.steps.eventsAt(events)) {
        if (event.kind === "leads") this.#checkPromises(event.ballot);
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#break(error.message);
    }
  }

  /** Who leads has durable promises of a majority, its own among them. */
  #checkPromises(ballot: number): void {
    const promises = this.#promises().filter((promised) => promised >= ballot).length;
    demand(promises >= 2, "A9", () => `${ballotName(ballot)} is led on ${promises} promises`);
  }

  #promises(): readonly number[] {
    return this.#nodes.map((state) => this.#workshop.steps.at(state).promisedDurably);
  }

  #send(packet: number): void {
    if (this.#isPointless(packet, this.#promises())) return;
    let at = this.#network.length;
    while (at > 0 && (this.#network[at - 1] ?? 0) > packet) at -= 1;
    if (at > 0 && this.#network[at - 1] === packet) return;
    this.#network.splice(at, 0, packet);
    this.#hasSent = true;
  }

  #withoutPointless(): readonly number[] {
    const promises = this.#promises();
    return this.#network.filter((packet) => {
      return !this.#isPointless(packet, promises);
    });
  }

  /** A message that must come to nothing is left out once it was seen to come to nothing. */
  #isPointless(packet: number, promises: readonly number[]): boolean {
    const { packets, steps } = this.#workshop;
    if (!packets.isPointless(packet, promises)) return false;
    const { to } = packets.at(packet);
    const state = this.#nodes[to] ?? 0;
    const transition = steps.step(state, { kind: "receive", packet });
    const isIgnored =
      transition.to === state &&
      transition.packets.every((sent) => packets.at(sent).message.kind === "refused");
    if (!isIgnored) {
      this.#break(transition.breach ?? `A11: acts on an old ballot: ${packets.text(packet)}`);
    }
    return true;
  }
}

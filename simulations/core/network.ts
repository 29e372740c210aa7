/**
 * The network between simulated nodes: it drops, delays, reorders, doubles, replays late and cuts
 * links one way. Never looks into a message; never makes one up.
 */
import type { Cookie, Message, NodeId } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { Schedule } from "./schedule.ts";

/** What is wrong with every link, all delays in virtual milliseconds. */
export interface LinkFaults {
  readonly drop: number;
  readonly duplicate: number;
  /** The chance of one more copy, 1 to 15 seconds later. */
  readonly replay: number;
  readonly delayMin: number;
  readonly delayMean: number;
  /** The chance that a message takes twenty times as long. */
  readonly tail: number;
}

export interface Packet {
  readonly from: NodeId;
  readonly cookie: Cookie;
  readonly to: NodeId;
  readonly message: Message;
}

export class Network {
  readonly #schedule: Schedule;
  readonly #prng: Prng;
  readonly #deliver: (packet: Packet) => void;
  /** Which links are cut, and since when. */
  readonly #cuts = new Map<string, number>();
  #faults: LinkFaults;

  constructor(schedule: Schedule, prng: Prng, deliver: (packet: Packet) => void) {
    this.#schedule = schedule;
    this.#prng = prng;
    this.#deliver = deliver;
    this.#faults = calmLinks;
  }

  set faults(faults: LinkFaults) {
    this.#faults = faults;
  }

  /** Nothing sent by `from` reaches `to` any more, what is under way included. */
  cut(from: NodeId, to: NodeId): void {
    const link = `${from}>${to}`;
    if (!this.#cuts.has(link)) this.#cuts.set(link, this.#schedule.now);
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Infinity while it is not. */
  cutSince(from: NodeId, to: NodeId): number {
    return this.#cuts.get(`${from}>${to}`) ?? Infinity;
  }

  heal(): void {
    this.#cuts.clear();
  }

  send(packet: Packet): void {
    const prng = this.#prng;
    if (this.isCut(packet.from, packet.to) || prng.chance(this.#faults.drop)) return;
    this.#post(packet, this.delay());
    if (prng.chance(this.#faults.duplicate)) this.#post(packet, this.delay());
    if (prng.chance(this.#faults.replay)) this.#post(packet, prng.between(1000, 15_000));
  }

  /** Draws how long a message takes. */
  delay(): number {
    const { delayMin, delayMean, tail } = this.#faults;
    const delay = delayMin + this.#prng.exponential(delayMean);
    return this.#prng.chance(tail) ? delay * 20 : delay;
  }

  #post(packet: Packet, delay: number): void {
    this.#schedule.after(delay, () => {
      if (!this.isCut(packet.from, packet.to)) this.#deliver(packet);
    });
  }
}

export const calmLinks: LinkFaults = {
  drop: 0,
  duplicate: 0,
  replay: 0,
  delayMin: 0.2,
  delayMean: 1,
  tail: 0,
};

/** What is sent first arrives first. */
export const orderlyLinks: LinkFaults = { ...calmLinks, delayMin: 1, delayMean: 0 };

/**
 * One simulated node: a legislator, its journal and its clock, through lives and deaths. Its only
 * way to the legislator is `step`; what a step asks for is carried out as the contract says.
 */
import {
  InvariantViolation,
  Legislator,
  type Citizen,
  type Cookie,
  type DurableState,
  type LegislatorInput,
  type LegislatorOptions,
  type NodeId,
  type Outcome,
} from "../../consensus/index.ts";
import type { Packet } from "./network.ts";
import type { Prng } from "../prng.ts";
import { Recorder } from "./recorder.ts";
import { Violation } from "./violation.ts";
import { VirtualDisk } from "./virtual-disk.ts";

/** An input without the time, which the node's own clock adds. */
export type Unstamped = LegislatorInput extends infer Input
  ? Input extends LegislatorInput
    ? Omit<Input, "now" | "when">
    : never
  : never;

export type Clockwork = Pick<
  LegislatorOptions,
  "pingTicks" | "silenceTicks" | "stallTicks" | "replaceTicks"
>;

export const clockwork: Clockwork = {
  pingTicks: 50,
  silenceTicks: 250,
  stallTicks: 500,
  replaceTicks: null,
};

export class CoreNode {
  readonly id: NodeId;
  readonly cookie: Cookie;
  readonly timing: Clockwork;
  readonly disk: VirtualDisk = new VirtualDisk();
  /** Virtual milliseconds per tick of its own clock are 1 / rate. */
  rate = 1;
  starts = 0;
  /** Until when it is frozen, in virtual time. */
  pausedUntil = 0;
  /** Until when nothing becomes durable on its disk, in virtual time. */
  stalledUntil = 0;
  /** When its last life ended, in virtual time. */
  downSince = 0;
  /** How often it was moved to another endpoint. */
  moves = 0;
  /** It said that it must stop; nothing reaches it any more. */
  halted = false;
  /** Exiled, or halted by itself: never started again. */
  retired = false;
  syncing = false;
  /** Whether its disk has room, and whether this life believes so. */
  hasSpace = true;
  hasRoom = true;
  /** The highest write number that this life was told to be durable. */
  persistedTold = 0;
  deadline: { cancel(): void } | null = null;
  readonly waiting: (() => void)[] = [];
  /** What goes behind the decided slots that are being read for a peer, by peer. */
  readonly behindSlots: Map<NodeId, Packet[]> = new Map();

  readonly #prng: Prng;
  #legislator: Legislator | null = null;
  #recorder: Recorder | null = null;
  #startedAt = 0;
  #tickLast = 0;

  constructor(id: NodeId, prng: Prng, timing: Clockwork = clockwork) {
    this.id = id;
    this.timing = timing;
    this.#prng = prng;
    this.cookie = prng.hex16();
  }

  get isUp(): boolean {
    return this.#legislator !== null;
  }

  get legislator(): Legislator {
    if (this.#legislator === null) throw new Error(`${this.id} is down`);
    return this.#legislator;
  }

  get citizen(): Citizen {
    const url = `sim://${this.id}${this.moves === 0 ? "" : `/${this.moves}`}`;
    return { id: this.id, cookie: this.cookie, url, properties: {} };
  }

  /** Begins a life on what the disk holds. */
  start(now: number, recorded: boolean): DurableState {
    const durable = this.disk.recover();
    this.starts += 1;
    this.#startedAt = now;
    this.#tickLast = 0;
    this.persistedTold = 0;
    this.hasRoom = true;
    const options: LegislatorOptions = {
      id: this.id,
      cookie: this.cookie,
      starts: this.starts,
      ...this.timing,
    };
    this.#recorder = recorded ? new Recorder(options, durable, this.#prng.fork("recorder")) : null;
    this.#legislator = new Legislator(options, durable);
    return durable;
  }

  /** Ends this life; what is not durable is lost. */
  crash(): void {
    this.#recorder?.verify();
    this.#recorder = null;
    this.#legislator = null;
    this.syncing = false;
    this.deadline?.cancel();
    this.deadline = null;
    this.waiting.length = 0;
    this.behindSlots.clear();
    this.pausedUntil = 0;
    this.disk.crash();
  }

  /** Replays what was recorded of this life so far. */
  verifyRecording(): void {
    this.#recorder?.verify();
  }

  /** This node's monotonic clock. */
  tick(now: number): number {
    this.#tickLast = Math.max(this.#tickLast, Math.floor((now - this.#startedAt) * this.rate));
    return this.#tickLast;
  }

  /** In how many virtual milliseconds this node's clock shows `tick`. */
  untilTick(now: number, tick: number): number {
    return Math.max(0, this.#startedAt + tick / this.rate - now);
  }

  stamp(now: number, unstamped: Unstamped): LegislatorInput {
    const stamped = {
      ...unstamped,
      now: this.tick(now),
      when: 1_700_000_000_000 + Math.floor(now),
    };
    return stamped;
  }

  step(input: LegislatorInput): Outcome {
    if (input.kind === "room") this.hasRoom = input.hasRoom;
    try {
      const outcome = this.legislator.step(input);
      this.#recorder?.record(input, outcome, this.legislator);
      return outcome;
    } catch (error) {
      if (!(error instanceof InvariantViolation)) throw error;
      const violation = new Violation("assertion", `${this.id}: ${error.message}`);
      violation.stack = error.stack ?? "";
      throw violation;
    }
  }
}

/**
 * One end of a connection in memory. Carries frame by frame, and leaves it to the network when, and
 * whether, one arrives. Never changes what it was given.
 */
import type { Lane } from "./caller.ts";
import { frameHeaderBytes, frameKinds, joinPieces, readUint32 } from "./framing.ts";
import type { Wire, WireEvents } from "./wire.ts";

/**
 * What a policy is asked about: a frame of the protocol, or the making and ending of a connection.
 */
export interface MemoryFrame {
  /** The names of the sending and the receiving node. */
  readonly from: string;
  readonly to: string;
  readonly lane: Lane;
  readonly kind: keyof typeof frameKinds | "connect" | "close";
  readonly bytes: number;
}

export type Deliver = (frame: MemoryFrame, run: () => void) => void;

/**
 * Says how many bytes of a frame that arrives come at once, at least one. The rest comes when
 * `rest` is called, together with all that has arrived meanwhile: a network knows no frames.
 */
export type PartOf = (frame: MemoryFrame, rest: () => void) => number;

export interface MemoryEnds {
  readonly near: string;
  readonly far: string;
  readonly lane: Lane;
}

/** The network, as an end of a connection has it. */
export interface MemoryWatcher {
  attached(wire: MemoryWire): void;
  closed(wire: MemoryWire): void;
  /** Null: frames come whole. */
  readonly partOf: PartOf | null;
}

const kindNames: ReadonlyMap<number | undefined, keyof typeof frameKinds> = new Map([
  [frameKinds.hello, "hello"],
  [frameKinds.call, "call"],
  [frameKinds.answer, "answer"],
  [frameKinds.failure, "failure"],
  [frameKinds.tell, "tell"],
  [frameKinds.abort, "abort"],
  [frameKinds.bye, "bye"],
]);

export class MemoryWire implements Wire {
  readonly near: string;
  #far: string;
  readonly address: string;
  readonly lane: Lane;
  readonly #deliver: Deliver;
  readonly #watcher: MemoryWatcher;
  #other: MemoryWire | null = null;
  #events: WireEvents | null = null;
  #state: "open" | "ended" | "closed" = "open";
  #dead = false;
  /** What has arrived and not come yet. */
  #rest: Uint8Array | null = null;

  constructor(ends: MemoryEnds, deliver: Deliver, watcher: MemoryWatcher) {
    this.near = ends.near;
    this.#far = ends.far;
    this.address = `memory:${ends.far}`;
    this.lane = ends.lane;
    this.#deliver = deliver;
    this.#watcher = watcher;
  }

  /** Whether the node at this end crashed: it is told nothing any more, and nothing leaves it. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Whether this end still has a connection to a node that crashed. */
  get facesDead(): boolean {
    return this.#other?.dead === true && this.#state !== "closed";
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  attach(events: WireEvents): void {
    this.#events = events;
    this.#watcher.attached(this);
  }

  /** Who is there; while nobody has answered, who was at that address when it was dialled. */
  get far(): string {
    return this.#far;
  }

  /** Joins this end to `other`; once, and the other way round too. */
  join(other: MemoryWire): void {
    this.#other = other;
    this.#far = other.near;
  }

  write(pieces: readonly Uint8Array[]): void {
    if (this.#state !== "open") return;
    const [only] = pieces;
    const bytes = pieces.length === 1 && only !== undefined ? only : joinPieces(pieces);
    for (let start = 0; start < bytes.length;) {
      const end = start + 4 + readUint32(bytes, start);
      // Nobody changes bytes that were received: the frames may share their memory.
      this.#sendFrame(bytes.subarray(start, end));
      start = end;
    }
  }

  /** A memory network is never slower than its sender: what it holds back is the policy's. */
  queuedBytes(): number {
    return 0;
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.send("close", 0, () => {
      this.#other?.shut(null);
      this.shut(null);
    });
  }

  destroy(): void {
    if (this.#state === "closed") return;
    const wasEnded = this.#state === "ended";
    this.#close();
    if (!wasEnded) this.send("close", 0, () => this.#other?.shut(null));
  }

  /** Gives something to the policy; it happens at most once, and never after a crash here. */
  send(kind: MemoryFrame["kind"], bytes: number, happen: () => void): void {
    if (this.#dead) return;
    let happened = false;
    const { near: from, far: to } = this;
    this.#deliver({ from, to, lane: this.lane, kind, bytes }, () => {
      // A network may repeat what was told, and it is then heard twice; nothing else.
      if (happened && kind !== "tell") return;
      happened = true;
      happen();
    });
  }

  open(): void {
    if (this.#state === "open" && !this.#dead) this.#events?.opened();
  }

  shut(error: Error | null): void {
    // What was sent before an orderly end comes before it.
    if (error === null) this.#giveRest();
    if (this.#state === "closed") return;
    this.#close();
    if (!this.#dead) this.#events?.closed(error);
  }

  #close(): void {
    this.#state = "closed";
    this.#watcher.closed(this);
  }

  die(): void {
    this.#dead = true;
  }

  #sendFrame(frame: Uint8Array): void {
    const kind = kindNames.get(frame[5]) ?? "bye";
    this.send(kind, frame.length - frameHeaderBytes, () => this.#other?.receive(frame, kind));
  }

  receive(frame: Uint8Array, kind: MemoryFrame["kind"]): void {
    if (this.#state !== "open" || this.#dead) return;
    if (this.#rest !== null) {
      this.#rest = joinPieces([this.#rest, frame]);
      return;
    }
    const part = this.#partNow(frame.length, kind);
    if (part < frame.length) this.#rest = frame.subarray(part);
    this.#events?.data(part < frame.length ? frame.subarray(0, part) : frame);
  }

  #partNow(bytes: number, kind: MemoryFrame["kind"]): number {
    const { partOf } = this.#watcher;
    if (partOf === null) return bytes;
    const frame = { from: this.far, to: this.near, lane: this.lane, kind, bytes };
    return partOf(frame, () => this.#giveRest());
  }

  #giveRest(): void {
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null && this.#state === "open" && !this.#dead) this.#events?.data(rest);
  }
}

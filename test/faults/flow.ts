/**
 * One direction of a connection through the faulty proxy: takes whole frames, does to them what
 * the trouble of the link says, and passes them on in the order in which they are due.
 */
import type { Socket } from "node:net";
import type { Prng } from "../../simulations/prng.ts";
import { FrameCutter, isHello } from "./frame-cutter.ts";
import { meaningsOf, type Meaning } from "./frame-meaning.ts";

/** What happens on a link; shares are of its frames, from 0 to 1. */
export interface Trouble {
  /** Frames that vanish. */
  readonly drop?: number;
  /** All frames that carry one of these vanish. */
  readonly kinds?: readonly Meaning[];
  /** Frames that come twice. */
  readonly duplicate?: number;
  /** Frames that come once more after `replayMs`. */
  readonly replay?: number;
  readonly replayMs?: number;
  /** Each frame comes so much later, in order. */
  readonly delayMs?: readonly [min: number, max: number];
  /** Frames that others overtake, by up to `reorderMs`. */
  readonly reorder?: number;
  readonly reorderMs?: number;
  /** Frames with one bit flipped. */
  readonly damage?: number;
  /** Frames of which a part comes, then a reset. */
  readonly cut?: number;
  /** Nothing is read from the sender: its buffers fill, and everything comes at once later. */
  readonly clog?: boolean;
  /** Bytes are taken, and never come; the connection stays. */
  readonly silence?: boolean;
  readonly bytesPerSecond?: number;
}

export type TroubleKind =
  Exclude<keyof Trouble, "kinds" | "replayMs" | "reorderMs"> | "reset" | `lost ${Meaning}`;

interface FlowOptions {
  readonly source: Socket;
  readonly sink: Socket;
  readonly chance: Prng;
  readonly trouble: () => Trouble;
  readonly happened: (kind: TroubleKind) => void;
  /** Ends the connection at once. */
  readonly cut: () => void;
}

interface Due {
  readonly at: number;
  readonly bytes: Buffer;
}

export class Flow {
  readonly #options: FlowOptions;
  readonly #cutter = new FrameCutter();
  /** By time; what is due at the same time is in the order in which it came. */
  readonly #queue: Due[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** When the last frame in order is due. */
  #dueLast = 0;
  #isClosed = false;
  #isClogged = false;

  constructor(options: FlowOptions) {
    this.#options = options;
    options.source.on("data", (chunk: Buffer) => this.#take(chunk));
    this.look();
  }

  /** The trouble of the link has changed. */
  look(): void {
    const { source, trouble, happened } = this.#options;
    const isClogged = trouble().clog === true;
    if (isClogged === this.#isClogged) return;
    this.#isClogged = isClogged;
    if (isClogged) {
      source.pause();
      happened("clog");
    } else {
      source.resume();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #take(chunk: Buffer): void {
    const { trouble, happened } = this.#options;
    for (const frame of this.#cutter.push(chunk)) {
      if (this.#isClosed) return;
      if (trouble().silence === true) happened("silence");
      else this.#pass(frame, trouble());
    }
  }

  #pass(frame: Buffer, trouble: Trouble): void {
    const { chance, happened } = this.#options;
    const lost = lostOf(frame, trouble);
    if (lost !== null) {
      happened(`lost ${lost}`);
      return;
    }
    if (this.#happens("cut", trouble.cut)) {
      const part = frame.subarray(0, chance.integer(1, frame.length - 1));
      this.#options.sink.write(part, () => this.#options.cut());
      this.close();
      return;
    }
    const bytes = this.#happens("damage", trouble.damage) ? damaged(frame, chance) : frame;
    const due = this.#dueOf(bytes, trouble);
    if (isHello(frame)) {
      this.#inOrder(bytes, due);
      return;
    }
    if (this.#happens("drop", trouble.drop)) return;
    if (this.#happens("reorder", trouble.reorder)) {
      this.#put({ at: due + chance.between(1, trouble.reorderMs ?? reorderMsDefault), bytes });
      return;
    }
    this.#inOrder(bytes, due);
    if (this.#happens("duplicate", trouble.duplicate)) this.#inOrder(bytes, due);
    if (this.#happens("replay", trouble.replay)) {
      this.#put({ at: due + (trouble.replayMs ?? replayMsDefault), bytes });
    }
  }

  #happens(kind: TroubleKind, share: number | undefined): boolean {
    const happens = share !== undefined && this.#options.chance.chance(share);
    if (happens) this.#options.happened(kind);
    return happens;
  }

  /** When a frame that comes now is due. */
  #dueOf(bytes: Buffer, { delayMs, bytesPerSecond }: Trouble): number {
    const { chance, happened } = this.#options;
    let due = Math.max(performance.now(), this.#dueLast);
    if (bytesPerSecond !== undefined) {
      due += (bytes.length / bytesPerSecond) * 1000;
      happened("bytesPerSecond");
    }
    if (delayMs !== undefined) {
      due = Math.max(this.#dueLast, performance.now() + chance.between(...delayMs));
      happened("delayMs");
    }
    return due;
  }

  #inOrder(bytes: Buffer, due: number): void {
    this.#dueLast = due;
    this.#put({ at: due, bytes });
  }

  #put(due: Due): void {
    const behind = this.#queue.findIndex(({ at }) => at > due.at);
    this.#queue.splice(behind === -1 ? this.#queue.length : behind, 0, due);
    this.#send();
  }

  #send(): void {
    const { sink } = this.#options;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const waitMs = first.at - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#send(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      if (sink.writable) sink.write(first.bytes);
    }
  }
}

/** Which of the kinds that get lost it carries, or null. */
function lostOf(frame: Buffer, { kinds }: Trouble): Meaning | null {
  if (kinds === undefined) return null;
  return meaningsOf(frame).find((meaning) => kinds.includes(meaning)) ?? null;
}

const reorderMsDefault = 30;
const replayMsDefault = 1500;

/** A copy with one bit flipped, behind the length: that one would only make the rest be awaited. */
function damaged(frame: Buffer, chance: Prng): Buffer {
  const copy = Buffer.from(frame);
  const at = chance.integer(lengthFieldBytes, frame.length - 1);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << chance.integer(0, 7)), at);
  return copy;
}

const lengthFieldBytes = 4;

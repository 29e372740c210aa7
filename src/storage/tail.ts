/**
 * The newest decrees that are on the disk, kept in memory within a bound: those who follow the log
 * at its end read no file, however many they are. Knows nothing of files.
 */
import { assert, type Slot } from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";

/** What a decree without a body takes, and every other one besides its body; about. */
const decreeBytes = 256;
/** So many dropped ones are kept before the rest moves to the front. */
const droppedMax = 1024;

export class Tail {
  readonly #bytesMax: number;
  /** Slots that follow one another up to the last one; those before `#start` are dropped. */
  #framed: (FramedDecree | null)[] = [];
  #start = 0;
  #slotNext: Slot = 1;
  #bytes = 0;

  constructor(bytesMax: number) {
    assert(bytesMax >= 0, "a bound is not negative");
    this.#bytesMax = bytesMax;
  }

  /** Takes a decree that was written; it replaces its slot and all that follow. */
  append(framed: FramedDecree): void {
    const { slot } = framed.decree;
    while (slot < this.#slotNext && this.#framed.length > this.#start) this.#pop();
    if (slot !== this.#slotNext) this.#clear(slot);
    this.#framed.push(framed);
    this.#bytes += bytesOf(framed);
    this.#slotNext = slot + 1;
    while (this.#bytes > this.#bytesMax) this.#dropFirst();
    if (this.#start > droppedMax && this.#start > this.#framed.length / 2) {
      this.#framed = this.#framed.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Null when it has left the tail, or never was in it. */
  get(slot: Slot): FramedDecree | null {
    const at = this.#framed.length - (this.#slotNext - slot);
    return at < this.#start ? null : (this.#framed[at] ?? null);
  }

  #clear(slotNext: Slot): void {
    this.#framed = [];
    this.#start = 0;
    this.#bytes = 0;
    this.#slotNext = slotNext;
  }

  #pop(): void {
    const last = this.#framed.pop() ?? null;
    assert(last !== null, "what is not dropped is there");
    this.#bytes -= bytesOf(last);
    this.#slotNext = last.decree.slot;
  }

  #dropFirst(): void {
    const first = this.#framed[this.#start] ?? null;
    assert(first !== null, "bytes are those of decrees that are there");
    this.#framed[this.#start] = null;
    this.#start += 1;
    this.#bytes -= bytesOf(first);
  }
}

function bytesOf({ body }: FramedDecree): number {
  return decreeBytes + (body?.length ?? 0);
}

/**
 * Writes that were handed over and are not durable yet, in their order: those that wait, and those
 * of the group under way. Memory only.
 */
import { assert, type Slot } from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { sizeOfWrite, type FramedWrite } from "./group.ts";
import { framedDecree } from "./mends.ts";

/** A group takes no further write beyond this. */
const groupBytesMax = 4 * 1024 * 1024;

export class WriteQueue {
  #waiting: FramedWrite[] = [];
  #underWay: readonly FramedWrite[] = [];
  #bytes = 0;

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Of all writes, on the disk. */
  get bytes(): number {
    return this.#bytes;
  }

  add(framed: FramedWrite): void {
    this.#waiting.push(framed);
    this.#bytes += sizeOfWrite(framed);
  }

  /** The next group: one write at least, when one waits. */
  take(): readonly FramedWrite[] {
    assert(this.#underWay.length === 0, "one group is under way at a time");
    let bytes = 0;
    let count = 0;
    for (const framed of this.#waiting) {
      bytes += sizeOfWrite(framed);
      if (count > 0 && bytes > groupBytesMax) break;
      count += 1;
    }
    this.#underWay = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return this.#underWay;
  }

  /** What was taken is durable. */
  done(): void {
    for (const framed of this.#underWay) this.#bytes -= sizeOfWrite(framed);
    assert(this.#bytes >= 0, "bytes become durable as they were handed over");
    this.#underWay = [];
  }

  /** A decree that is not on the disk yet, or null when the disk has it. */
  decreeAt(slot: Slot): FramedDecree | null {
    for (const pending of [this.#waiting, this.#underWay]) {
      for (let at = pending.length - 1; at >= 0; at -= 1) {
        const framed = pending[at];
        if (framed === undefined || slot < framed.write.slotFirst) continue;
        const position = slot - framed.write.slotFirst;
        const decree = framed.write.decrees[position];
        assert(decree !== undefined, "a write ends the log");
        return framedDecree(decree, framed.bodies[position]);
      }
    }
    return null;
  }
}

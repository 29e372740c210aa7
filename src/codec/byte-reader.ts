/**
 * Reads what `ByteWriter` wrote, and refuses all else with a `DecodeError`: what it takes has one
 * form only. Never allocates by a number that it read before the bytes for it are there.
 */
import { ballotZero, isNodeId, type Ballot, type NodeId } from "../../consensus/index.ts";
import { DecodeError, getHex16, viewOf } from "./bytes.ts";

/**
 * The largest number that is taken from outside, 2^52: whoever counts on from it, or adds two of
 * them, stays among the safe integers. No honest count comes near.
 */
export const wholeMax: number = 2 ** 52;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.at = at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** @throws {DecodeError} always. */
  refuse(expected: string): never {
    throw new DecodeError(this.at, `expected ${expected}`);
  }

  /** @throws {DecodeError} unless everything was read. */
  end(): void {
    if (this.left !== 0) this.refuse(`the end, found ${this.left} bytes more`);
  }

  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) this.refuse("a byte, found the end");
    this.at += 1;
    return value;
  }

  flag(): boolean {
    const value = this.byte();
    if (value > 1) this.refuse("a flag");
    return value === 1;
  }

  uint32(): number {
    const at = this.#skip(4);
    return this.view.getUint32(at, true);
  }

  /** Any finite number but -0. */
  float(): number {
    const value = this.view.getFloat64(this.#skip(8), true);
    if (!Number.isFinite(value) || Object.is(value, -0)) this.refuse("a number");
    return value;
  }

  /** A number from 0 up to 1, without 1. */
  fraction(): number {
    const value = this.float();
    if (value < 0 || value >= 1) this.refuse("a fraction");
    return value;
  }

  /** Any whole number, as the wall clock gives it. */
  instant(): number {
    const value = this.float();
    if (!Number.isSafeInteger(value)) this.refuse("a whole number");
    return value;
  }

  whole(least = 0, most: number = wholeMax): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (value > most) this.refuse(`a number up to ${most}`);
      if (byte < 0x80) {
        if (byte === 0 && unit > 1) this.refuse("a number in its shortest form");
        break;
      }
      unit *= 0x80;
      if (unit > wholeMax) this.refuse("a safe number");
    }
    if (value < least) this.refuse(`a number from ${least} on`);
    return value;
  }

  hex16(): string {
    return getHex16(this.view, this.#skip(8));
  }

  idOrNull(): NodeId | null {
    const length = this.byte();
    if (length === 0) return null;
    const from = this.#skip(length);
    let id = "";
    for (let at = from; at < this.at; at += 1) id += String.fromCharCode(this.bytes[at] ?? 0);
    if (!isNodeId(id)) this.refuse("the id of a node");
    return id;
  }

  id(): NodeId {
    return this.idOrNull() ?? this.refuse("an id");
  }

  ballot(): Ballot {
    const government = this.whole();
    const round = this.whole();
    const id = this.idOrNull();
    if (id !== null) return { government, round, id };
    if (government !== 0 || round !== 0) this.refuse("a ballot of somebody");
    return ballotZero;
  }

  ballotOrNull(): Ballot | null {
    return this.flag() ? this.ballot() : null;
  }

  text(bytesMax: number): string {
    const bytes = this.chunk(bytesMax);
    try {
      return decoder.decode(bytes);
    } catch {
      return this.refuse("UTF-8");
    }
  }

  /** Bytes preceded by their length, as a view. */
  chunk(bytesMax: number): Uint8Array {
    return this.take(this.whole(0, bytesMax));
  }

  /** The next `count` bytes, as a view. */
  take(count: number): Uint8Array {
    const from = this.#skip(count);
    return this.bytes.subarray(from, this.at);
  }

  /** How many items follow, of at least `bytesMin` each. */
  count(most: number, bytesMin: number): number {
    const count = this.whole(0, most);
    if (count * bytesMin > this.left) this.refuse(`${count} items, found the end`);
    return count;
  }

  #skip(count: number): number {
    const from = this.at;
    if (count > this.left) this.refuse(`${count} bytes, found ${this.left}`);
    this.at += count;
    return from;
  }
}

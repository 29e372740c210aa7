/**
 * Writes small binary records by hand into large shared buffers, so that a record costs no buffer
 * of its own. What was taken is never written to again.
 */
import { assert, isNodeId, type Ballot, type NodeId } from "../../consensus/index.ts";
import { putHex16 } from "./bytes.ts";

const slabBytes = 64 * 1024;
const encoder = new TextEncoder();

export class ByteWriter {
  #bytes = new Uint8Array(0);
  #start = 0;
  at = 0;
  /** Over the same bytes; valid until the next `reserve`. */
  view: DataView = new DataView(this.#bytes.buffer);

  /** Begins a record. What an earlier one left without taking it is dropped. */
  begin(): void {
    this.at = this.#start;
  }

  /** The record since `begin`. */
  take(): Uint8Array {
    const record = this.#bytes.subarray(this.#start, this.at);
    this.#start = this.at;
    return record;
  }

  /** Makes room for `count` bytes after `at`. */
  reserve(count: number): void {
    if (this.at + count <= this.#bytes.length) return;
    const used = this.at - this.#start;
    const bytes = new Uint8Array(Math.max(slabBytes, 2 * (used + count)));
    bytes.set(this.#bytes.subarray(this.#start, this.at));
    this.#bytes = bytes;
    this.#start = 0;
    this.at = used;
    this.view = new DataView(bytes.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.#bytes[this.at] = value;
    this.at += 1;
  }

  flag(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  float(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** A whole number from 0 on, 7 bits a byte, the lowest first. */
  whole(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "only whole numbers from 0 on are written");
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.at] = 0x80 | (rest % 0x80);
      this.at += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.at] = rest;
    this.at += 1;
  }

  hex16(value: string): void {
    this.reserve(8);
    putHex16(this.view, this.at, value);
    this.at += 8;
  }

  /** An id, or nobody. */
  id(value: NodeId | null): void {
    if (value === null) return this.byte(0);
    assert(isNodeId(value), "a node has a name");
    this.reserve(1 + value.length);
    this.#bytes[this.at] = value.length;
    for (let at = 0; at < value.length; at += 1) {
      this.#bytes[this.at + 1 + at] = value.charCodeAt(at);
    }
    this.at += 1 + value.length;
  }

  ballot(value: Ballot): void {
    this.whole(value.government);
    this.whole(value.round);
    this.id(value.id === "" ? null : value.id);
  }

  ballotOrNull(value: Ballot | null): void {
    this.flag(value !== null);
    if (value !== null) this.ballot(value);
  }

  /** A string as UTF-8, preceded by its length. */
  text(value: string): void {
    this.chunk(encoder.encode(value));
  }

  /** Bytes preceded by their length. */
  chunk(value: Uint8Array): void {
    this.whole(value.length);
    this.copy(value);
  }

  copy(value: Uint8Array): void {
    this.reserve(value.length);
    this.#bytes.set(value, this.at);
    this.at += value.length;
  }
}

/** Cuts a `tcp://` stream into whole frames; judges nothing of what is in them. */
import assert from "node:assert/strict";

/** Of the length field, which counts all after it. */
const lengthBytes = 4;
const kindOffset = 5;
const kindHello = 1;
/** Far above what a node sends: more means that the proxy has lost the thread. */
const frameBytesMax = 64 * 1024 * 1024;

export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that have become whole. */
  push(chunk: Buffer): readonly Buffer[] {
    const frames: Buffer[] = [];
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (rest.length >= lengthBytes) {
      const size = lengthBytes + rest.readUInt32BE(0);
      assert(size <= frameBytesMax, `a frame of ${size} bytes`);
      if (rest.length < size) break;
      frames.push(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    this.#rest = rest;
    return frames;
  }
}

/** The frame that opens each direction; without it a connection never begins. */
export function isHello(frame: Buffer): boolean {
  return frame[kindOffset] === kindHello;
}

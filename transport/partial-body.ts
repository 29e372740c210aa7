/**
 * The body of a frame that comes in parts. Takes room as its bytes come, never on the word of a
 * header: beyond a small one at the start, at most four times as much as has come.
 */
import { unzeroed } from "./platform.ts";

/** Room of small bodies, so that most are not copied while they grow. */
const roomBytesMin = 64 * 1024;
/** By doubling a large body would be copied once more in all, by this a third of it. */
const growth = 4;
const nothing = new Uint8Array(0);

/** Room that several connections share. */
export class SharedRoom {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes so many bytes, or none and gives false. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export interface PartialRoom {
  readonly shared: SharedRoom;
  /** What each connection has beside what it shares. */
  readonly ownBytes: number;
}

export class PartialBody {
  readonly #wanted: number;
  readonly #room: PartialRoom | null;
  #bytes: Uint8Array = nothing;
  #filled = 0;
  #shared = 0;

  constructor(wanted: number, room: PartialRoom | null) {
    this.#wanted = wanted;
    this.#room = room;
  }

  /** Bytes that have come. */
  get filled(): number {
    return this.#filled;
  }

  /** Bytes of memory that it holds. */
  get held(): number {
    return this.#bytes.length;
  }

  /** How many bytes are still to come. */
  get missing(): number {
    return this.#wanted - this.#filled;
  }

  /** The whole body; only once nothing is missing. */
  get whole(): Uint8Array {
    return this.#bytes;
  }

  /** Copies `part`, of at most the bytes missing; false when there is no room for it. */
  add(part: Uint8Array): boolean {
    const needed = this.#filled + part.length;
    if (needed > this.#bytes.length && !this.#grow(needed)) return false;
    this.#bytes.set(part, this.#filled);
    this.#filled = needed;
    return true;
  }

  /** Gives back what is shared. */
  release(): void {
    if (this.#shared === 0) return;
    this.#room?.shared.give(this.#shared);
    this.#shared = 0;
  }

  #grow(needed: number): boolean {
    const bytes = Math.min(this.#wanted, Math.max(roomBytesMin, growth * needed));
    if (this.#room !== null) {
      const more = bytes - this.#room.ownBytes - this.#shared;
      if (more > 0) {
        if (!this.#room.shared.take(more)) return false;
        this.#shared += more;
      }
    }
    // Not zeroed: each byte is written before the body is whole, and nobody sees it earlier.
    const grown = unzeroed(bytes);
    if (this.#filled > 0) grown.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = grown;
    return true;
  }
}

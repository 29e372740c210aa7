/**
 * What the bound's processes say to each other. A batch: its bytes (u32), its entries (u32), then
 * the entries, each after its own length (u32). An acknowledgement: how many batches of this
 * connection are safe so far (u32, wraps).
 */

export const batchHeaderBytes = 8;
export const entryHeaderBytes = 4;
export const acknowledgementBytes = 4;

/** Counts the whole batches that go by, whatever the pieces they come in. Copies only headers. */
export class BatchCounter {
  readonly #header = Buffer.alloc(batchHeaderBytes);
  #headerBytes = 0;
  #bodyBytesLeft = 0;

  /** How many batches end in this piece. */
  count(piece: Buffer): number {
    let ended = 0;
    let at = 0;
    while (at < piece.length) {
      if (this.#bodyBytesLeft > 0) {
        const step = Math.min(this.#bodyBytesLeft, piece.length - at);
        this.#bodyBytesLeft -= step;
        at += step;
        if (this.#bodyBytesLeft === 0) ended += 1;
        continue;
      }
      const step = Math.min(batchHeaderBytes - this.#headerBytes, piece.length - at);
      piece.copy(this.#header, this.#headerBytes, at, at + step);
      this.#headerBytes += step;
      at += step;
      if (this.#headerBytes < batchHeaderBytes) continue;
      this.#headerBytes = 0;
      this.#bodyBytesLeft = this.#header.readUInt32LE(0);
    }
    return ended;
  }
}

/** Reads acknowledgements, whatever the pieces they come in. */
export class AcknowledgementReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The last one in what has come so far, or null while there is none. */
  read(piece: Buffer): number | null {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const whole = bytes.length - (bytes.length % acknowledgementBytes);
    this.#rest = bytes.subarray(whole);
    return whole === 0 ? null : bytes.readUInt32LE(whole - acknowledgementBytes);
  }
}

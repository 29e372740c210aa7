/**
 * Appends to a zero-filled file, from its beginning again when it is full: one write and one sync
 * in flight, the next group gathers.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, writeSync, writev } from "node:fs";

const fileBytes = 16 * 2 ** 20;
const chunkBytes = 2 ** 20;

export class GroupWriter {
  readonly #fd: number;
  readonly #onSafe: (batches: number) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #batches = 0;
  #position = 0;
  #isWriting = false;

  /** @param onSafe Hears how many batches more are synced. */
  constructor(path: string, onSafe: (batches: number) => void) {
    this.#onSafe = onSafe;
    this.#fd = openSync(path, "w");
    const zeros = Buffer.alloc(chunkBytes);
    for (let at = 0; at < fileBytes; at += chunkBytes)
      writeSync(this.#fd, zeros, 0, chunkBytes, at);
    fdatasyncSync(this.#fd);
  }

  /** @param batches How many batches end in this piece. */
  append(piece: Buffer, batches: number): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.#batches += batches;
    if (!this.#isWriting) this.#writeGroup();
  }

  close(): void {
    closeSync(this.#fd);
  }

  #writeGroup(): void {
    const pieces = this.#pieces;
    const batches = this.#batches;
    if (this.#position + this.#bytes > fileBytes) this.#position = 0;
    const position = this.#position;
    this.#position += this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    this.#batches = 0;
    this.#isWriting = true;
    writev(this.#fd, pieces, position, (failed) => {
      if (failed !== null) throw failed;
      fdatasync(this.#fd, (error) => {
        if (error !== null) throw error;
        this.#isWriting = false;
        // Who waits is told last: the next group is on its way by then.
        if (this.#pieces.length > 0) this.#writeGroup();
        if (batches > 0) this.#onSafe(batches);
      });
    });
  }
}

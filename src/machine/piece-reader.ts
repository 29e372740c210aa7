/** Takes exact numbers of bytes from pieces that are cut anywhere. */
import { DecodeError } from "../codec/bytes.ts";

export class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** @throws {DecodeError} when they end before. */
  async take(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      if (this.#piece.length === 0 && !(await this.#next())) {
        throw new DecodeError(at, `expected ${count} bytes, found the end`);
      }
      const part = this.#piece.subarray(0, count - at);
      bytes.set(part, at);
      at += part.length;
      this.#piece = this.#piece.subarray(part.length);
    }
    return bytes;
  }

  /** Whether there is another byte. */
  async hasMore(): Promise<boolean> {
    while (this.#piece.length === 0) if (!(await this.#next())) return false;
    return true;
  }

  /** All that was not taken. */
  async *rest(): AsyncGenerator<Uint8Array, void, void> {
    do {
      const piece = this.#piece;
      this.#piece = new Uint8Array(0);
      if (piece.length > 0) yield piece;
    } while (await this.#next());
  }

  async #next(): Promise<boolean> {
    const next = await this.#pieces.next();
    if (next.done === true) return false;
    this.#piece = next.value;
    return true;
  }
}

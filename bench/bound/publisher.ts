/** The bound's client: a promise for each entry; what is published in one turn is one batch. */
import { connect, type Socket } from "node:net";
import { AcknowledgementReader, batchHeaderBytes, entryHeaderBytes } from "./frames.ts";

interface Batch {
  /** Its number on this connection, from 1. */
  readonly number: number;
  readonly waiting: readonly (() => void)[];
}

export class BoundPublisher {
  readonly #socket: Socket;
  readonly #batches: Batch[] = [];
  #entries: Uint8Array[] = [];
  #waiting: (() => void)[] = [];
  #bytes = 0;
  #number = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new AcknowledgementReader();
    socket.on("data", (piece) => {
      const safe = reader.read(piece);
      if (safe !== null) this.#settle(safe);
    });
  }

  /** @throws {Error} when nobody listens. */
  static async connect(port: number): Promise<BoundPublisher> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new BoundPublisher(socket);
  }

  publish(entry: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#take(entry);
      this.#waiting.push(resolve);
    });
  }

  publishMany(entries: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      for (const entry of entries) this.#take(entry);
      this.#waiting.push(resolve);
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.end(() => resolve()));
  }

  #take(entry: Uint8Array): void {
    // After the promises that are due in this turn, whose owners may publish again.
    if (this.#entries.length === 0) process.nextTick(() => this.#flush());
    this.#entries.push(entry);
    this.#bytes += entryHeaderBytes + entry.length;
  }

  #flush(): void {
    const entries = this.#entries;
    const batch = Buffer.allocUnsafe(batchHeaderBytes + this.#bytes);
    batch.writeUInt32LE(this.#bytes, 0);
    batch.writeUInt32LE(entries.length, 4);
    let at = batchHeaderBytes;
    for (const entry of entries) {
      batch.writeUInt32LE(entry.length, at);
      batch.set(entry, at + entryHeaderBytes);
      at += entryHeaderBytes + entry.length;
    }
    this.#number += 1;
    this.#batches.push({ number: this.#number, waiting: this.#waiting });
    this.#entries = [];
    this.#waiting = [];
    this.#bytes = 0;
    this.#socket.write(batch);
  }

  #settle(safe: number): void {
    let [batch] = this.#batches;
    while (batch !== undefined && batch.number <= safe) {
      this.#batches.shift();
      for (const resolve of batch.waiting) resolve();
      [batch] = this.#batches;
    }
  }
}

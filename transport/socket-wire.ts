/** A wire over a TCP or Unix socket. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PresentedCertificate } from "./caller.ts";
import { dialError } from "./dial-error.ts";
import { certificateOf, unspoken } from "./tls.ts";
import type { Wire, WireEvents } from "./wire.ts";

/** Notices a peer whose computer is gone, where no deadline does. */
export const keepAliveMs = 30_000;

export class SocketWire implements Wire {
  readonly address: string;
  readonly #socket: Socket;
  #error: Error | null = null;
  #written: () => void = ignore;

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.address = address;
    // From the first moment on: an error without a listener would end the process.
    let isDialled = socket.connecting;
    const isSecure = socket instanceof TLSSocket;
    socket.once(isSecure ? "secureConnect" : "connect", () => (isDialled = false));
    socket.on("error", (error) => {
      this.#error = isDialled ? dialError(error, address) : error;
    });
  }

  certificate(): PresentedCertificate | null {
    return certificateOf(this.#socket);
  }

  attach(events: WireEvents): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on("data", (chunk: Buffer) => events.data(chunk));
    this.#written = () => {
      if (socket.writableLength === 0) events.drained();
    };
    // The other side has ended: nothing that it asks for can be answered any more.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => events.closed(this.#error));
    const isSecure = socket instanceof TLSSocket;
    if (socket.connecting) {
      socket.on(isSecure ? "secureConnect" : "connect", () => events.opened());
      return;
    }
    if (isSecure) this.#expectWord();
    process.nextTick(() => events.opened());
  }

  #expectWord(): void {
    const socket = this.#socket;
    const left = (): void => {
      this.#error ??= unspoken(this.address);
    };
    // Before the listener of `attach`, which tells it.
    socket.prependOnceListener("close", left);
    socket.once("data", () => socket.off("close", left));
  }

  write(pieces: readonly Uint8Array[]): void {
    if (!this.#socket.writable) return;
    this.#socket.cork();
    for (const [index, piece] of pieces.entries()) {
      this.#socket.write(piece, index === pieces.length - 1 ? this.#written : undefined);
    }
    this.#socket.uncork();
  }

  queuedBytes(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function ignore(): void {
  // Nobody is attached yet, and so nothing was written.
}

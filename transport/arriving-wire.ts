/**
 * The wire of a connection to an HTTP port from the moment it is accepted: whether it becomes a
 * WebSocket shows later. Until then it carries nothing, and whoever holds it waits for it no longer
 * than for any other wire.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PresentedCertificate } from "./caller.ts";
import { certificateOf, unspoken } from "./tls.ts";
import type { Wire, WireEvents } from "./wire.ts";

export class ArrivingWire implements Wire {
  readonly address: string;
  readonly #socket: Socket;
  /** Null once it is known what became of it. */
  #events: WireEvents | null = null;
  #wire: Wire | null = null;

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.address = address;
    const isSecure = socket instanceof TLSSocket;
    socket.once("close", () => this.leave(isSecure ? unspoken(address) : null));
  }

  certificate(): PresentedCertificate | null {
    return certificateOf(this.#socket);
  }

  attach(events: WireEvents): void {
    this.#events = events;
  }

  /** Goes on as `wire`; false when it has left before. */
  become(wire: Wire): boolean {
    const events = this.#events;
    if (events === null) return false;
    this.#events = null;
    this.#wire = wire;
    wire.attach(events);
    return true;
  }

  /** It becomes no WebSocket, for the reason given; false when its fate was known before. */
  leave(why: Error | null): boolean {
    const events = this.#events;
    this.#events = null;
    events?.closed(why);
    return events !== null;
  }

  write(pieces: readonly Uint8Array[]): void {
    this.#wire?.write(pieces);
  }

  queuedBytes(): number {
    return this.#wire?.queuedBytes() ?? 0;
  }

  end(): void {
    if (this.#wire === null) this.#socket.destroy();
    else this.#wire.end();
  }

  destroy(): void {
    if (this.#wire === null) this.#socket.destroy();
    else this.#wire.destroy();
  }
}

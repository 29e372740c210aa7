/**
 * A wire over the `WebSocket` of browsers: messages are chunks of one stream of bytes, as in
 * websocket-wire.ts. A browser tells no reason for anything, and not when it has sent what it has.
 */
import { soon } from "./platform.ts";
import { TransportError } from "./transport-error.ts";
import type { Wire, WireEvents } from "./wire.ts";

const normalClosure = 1000;

export class BrowserWire implements Wire {
  readonly address: string;
  /** Null where the browser will not even try, as a page of https:// with an address of ws://. */
  readonly #webSocket: WebSocket | null;
  readonly #messageBytesSent: number;
  #events: WireEvents | null = null;
  #error: Error | null = null;

  constructor(address: string, messageBytesSent: number) {
    this.address = address;
    this.#messageBytesSent = messageBytesSent;
    this.#webSocket = this.#dial();
  }

  /** In the turn in which it was made: nothing is told before that is over. */
  attach(events: WireEvents): void {
    const webSocket = this.#webSocket;
    this.#events = events;
    if (webSocket === null) {
      soon(() => this.#closed());
      return;
    }
    webSocket.addEventListener("open", () => this.#events?.opened());
    webSocket.addEventListener("message", ({ data }) => this.#onMessage(data));
    webSocket.addEventListener("error", () => {
      this.#error ??= new Error("the browser says no more than that it failed");
    });
    webSocket.addEventListener("close", () => this.#closed());
  }

  write(pieces: readonly Uint8Array<ArrayBuffer>[]): void {
    const webSocket = this.#webSocket;
    if (webSocket?.readyState !== WebSocket.OPEN) return;
    for (const piece of pieces) {
      // In as many messages as it takes.
      for (let at = 0; at < piece.length; at += this.#messageBytesSent) {
        webSocket.send(piece.subarray(at, at + this.#messageBytesSent));
      }
    }
  }

  queuedBytes(): number {
    return this.#webSocket?.bufferedAmount ?? 0;
  }

  end(): void {
    this.#webSocket?.close(normalClosure);
  }

  /** A browser cannot cut: what it hears until it has closed is not told any more. */
  destroy(): void {
    this.#webSocket?.close(normalClosure);
    this.#closed();
  }

  #dial(): WebSocket | null {
    try {
      const webSocket = new WebSocket(this.address);
      webSocket.binaryType = "arraybuffer";
      return webSocket;
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      return null;
    }
  }

  #onMessage(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.#events?.data(new Uint8Array(data));
      return;
    }
    this.#error ??= malformed();
    this.destroy();
  }

  #closed(): void {
    const events = this.#events;
    this.#events = null;
    events?.closed(this.#error);
  }
}

function malformed(): TransportError {
  return new TransportError(
    "KBZ_MALFORMED",
    "Wanted binary WebSocket messages, got a text message. Check what speaks there.",
    { outcome: "unknown" },
  );
}

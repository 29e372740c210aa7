/**
 * A wire over a WebSocket: messages are chunks of one stream of bytes, so that the frames, and what
 * reads them, are the same as for sockets. The borders of messages mean nothing.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { PresentedCertificate } from "./caller.ts";
import { dialError } from "./dial-error.ts";
import { certificateOf } from "./tls.ts";
import { TransportError } from "./transport-error.ts";
import type { Wire, WireEvents } from "./wire.ts";

export interface WebSocketWireOptions {
  readonly webSocket: WebSocket;
  /** Null until the connection is made. */
  readonly socket: Socket | null;
  readonly address: string;
  readonly messageBytesSent: number;
}

const normalClosure = 1000;

export class WebSocketWire implements Wire {
  readonly address: string;
  readonly #webSocket: WebSocket;
  readonly #messageBytesSent: number;
  /** Null until the connection is made. */
  #socket: Socket | null;
  #error: Error | null = null;
  #written: () => void = ignore;

  constructor(options: WebSocketWireOptions) {
    const { webSocket, socket, address, messageBytesSent } = options;
    this.#webSocket = webSocket;
    this.#messageBytesSent = messageBytesSent;
    this.#socket = socket;
    this.address = address;
    webSocket.binaryType = "fragments";
    // From the first moment on: an error without a listener would end the process.
    webSocket.on("error", (error) => {
      this.#error = this.#translate(error);
    });
    webSocket.on("upgrade", (response) => {
      this.#socket = response.socket;
    });
  }

  certificate(): PresentedCertificate | null {
    return certificateOf(this.#socket);
  }

  attach(events: WireEvents): void {
    const webSocket = this.#webSocket;
    const opened = (): void => {
      this.#written = () => {
        if (this.queuedBytes() === 0) events.drained();
      };
      events.opened();
    };
    webSocket.on("message", (data, isBinary) => {
      if (!isBinary) this.#refuseText();
      else if (Array.isArray(data)) for (const chunk of data) events.data(chunk);
    });
    webSocket.on("close", () => events.closed(this.#error));
    if (webSocket.readyState === webSocket.CONNECTING) webSocket.on("open", opened);
    else process.nextTick(opened);
  }

  write(pieces: readonly Uint8Array[]): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#socket?.cork();
    for (const [index, piece] of pieces.entries()) {
      this.#send(piece, index === pieces.length - 1 ? this.#written : undefined);
    }
    this.#socket?.uncork();
  }

  /** In as many messages as it takes. */
  #send(piece: Uint8Array, written: (() => void) | undefined): void {
    let rest = piece;
    for (; rest.length > this.#messageBytesSent; rest = rest.subarray(this.#messageBytesSent)) {
      this.#webSocket.send(rest.subarray(0, this.#messageBytesSent));
    }
    this.#webSocket.send(rest, written);
  }

  queuedBytes(): number {
    return this.#socket?.writableLength ?? 0;
  }

  end(): void {
    this.#webSocket.close(normalClosure);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  #refuseText(): void {
    this.#error ??= malformed("a text message");
    this.#webSocket.terminate();
  }

  #translate(error: Error): Error {
    if (this.#socket === null) return dialError(error, this.address);
    const isRubbish =
      "code" in error && typeof error.code === "string" && error.code.startsWith("WS_ERR");
    return isRubbish ? malformed(error.message, error) : error;
  }
}

function malformed(found: string, cause?: unknown): TransportError {
  return new TransportError(
    "KBZ_MALFORMED",
    `Wanted binary WebSocket messages, got something else: ${found}. Check what speaks there.`,
    { outcome: "unknown", cause },
  );
}

function ignore(): void {
  // Nothing is written before the connection is made.
}

/** A harness over real sockets: a relay between caller and callee that can be cut and stalled. */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { NetConnectOpts, Server, Socket } from "node:net";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { WebSocket } from "ws";
import { createTransport, formatEndpoint, parseEndpoint } from "../../transport/index.ts";
import { parcelOptions } from "../conformance/caller.ts";
import type { Transport } from "../../transport/index.ts";
import type { Harness, Parcel, ParcelOptions } from "../conformance/caller.ts";

let paths = 0;

/** A path for a Unix socket that nobody else uses, short enough for every system. */
export function freshSocketPath(): string {
  paths += 1;
  return join(tmpdir(), `kbz-${process.pid}-${paths}.sock`);
}

type MakeTransport = (options?: ParcelOptions) => Transport<Parcel, Parcel>;

const realTransport: MakeTransport = (options) => createTransport({ ...parcelOptions, ...options });

export function makeSocketHarness(
  kind: "ws" | "tcp" | "unix",
  make: MakeTransport = realTransport,
): Harness {
  const relay = new Relay();
  const path = freshSocketPath();
  return {
    url: kind === "unix" ? `unix:${path}` : `${kind}://127.0.0.1:0`,
    transport: (_side, options) => make(options),
    via: (url) => relay.open(url),
    cut: () => relay.cut(),
    stallAfter: (bytes) => relay.stallAfter(bytes),
    rubbish: kind === "ws" ? sendMessage : sendRaw,
    async [Symbol.asyncDispose]() {
      await relay.close();
      await rm(path, { force: true });
    },
  };
}

/** Sends `bytes` as they are; resolves once the other side has closed. */
export async function sendRaw(url: string, bytes: Uint8Array): Promise<void> {
  const socket = connect(targetOf(url));
  socket.on("error", () => undefined);
  socket.write(bytes);
  socket.resume();
  await once(socket, "close");
}

/** All that is answered to `text`, until the other side has closed. */
export async function rawAnswer(url: string, text: string): Promise<string> {
  const socket = connect(targetOf(url)).setEncoding("latin1");
  socket.write(text);
  let answer = "";
  for await (const part of socket) answer += String(part);
  return answer;
}

/** The same inside of a WebSocket message. */
async function sendMessage(url: string, bytes: Uint8Array): Promise<void> {
  const webSocket = new WebSocket(url);
  await once(webSocket, "open");
  webSocket.send(bytes);
  await once(webSocket, "close");
}

export function targetOf(url: string): NetConnectOpts {
  const endpoint = parseEndpoint(url);
  return endpoint.kind === "unix"
    ? { path: endpoint.path }
    : { host: endpoint.host, port: endpoint.port };
}

class Relay {
  readonly #sockets = new Set<Socket>();
  readonly #path = freshSocketPath();
  #server: Server | null = null;
  #stallBytes = Number.POSITIVE_INFINITY;

  async open(url: string): Promise<string> {
    const target = targetOf(url);
    const server = createServer((near) => this.#join(near, connect(target)));
    this.#server = server;
    const endpoint = parseEndpoint(url);
    if (endpoint.kind === "unix") server.listen(this.#path);
    else server.listen(0, "127.0.0.1");
    await once(server, "listening");
    if (endpoint.kind === "unix") return `unix:${this.#path}`;
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    return formatEndpoint({ ...endpoint, port });
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stallAfter(bytes: number): void {
    this.#stallBytes = bytes;
  }

  async close(): Promise<void> {
    this.cut();
    const server = this.#server;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    let carried = 0;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => undefined);
      from.on("data", (chunk: Buffer) => {
        carried += chunk.length;
        if (carried > this.#stallBytes) from.pause();
        to.write(chunk);
      });
      from.on("end", () => to.end());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroySoon();
      });
    }
  }
}

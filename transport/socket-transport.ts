/** TCP and Unix sockets: listens and dials. */
import { lstat, unlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { isIP } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect as connectSecurely, createServer as createSecureServer } from "node:tls";
import type { Listener } from "./caller.ts";
import { addressError } from "./address-error.ts";
import { formatEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { socketsMax, tooMany } from "./reception.ts";
import type { Reception } from "./reception.ts";
import { SocketWire } from "./socket-wire.ts";
import { callingContext, follow, listeningOptions } from "./tls.ts";
import type { TlsSource } from "./tls-source.ts";
import type { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";
import type { Wire } from "./wire.ts";

type SocketEndpoint = Exclude<Endpoint, { readonly kind: "ws" | "wss" }>;
type PlainEndpoint = Exclude<Endpoint, { readonly kind: "ws" | "wss" | "tls" }>;

/** What a listener needs of the settings. */
interface Door {
  readonly limits: TransportLimits;
  readonly tls: TlsSource | null;
}

export function dialSocket(endpoint: SocketEndpoint, tls: TlsSource | null): Wire {
  if (endpoint.kind === "tls") {
    const { host, port } = endpoint;
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connectSecurely({ host, port, ...name, secureContext: callingContext(tls) });
    return new SocketWire(socket, formatEndpoint(endpoint));
  }
  const { host, port, path } = { host: undefined, port: undefined, path: undefined, ...endpoint };
  const socket = path === undefined ? connect({ host, port: port ?? 0 }) : connect({ path });
  return new SocketWire(socket, formatEndpoint(endpoint));
}

/** @throws {TransportError} `KBZ_ADDRESS`. */
export async function listenSocket<Request, Response>(
  endpoint: SocketEndpoint,
  reception: Reception<Request, Response>,
  door: Door,
): Promise<Listener> {
  if (endpoint.kind === "tls") return await listenSecurely(endpoint, reception, door);
  const url = formatEndpoint(endpoint);
  const server = createServer((socket) =>
    reception.accept(new SocketWire(socket, describe(socket, url))),
  );
  try {
    await bind(server, endpoint);
  } catch (cause) {
    throw addressError(url, cause);
  }
  return {
    url: urlOf(server, endpoint),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      await reception.close();
      await closed;
    },
  };
}

async function listenSecurely<Request, Response>(
  endpoint: Extract<Endpoint, { readonly kind: "tcp" | "tls" }>,
  reception: Reception<Request, Response>,
  { limits, tls }: Door,
): Promise<Listener> {
  const url = formatEndpoint(endpoint);
  const server = createSecureServer(listeningOptions(tls, url, limits), (socket) =>
    reception.accept(new SocketWire(socket, describe(socket, url))),
  );
  server.maxConnections = socketsMax(limits);
  server.on("drop", (data) => reception.refuse(data?.remoteAddress ?? "unknown", tooMany(limits)));
  const refuse = (from: string, error: TransportError): void => reception.refuse(from, error);
  const following = tls === null ? null : follow(server, tls, refuse);
  try {
    await listening(server, { host: endpoint.host, port: endpoint.port });
  } catch (cause) {
    following?.stop();
    throw addressError(url, cause);
  }
  return {
    url: urlOf(server, endpoint),
    async [Symbol.asyncDispose]() {
      following?.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      await reception.close();
      following?.destroyAll();
      await closed;
    },
  };
}

/** The endpoint with the port that the system chose. */
export function urlOf(server: Pick<Server, "address">, endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return formatEndpoint(endpoint);
  const address: AddressInfo | string | null = server.address();
  const port = address === null || typeof address === "string" ? endpoint.port : address.port;
  return formatEndpoint({ ...endpoint, port });
}

/** Resolves once `server` listens. */
export function listening(
  server: Pick<Server, "once" | "off" | "listen">,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function bind(server: Server, endpoint: PlainEndpoint): Promise<void> {
  if (endpoint.kind !== "unix") {
    await listening(server, { host: endpoint.host, port: endpoint.port });
    return;
  }
  const { path } = endpoint;
  try {
    await listening(server, { path });
  } catch (error) {
    if (!(await isStaleSocket(path, error))) throw error;
    await unlink(path);
    await listening(server, { path });
  }
}

/** Whether `path` is a socket that a killed process left behind: nobody answers on it. */
async function isStaleSocket(path: string, error: unknown): Promise<boolean> {
  if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) return false;
  // Whatever else has this name belongs to somebody.
  if (!(await lstat(path)).isSocket()) return false;
  return await new Promise((resolve) => {
    const probe = connect({ path });
    probe.on("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.on("error", (refusal: NodeJS.ErrnoException) => resolve(refusal.code === "ECONNREFUSED"));
  });
}

function describe(socket: Socket, url: string): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? url : `${remoteAddress}:${remotePort}`;
}

/** WebSocket over HTTP: listens, on a port that other HTTP routes can share, and dials. */
import { createServer, STATUS_CODES } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { Listener } from "./caller.ts";
import { addressError } from "./address-error.ts";
import { formatEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { tooMany } from "./reception.ts";
import type { Reception } from "./reception.ts";
import { listening, urlOf } from "./socket-transport.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";
import { WebSocketWire } from "./websocket-wire.ts";
import type { Wire } from "./wire.ts";

export type WebSocketEndpoint = Extract<Endpoint, { readonly kind: "ws" }>;

export interface WebSocketOptions {
  /** Answers ordinary HTTP requests on the same port; without it they get 426. */
  readonly http?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /**
   * Whether a request may be meant for this server, by the host in its `Host` and, from a browser,
   * in its `Origin`: both guard against pages of other sites. All may by default.
   */
  readonly allowHost?: ((host: string) => boolean) | undefined;
}

const commonOptions = { perMessageDeflate: false, skipUTF8Validation: true } as const;

export function dialWebSocket(endpoint: WebSocketEndpoint, limits: TransportLimits): Wire {
  const url = formatEndpoint(endpoint);
  const webSocket = new WebSocket(url, {
    ...commonOptions,
    maxPayload: limits.frameBytesMax,
    // A mask protects proxies from scripts in browsers; a node is none, and a zero mask costs
    // nothing.
    generateMask: () => undefined,
  });
  return new WebSocketWire(webSocket, null, url);
}

/** @throws {TransportError} `KBZ_ADDRESS`. */
export async function listenWebSocket<Request, Response>(
  endpoint: WebSocketEndpoint,
  reception: Reception<Request, Response>,
  limits: TransportLimits,
  options: WebSocketOptions,
): Promise<Listener> {
  const upgrades = new WebSocketServer({
    ...commonOptions,
    noServer: true,
    clientTracking: false,
    maxPayload: limits.frameBytesMax,
  });
  const server = createServer((request, response) => {
    if (!isAllowed(request, options)) respond(response, 403);
    else if (options.http === undefined) respond(response, 426);
    else options.http(request, response);
  });
  server.on("upgrade", (request, socket: Duplex, head: Buffer) => {
    if (!isAllowed(request, options)) {
      refuseSocket(socket, 403);
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = socket instanceof Socket ? socket : null;
      reception.accept(new WebSocketWire(webSocket, stream, describe(socket)));
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    onClientError(error, socket, reception);
  });
  upgrades.on("wsClientError", (error, socket) => {
    reception.refuse(describe(socket), malformed(error));
    refuseSocket(socket, 400);
  });
  server.maxConnections = limits.connectionsMax;
  server.on("drop", (data) => reception.refuse(data?.remoteAddress ?? "unknown", tooMany(limits)));
  try {
    await listening(server, { host: endpoint.host, port: endpoint.port });
  } catch (cause) {
    throw addressError(formatEndpoint(endpoint), cause);
  }
  const url = urlOf(server, endpoint);
  return { url, [Symbol.asyncDispose]: () => close(server, reception, limits.lingerMs) };
}

/** Lets HTTP answers under way end, but not for longer than `lingerMs`. */
async function close<Request, Response>(
  server: Server,
  reception: Reception<Request, Response>,
  lingerMs: number,
): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const timer = setTimeout(() => server.closeAllConnections(), lingerMs);
  await reception.close();
  await closed;
  clearTimeout(timer);
}

function isAllowed(request: IncomingMessage, { allowHost }: WebSocketOptions): boolean {
  if (allowHost === undefined) return true;
  const { host, origin } = request.headers;
  if (host === undefined || !allowHost(host)) return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && allowHost(new URL(origin).host);
}

function respond(response: ServerResponse, status: 403 | 426): void {
  const upgrade = status === 426 ? { Upgrade: "websocket" } : {};
  response.writeHead(status, { "Content-Type": "text/plain", Connection: "close", ...upgrade });
  response.end(`${STATUS_CODES[status]}\n`);
}

function refuseSocket(socket: Duplex, status: 400 | 403): void {
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
}

function onClientError<Request, Response>(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  reception: Reception<Request, Response>,
): void {
  // Only what the parser refused was said by somebody; the rest are broken connections.
  const { code } = error;
  if (code?.startsWith("HPE_") === true) reception.refuse(describe(socket), malformed(error));
  if (socket.writable) refuseSocket(socket, 400);
  else socket.destroy();
}

function malformed(cause: Error): TransportError {
  return new TransportError(
    "KBZ_MALFORMED",
    `Wanted HTTP or a WebSocket, got something else: ${cause.message}. Check what calls here.`,
    { outcome: "none", cause },
  );
}

function describe(socket: Duplex): string {
  if (!(socket instanceof Socket) || socket.remoteAddress === undefined) return "unknown";
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

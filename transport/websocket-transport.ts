/** WebSocket over HTTP: listens, on a port that other HTTP routes can share, and dials. */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import type { Callee, Listener } from "./caller.ts";
import { addressError } from "./address-error.ts";
import { ArrivingWire } from "./arriving-wire.ts";
import { formatEndpoint } from "./endpoint.ts";
import { foreignError } from "./foreign.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  noExpectation,
  noHost,
  otherSite,
  refuseHttp,
  refuseRequest,
  refuseSocket,
  refuseWrong,
  withoutPlace,
} from "./http-refusal.ts";
import { noPlace } from "./places.ts";
import { socketsMax, tooMany } from "./reception.ts";
import type { Reception } from "./reception.ts";
import { listening, urlOf } from "./socket-transport.ts";
import { keepAliveMs } from "./socket-wire.ts";
import { callingContext, follow, listeningOptions } from "./tls.ts";
import type { TlsSource } from "./tls-source.ts";
import type { Following } from "./tls.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";
import { WebSocketWire } from "./websocket-wire.ts";
import type { Wire } from "./wire.ts";

// An import of it would load all that it exports, its client for `fetch` and HTTP/2 included.
const { createServer } = process.getBuiltinModule("node:http");

type WebSocketEndpoint = Extract<Endpoint, { readonly kind: "ws" | "wss" }>;

/** What a listener needs of the settings. */
interface Door {
  readonly limits: TransportLimits;
  readonly tls: TlsSource | null;
}

/** What of a callee concerns HTTP. */
type HttpCallee = Pick<Callee<never, never>, "serve" | "admits" | "isUrgent">;

interface WebSocketBounds {
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly closeTimeout: number;
}

const commonOptions = { perMessageDeflate: false, skipUTF8Validation: true } as const;

export function dialWebSocket(
  endpoint: WebSocketEndpoint,
  limits: TransportLimits,
  tls: TlsSource | null,
): Wire {
  const url = formatEndpoint(endpoint);
  const webSocket = new WebSocket(url, {
    ...commonOptions,
    ...webSocketBounds(limits),
    // A mask protects proxies from scripts in browsers; a node is not one, and a zero mask costs
    // nothing.
    generateMask: () => undefined,
    ...(endpoint.kind === "wss" ? { secureContext: callingContext(tls) } : {}),
  });
  const { messageBytesSent } = limits;
  return new WebSocketWire({ webSocket, socket: null, address: url, messageBytesSent });
}

/**
 * What ws holds of a message that is not whole, each part of which costs some memory of its own;
 * and how long it waits for the other side to close.
 */
function webSocketBounds(limits: TransportLimits): WebSocketBounds {
  const { messageBytesMax: maxPayload, messagePartsMax: parts, lingerMs: closeTimeout } = limits;
  return { maxPayload, maxFragments: parts, maxBufferedChunks: parts, closeTimeout };
}

/** @throws {TransportError} `KBZ_ADDRESS`; `KBZ_ENDPOINT` where a certificate is missing. */
export async function listenWebSocket<Request, Response>(
  endpoint: WebSocketEndpoint,
  reception: Reception<Request, Response>,
  door: Door,
  callee: HttpCallee,
): Promise<Listener> {
  const { limits, tls } = door;
  const isSecure = endpoint.kind === "wss";
  const server = isSecure ? createHttpsServer(endpoint, door) : createServer(httpOptions(limits));
  server.maxConnections = socketsMax(limits);
  server.setTimeout(limits.stallMs);
  attend(server, reception, limits, callee);
  const refuse = (from: string, error: TransportError): void => reception.refuse(from, error);
  const following =
    server instanceof TlsServer && tls !== null ? follow(server, tls, refuse) : null;
  try {
    await listening(server, { host: endpoint.host, port: endpoint.port });
  } catch (cause) {
    following?.stop();
    throw addressError(formatEndpoint(endpoint), cause);
  }
  const url = urlOf(server, endpoint);
  const { lingerMs } = limits;
  const closed = (): Promise<void> => close(server, reception, { lingerMs, following });
  return { url, [Symbol.asyncDispose]: closed };
}

/**
 * What becomes a WebSocket, and bounds for ordinary HTTP: for each request on a connection that is
 * kept, and for who takes no answer. Who has made no request yet is bounded by the handshake.
 */
function httpOptions({ handshakeMs, requestMs }: TransportLimits): ServerOptions {
  return {
    headersTimeout: handshakeMs,
    requestTimeout: Math.max(requestMs, handshakeMs),
    connectionsCheckingInterval: Math.ceil(handshakeMs / 10),
    // Refused here, in words.
    requireHostHeader: false,
    // Whoever is gone without a word gives its place back.
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    // Who offers another protocol, as HTTP/2, is answered in this one (RFC 9110, section 7.8);
    // before Node.js 24.9 and 22.21 it is refused.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
  };
}

/** Loaded only by whom it serves. */
function createHttpsServer(endpoint: WebSocketEndpoint, { limits, tls }: Door): HttpsServer {
  const https = process.getBuiltinModule("node:https");
  const url = formatEndpoint(endpoint);
  return https.createServer({ ...httpOptions(limits), ...listeningOptions(tls, url, limits) });
}

function attend<Request, Response>(
  server: Server | HttpsServer,
  reception: Reception<Request, Response>,
  limits: TransportLimits,
  callee: HttpCallee,
): void {
  const upgrades = new WebSocketServer({
    ...commonOptions,
    noServer: true,
    clientTracking: false,
    ...webSocketBounds(limits),
  });
  // Made once: who refuses a flood has no time for more.
  const [full, crowded] = [withoutPlace(noPlace(limits)), tooMany(limits)];
  const answering = new WeakMap<Duplex, ServerResponse>();
  const arriving = new WeakMap<Duplex, ArrivingWire>();
  const refused = new WeakSet<Duplex>();
  const seated = new WeakSet<Duplex>();
  const seat = (socket: Duplex): boolean => {
    if (seated.has(socket)) return true;
    const leave = reception.places.forAny();
    if (leave === null) return false;
    seated.add(socket);
    socket.once("close", leave);
    return true;
  };
  const refuse = (socket: Duplex, error: TransportError): void => {
    // What it sends until it is closed is no news.
    if (refused.has(socket)) return;
    refused.add(socket);
    if (arriving.get(socket)?.leave(error) !== true) reception.refuse(describe(socket), error);
  };
  const isSecure = server instanceof TlsServer;
  server.on(isSecure ? "secureConnection" : "connection", (socket: Socket) => {
    const wire = new ArrivingWire(socket, describe(socket));
    arriving.set(socket, wire);
    reception.accept(wire);
  });
  server.on("request", (request, response) => {
    arriving.get(request.socket)?.leave(null);
    answering.set(request.socket, response);
    if (callee.serve === undefined) refuseHttp(response);
    else if (isHostMissing(request)) refuseRequest(response, noHost);
    else if (seat(request.socket)) callee.serve(request, response);
    else if (!serveUrgent(request, response, callee)) refuseRequest(response, full);
  });
  server.on("checkExpectation", (request, response) => {
    arriving.get(request.socket)?.leave(null);
    refuseRequest(response, noExpectation);
  });
  server.on("upgrade", (request, socket: Duplex, head: Buffer) => {
    if (callee.admits?.(request) === false) {
      refuseSocket(socket, otherSite, limits.lingerMs);
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = socket instanceof Socket ? socket : null;
      const address = describe(socket);
      const { messageBytesSent } = limits;
      const wire = new WebSocketWire({ webSocket, socket: stream, address, messageBytesSent });
      if (arriving.get(socket)?.become(wire) !== true) reception.accept(wire);
    });
  });
  attendErrors(server, upgrades, { limits, refuse, answering });
  server.on("drop", (data) => reception.refuse(data?.remoteAddress ?? "unknown", crowded));
}

/** What is none, or never whole: says so to both sides. */
function attendErrors(
  server: Server | HttpsServer,
  upgrades: WebSocketServer,
  parts: {
    readonly limits: TransportLimits;
    readonly refuse: (socket: Duplex, error: TransportError) => void;
    readonly answering: WeakMap<Duplex, ServerResponse>;
  },
): void {
  const { limits, refuse, answering } = parts;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const isLate = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    const told = isLate ? late(describe(socket), limits) : unparsed(error, socket);
    // Of the rest only what the parser refused was said by somebody: others are lost connections.
    if (isLate || error.code?.startsWith("HPE_") === true) refuse(socket, told);
    const answer = answering.get(socket) ?? null;
    refuseWrong(socket, { told, found: error.code, answer, lingerMs: limits.lingerMs });
  });
  upgrades.on("wsClientError", (error, socket) => {
    const told = malformed(error);
    refuse(socket, told);
    refuseWrong(socket, { told, answer: null, lingerMs: limits.lingerMs });
  });
}

/** What is answered without a place, if it is one of those; its connection is not kept then. */
function serveUrgent(
  request: IncomingMessage,
  response: ServerResponse,
  callee: HttpCallee,
): boolean {
  if (callee.isUrgent?.(request) !== true) return false;
  response.shouldKeepAlive = false;
  callee.serve?.(request, response);
  return true;
}

/** Lets HTTP answers under way end, but not for longer than `lingerMs`. */
async function close<Request, Response>(
  server: Server | HttpsServer,
  reception: Reception<Request, Response>,
  { lingerMs, following }: { readonly lingerMs: number; readonly following: Following | null },
): Promise<void> {
  following?.stop();
  const closed = new Promise((resolve) => server.close(resolve));
  const timer = setTimeout(() => {
    server.closeAllConnections();
    following?.destroyAll();
  }, lingerMs);
  await reception.close();
  await closed;
  clearTimeout(timer);
}

/** Whether a host is missing that HTTP asks for. */
function isHostMissing({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host === undefined && httpVersion === "1.1";
}

function late(address: string, { handshakeMs }: TransportLimits): TransportError {
  return new TransportError(
    "KBZ_TIMEOUT",
    `Wanted a whole request of ${address} within ${handshakeMs} ms, got none. ` +
      "Check what calls here.",
    { outcome: "none" },
  );
}

/** What the parser of HTTP refused, in words where it is known. */
function unparsed(error: Error, socket: Duplex): TransportError {
  const packet = "rawPacket" in error ? error.rawPacket : null;
  const known = packet instanceof Uint8Array ? foreignError(describe(socket), packet) : null;
  return known ?? malformed(error);
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

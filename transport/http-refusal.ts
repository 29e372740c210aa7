/**
 * What a listener answers over HTTP by itself, where the callee is not asked: as problems are told
 * there (RFC 9457). The connection is not kept.
 */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { TransportError } from "./transport-error.ts";

const { maxHeaderSize, STATUS_CODES } = process.getBuiltinModule("node:http");

type RefusalStatus = 400 | 403 | 408 | 417 | 431 | 503;

export interface HttpRefusal {
  readonly status: RefusalStatus;
  /** The first where the request itself is at fault. */
  readonly code: "KBZ_ARGUMENT" | "KBZ_FORBIDDEN" | "KBZ_BUSY";
  readonly detail: string;
  /** Whether the same request may be taken later. */
  readonly retryable: boolean;
  readonly outcome: "none" | "unknown";
}

export const noHost: HttpRefusal = {
  status: 400,
  code: "KBZ_ARGUMENT",
  detail: "Wanted one Host header, as HTTP/1.1 does, got none.",
  retryable: false,
  outcome: "none",
};

export const noExpectation: HttpRefusal = {
  status: 417,
  code: "KBZ_ARGUMENT",
  detail: "Wanted no Expect header but 100-continue, got another. Leave it out.",
  retryable: false,
  outcome: "none",
};

export const otherSite: HttpRefusal = {
  status: 403,
  code: "KBZ_FORBIDDEN",
  detail: "Wanted a WebSocket of a page of this node's hosts, got one of another site's page.",
  retryable: false,
  outcome: "none",
};

/** @param full What there is no place in. */
export function withoutPlace({ message }: TransportError): HttpRefusal {
  return { status: 503, code: "KBZ_BUSY", detail: message, retryable: true, outcome: "none" };
}

/** Answers in place of the callee. */
export function refuseRequest(response: ServerResponse, refusal: HttpRefusal): void {
  const body = textOf(refusal);
  const type = { "Content-Type": "application/problem+json", Connection: "close" };
  const length = { "Content-Length": Buffer.byteLength(body) };
  const later = refusal.retryable ? { "Retry-After": "1" } : {};
  response.writeHead(refusal.status, { ...type, ...length, ...later }).end(body);
}

/** There is nothing here but WebSockets. */
export function refuseHttp(response: ServerResponse): void {
  const type = { "Content-Type": "text/plain", Upgrade: "websocket" };
  response.writeHead(426, { ...type, Connection: "close" });
  response.end(`${STATUS_CODES[426]}\n`);
}

export interface WrongRequest {
  readonly told: TransportError;
  /** What the parser of HTTP calls it. */
  readonly found?: string | undefined;
  /** That to the request before it on this connection, or to its beginning; null for none. */
  readonly answer: ServerResponse | null;
  readonly lingerMs: number;
}

/** Of a request that is late, or none. */
export function refuseWrong(socket: Duplex, { told, found, answer, lingerMs }: WrongRequest): void {
  const isBegun = answer?.writableFinished === false;
  // In the midst of an answer nothing else can be said.
  if (!socket.writable || (isBegun && answer.headersSent)) {
    socket.destroy();
    return;
  }
  const status = told.code === "KBZ_TIMEOUT" ? 408 : found === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  const detail =
    status === 431 ? `Wanted headers of at most ${maxHeaderSize} bytes, got more.` : told.message;
  // The beginning of a body that is not whole may have taken effect.
  const outcome = isBegun ? "unknown" : "none";
  const retryable = status === 408;
  refuseSocket(socket, { status, code: "KBZ_ARGUMENT", detail, retryable, outcome }, lingerMs);
}

/** Says why and closes within `lingerMs`, also when what is said is not taken. */
export function refuseSocket(socket: Duplex, refusal: HttpRefusal, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  const { status } = refusal;
  const body = textOf(refusal);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function textOf({ status, code, detail, retryable, outcome }: HttpRefusal): string {
  const document = { type: "about:blank", title: code, status, detail, code, retryable, outcome };
  return `${JSON.stringify(document)}\n`;
}

/**
 * What transport/ promises: a Caller sends a request to a peer and gives its answer, or says that
 * none came; at most once, bounded, abortable. A Callee is the other end. Knows nothing of Paxos.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Traffic } from "./traffic.ts";

/** Turns values into bytes and back; injected, so that transport/ need not know what it carries. */
export interface Codec<Value> {
  /**
   * The bytes in pieces, so that large bodies are not copied together.
   * @param version Of the protocol, that both sides of the connection speak; default the latest.
   */
  encode(value: Value, version?: number): readonly Uint8Array[];
  /**
   * @param bytes One whole value; the result may keep views into it.
   * @param version Of the protocol, that both sides of the connection speak; default the latest.
   * @throws when the bytes are not a value of this codec; the peer is then told, and cut off.
   */
  decode(bytes: Uint8Array, version?: number): Value;
}

/**
 * CRC-32 (IEEE 802.3) of `bytes`, unsigned, continued from `seed` when one is given; injected as
 * the codecs are. Of no bytes at all it is `seed`, or zero.
 */
export type Checksum = (bytes: Uint8Array, seed?: number) => number;

/** Each lane is a connection of its own, so that control messages never wait behind bulk data. */
export type Lane = "control" | "bulk";

/** Who somebody says it is, in the first frame of each connection, both ways. */
export interface Hello {
  /** The identity of the republic, or null when the speaker has none yet or is a client. */
  readonly republic: string | null;
  /** The node's id, its storage incarnation, and where it can be called; null for a client. */
  readonly node: {
    readonly id: string;
    readonly cookie: string;
    readonly starts: number;
    readonly url: string;
  } | null;
  /** The version of the speaker's software, for people. */
  readonly version: string;
  /**
   * Identities that the republic had before it went on under the one above; absent for none. Who
   * still speaks for one of them is refused as any other, and told why.
   */
  readonly formerly?: readonly string[];
}

/** What somebody presented when its end of a TLS connection was made. */
export interface PresentedCertificate {
  /** Whom it was given to, for people. */
  readonly subject: string;
  /** The URIs among its subject alternative names. */
  readonly uris: readonly string[];
  /** SHA-256 of it and of those that signed it, the root last. */
  readonly chain: readonly string[];
  /** Why it is not to be believed, or null. */
  readonly fault: string | null;
}

/** What a caller gave to be let in, and what the transport knows of it. */
export interface Presented {
  /** Where it comes from, for people. */
  readonly address: string;
  /** A secret: never to be logged, nor kept as it is. */
  readonly token: string | null;
  readonly certificate: PresentedCertificate | null;
}

export interface CallOptions {
  readonly lane: Lane;
  /** Milliseconds after which the call rejects with `KBZ_TIMEOUT`. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface Caller<Request, Response> extends AsyncDisposable {
  readonly url: string;
  /** What the other side said of itself on the latest connection, or null before the first. */
  readonly remote: Hello | null;
  /** Whether the lane `control` is connected and has shaken hands. */
  readonly connected: boolean;
  /** Bytes that wait for their turn, or for the network. */
  readonly queuedBytes: number;
  /**
   * Sends `request` and resolves with its answer. Connects when there is no connection; never sends
   * a request twice.
   *
   * @throws {TransportError} `outcome` is "none" when it certainly never left this side (not
   *   connected, limit reached, refused by the other side before it was looked at), else "unknown".
   */
  call(request: Request, options: CallOptions): Promise<Response>;
  /**
   * Sends `request` without an answer, in order with others of the same lane; it may be lost.
   * Frames told in one turn of the event loop leave in one write; some small ones that are told
   * while a connection is being made leave once it is there, behind the calls that wait for it.
   *
   * @returns false when it was dropped at once: not connected, or more is queued than the limit
   *   allows.
   */
  tell(request: Request, lane: Lane): boolean;
  /** The peer is known to be there: dials now what waits for its next try. */
  hurry(): void;
}

export interface Callee<Request, Response> {
  /** This side's hello; asked again for each connection. */
  hello(): Hello;
  /**
   * Answers a call. A rejection with a `TransportError` is passed on with its code; any other
   * becomes `KBZ_REMOTE`, without its stack. `signal` aborts when the caller gave up or is gone.
   */
  answer(request: Request, from: Hello, signal: AbortSignal): Promise<Response>;
  /** Takes what was told; must not throw. */
  hear(request: Request, from: Hello): void;
  /** Where the bytes to and from the other side are counted, if anywhere. */
  traffic?(from: Hello): Traffic | null;
  /**
   * Whether not everybody is let in: who is not admitted is then told nothing of this side, not
   * even its hello.
   */
  readonly isGuarded?: boolean;
  /**
   * Whether this caller is let in; once, before anything else of its connection, with the very
   * `from` that its requests come with.
   *
   * @throws {TransportError} `KBZ_FORBIDDEN` when it is not: it is told so, and cut off.
   */
  vet?(from: Hello, presented: Presented): void;
  /** Whether a node is a member here: it then has places that nobody else takes. */
  knows?(from: Hello): boolean;
  /**
   * Something was refused at the door (rubbish, another version or republic): worth a line of log.
   */
  refused?(detail: { readonly address: string; readonly error: Error }): void;
  /** Answers an ordinary HTTP request at a `ws://` endpoint; without it they get 426. */
  serve?(request: IncomingMessage, response: ServerResponse): void;
  /** Whether an HTTP request is answered even if all places for clients are taken; default no. */
  isUrgent?(request: IncomingMessage): boolean;
  /** Whether who asks for a WebSocket may have one; default yes. Pages of other sites may not. */
  admits?(request: IncomingMessage): boolean;
}

export interface CallerOptions {
  /** Told to the other side; asked again for each connection. */
  hello(): Hello;
  /** Called each time an established connection of any lane is lost. */
  down?(error: Error | null): void;
  /**
   * Called when the other side will not have this one: another republic or version, no room, or
   * not let in; or when this one will not have the other, whose certificate is not to be believed.
   */
  refused?(error: Error): void;
  /** Called each time a connection of the control lane is made. */
  up?(remote: Hello): void;
  /** Draws the back-off's jitter: 0 ≤ value < 1. */
  fraction(): number;
  /** Where the bytes to and from the other side are counted, if anywhere. */
  readonly traffic?: Traffic;
}

export interface Listener extends AsyncDisposable {
  /** The endpoint with the real port when 0 was asked for. */
  readonly url: string;
}

/** Who can call: all of a network that a client needs. */
export interface Dialler<Request, Response> {
  /** Never fails: a peer that is not there is an ordinary event. @throws `KBZ_ENDPOINT` only. */
  connect(url: string, options: CallerOptions): Caller<Request, Response>;
}

/** A kind of network, or all kinds together, told apart by the scheme of the endpoint. */
export interface Transport<Request, Response> extends Dialler<Request, Response> {
  /**
   * @throws {TransportError} `KBZ_ADDRESS` when the endpoint is unavailable (port in use, no such
   *   address); `KBZ_ENDPOINT` when it cannot be parsed or its scheme is unknown.
   */
  listen(url: string, callee: Callee<Request, Response>): Promise<Listener>;
}

/**
 * The caller's end of one lane: keeps a connection, comes back when it is lost, and matches answers
 * to calls by id. Never sends a request twice.
 */
import type { CallOptions, CallerOptions, Hello, Lane } from "./caller.ts";
import { backOffMs } from "./back-off.ts";
import { Connection } from "./connection.ts";
import type { ConnectionEvents } from "./connection.ts";
import { decodeFailure } from "./failure.ts";
import { frameBytes, frameKinds, piecesBytes } from "./framing.ts";
import type { Frame } from "./framing.ts";
import { PendingCall, type CallBody } from "./pending-call.ts";
import type { TransportTimer } from "./timing.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportSettings } from "./transport-settings.ts";
import type { Turns } from "./turns.ts";
import type { Wire } from "./wire.ts";

export interface LaneLinkOptions<Request, Response> {
  readonly url: string;
  readonly lane: Lane;
  readonly settings: TransportSettings<Request, Response>;
  readonly caller: CallerOptions;
  dial(): Wire;
  opened(remote: Hello): void;
}

type State =
  | { readonly kind: "connecting"; readonly connection: Connection }
  | { readonly kind: "open"; readonly connection: Connection }
  | {
      readonly kind: "backing-off";
      readonly timer: TransportTimer;
      /** It has no room: that the peer is there is no news, and no reason to ask again. */
      readonly isFull: boolean;
    }
  | { readonly kind: "closed" };

const noBody: readonly Uint8Array[] = [];
const idsMax = 2 ** 32;
/** Messages, each so large, that wait for a connection which is being made. */
const heldMax = 16;
const heldBytesMax = 4096;

/** What is said in place of a hello when one side will not have the other. */
const refusalCodes: ReadonlySet<TransportError["code"]> = new Set<TransportError["code"]>([
  "KBZ_REPUBLIC",
  "KBZ_VERSION",
  "KBZ_BUSY",
  "KBZ_FORBIDDEN",
]);

export class LaneLink<Request, Response> implements ConnectionEvents {
  readonly #options: LaneLinkOptions<Request, Response>;
  readonly #settings: TransportSettings<Request, Response>;
  readonly #turns: Turns;
  /** Calls that have their turn and wait for a connection. */
  readonly #waiting = new Set<PendingCall<Response>>();
  readonly #sent = new Map<number, PendingCall<Response>>();
  /** Calls that wait for their turn, so that closing reaches them too. */
  readonly #queued = new Set<PendingCall<Response>>();
  /** What was told while the connection is being made. */
  #held: Request[] = [];
  #waitingBytes = 0;
  #idNext = 1;
  #failures = 0;
  #state: State;

  constructor(options: LaneLinkOptions<Request, Response>) {
    this.#options = options;
    this.#settings = options.settings;
    const { turns, limits } = options.settings;
    this.#turns = turns(limits.callsInFlightMax[options.lane]);
    this.#state = this.#dial();
  }

  get connected(): boolean {
    return this.#state.kind === "open";
  }

  /** Bytes that wait for their turn, or for the network. */
  get queuedBytes(): number {
    const sent = this.#state.kind === "open" ? this.#state.connection.queuedBytes : 0;
    return this.#waitingBytes + sent;
  }

  /** @throws {TransportError} Rejects; never throws at once. */
  async call(request: Request, options: CallOptions): Promise<Response> {
    const encoded = this.#encoded(request);
    this.#refuseCall(encoded.bytes, options);
    const call = new PendingCall<Response>(encoded, options, this.#settings.timing, this.#giveUp);
    this.#waitingBytes += encoded.bytes;
    this.#queued.add(call);
    // The slot in the queue is held until the call is settled, however that may be.
    this.#turns.add(() => this.#begin(call));
    return await call.promise;
  }

  tell(request: Request): boolean {
    if (this.#state.kind === "connecting") return this.#hold(request);
    if (this.#state.kind !== "open") return false;
    const { connection } = this.#state;
    const { limits, requestCodec } = this.#settings;
    if (connection.queuedBytes >= limits.queuedBytesMax) return false;
    const body = requestCodec.encode(request, connection.version);
    const bytes = piecesBytes(body);
    if (frameBytes(bytes) > limits.frameBytesMax) return false;
    if (connection.queuedBytes + bytes > limits.queuedBytesMax) return false;
    connection.send(frameKinds.tell, 0, body);
    return true;
  }

  /** The peer is there: dials now, unless it is connected, or was told that there is no room. */
  hurry(): void {
    if (this.#state.kind !== "backing-off" || this.#state.isFull) return;
    this.#state.timer.cancel();
    this.#redial();
  }

  /** Rejects everything that is pending; resolves when the connection is gone. */
  async close(): Promise<void> {
    const state = this.#state;
    if (state.kind === "closed") return;
    this.#state = { kind: "closed" };
    this.#held = [];
    if (state.kind === "backing-off") state.timer.cancel();
    else state.connection.fail(this.#error("KBZ_CLOSED", "the caller is closed", "none"));
    this.#rejectWaiting(() => this.#error("KBZ_CLOSED", "the caller was closed", "none"));
    this.#rejectSent(null, (outcome) =>
      this.#error("KBZ_CLOSED", "the caller was closed", outcome),
    );
    if (state.kind !== "backing-off") await state.connection.gone;
  }

  hello(): Hello {
    return this.#options.caller.hello();
  }

  opened(remote: Hello): void {
    if (this.#state.kind !== "connecting") return;
    const { connection } = this.#state;
    this.#state = { kind: "open", connection };
    this.#failures = 0;
    for (const call of this.#waiting) this.#send(call, connection);
    this.#waiting.clear();
    const held = this.#held;
    this.#held = [];
    for (const request of held) this.tell(request);
    this.#options.opened(remote);
  }

  frame(frame: Frame): void {
    const { kind, id, body } = frame;
    if (kind !== frameKinds.answer && kind !== frameKinds.failure) {
      throw new TransportError(
        "KBZ_MALFORMED",
        `Wanted answers of ${this.#options.url}, got a frame of kind ${kind}. Check its version.`,
        { outcome: "unknown" },
      );
    }
    const call = this.#sent.get(id);
    // An answer that comes after its call was given up is nothing unusual.
    if (call === undefined) return;
    if (kind === frameKinds.failure) {
      const error = decodeFailure(body);
      this.#sent.delete(id);
      call.reject(error);
      return;
    }
    const response = this.#decodeResponse(call, id, body);
    this.#sent.delete(id);
    call.resolve(response);
  }

  drained(): void {
    // Callers are refused while too much is queued, and come back by themselves.
  }

  lost(error: TransportError): void {
    const state = this.#state;
    if (state.kind !== "open" && state.kind !== "connecting") return;
    const wasOpen = state.kind === "open";
    this.#failures += 1;
    // Another republic or version, a wrong token, a lack of room: none goes within milliseconds.
    const refused = refusalCodes.has(error.code);
    if (refused) this.#failures = 30;
    const { backOffMsMin: min, backOffMsMax: max } = this.#settings.limits;
    const ms = backOffMs(this.#failures, this.#options.caller.fraction(), { min, max });
    const timer = this.#settings.timing.after(ms, () => this.#redial());
    this.#state = { kind: "backing-off", timer, isFull: error.code === "KBZ_BUSY" };
    this.#held = [];
    this.#rejectSent(state.connection, (outcome) => this.#lostError(error, outcome));
    this.#rejectWaiting(() => this.#lostError(error, "none"), this.#waiting);
    if (wasOpen) this.#options.caller.down?.(error);
    if (refused && !wasOpen) this.#options.caller.refused?.(error);
  }

  readonly #giveUp = (call: PendingCall<Response>, why: "timeout" | "abort"): void => {
    const { stage } = call;
    if (stage.kind === "settled") return;
    const code = why === "timeout" ? "KBZ_TIMEOUT" : "KBZ_ABORTED";
    const found = why === "timeout" ? "no answer came in time" : "its signal aborted";
    if (stage.kind === "waiting") {
      this.#stopWaiting(call);
      call.reject(this.#error(code, found, "none", call.abortReason));
      return;
    }
    this.#sent.delete(stage.id);
    if (this.#state.kind === "open") {
      this.#state.connection.send(frameKinds.abort, stage.id, noBody);
    }
    call.reject(this.#error(code, found, "unknown", call.abortReason));
  };

  /** Two that meet speak at once: what they say first would be lost, and missed for some rounds. */
  #hold(request: Request): boolean {
    if (this.#held.length >= heldMax) return false;
    const { protocol, requestCodec } = this.#settings;
    if (piecesBytes(requestCodec.encode(request, protocol.most)) > heldBytesMax) return false;
    this.#held.push(request);
    return true;
  }

  #refuseCall(bytes: number, options: CallOptions): void {
    const { limits } = this.#settings;
    if (this.#state.kind === "closed")
      throw this.#error("KBZ_CLOSED", "the caller is closed", "none");
    if (options.signal?.aborted === true) {
      throw this.#error("KBZ_ABORTED", "its signal had aborted", "none", options.signal.reason);
    }
    if (frameBytes(bytes) > limits.frameBytesMax) {
      const found = `its ${bytes} bytes are more than a frame's ${limits.frameBytesMax}`;
      throw this.#error("KBZ_TOO_LARGE", found, "none");
    }
    const waiting = this.#turns.size >= limits.callsWaitingMax;
    if (waiting || this.#waitingBytes + bytes > limits.waitingBytesMax) {
      throw this.#error("KBZ_BUSY", "too much waits for its turn", "none");
    }
  }

  /** Runs when the call has its turn; what it returns ends the turn. */
  #begin(call: PendingCall<Response>): Promise<unknown> | undefined {
    this.#queued.delete(call);
    if (call.stage.kind !== "waiting") return undefined;
    if (this.#state.kind === "open") this.#send(call, this.#state.connection);
    else this.#waiting.add(call);
    return call.promise;
  }

  #send(call: PendingCall<Response>, connection: Connection): void {
    if (call.stage.kind !== "waiting") return;
    this.#waitingBytes -= call.bytes;
    if (connection.queuedBytes + call.bytes > this.#settings.limits.queuedBytesMax) {
      call.reject(this.#error("KBZ_BUSY", "the connection is too slow for what is sent", "none"));
      return;
    }
    const id = this.#takeId();
    const { version } = connection;
    const body = call.stage.version === version ? call.stage.body : call.stage.anew(version);
    call.stage = { kind: "sent", id, flushes: connection.flushes };
    this.#sent.set(id, call);
    connection.send(frameKinds.call, id, body);
  }

  /** Before there is a connection nobody knows its version: most likely it will be this one. */
  #encoded(request: Request): CallBody {
    const { requestCodec } = this.#settings;
    const version = this.#version;
    const pieces = requestCodec.encode(request, version);
    const anew = (other: number): readonly Uint8Array[] => requestCodec.encode(request, other);
    return { pieces, bytes: piecesBytes(pieces), version, anew };
  }

  get #version(): number {
    const { most } = this.#settings.protocol;
    return this.#state.kind === "open" ? this.#state.connection.version : most;
  }

  #takeId(): number {
    while (this.#sent.has(this.#idNext)) this.#idNext = (this.#idNext + 1) % idsMax;
    const id = this.#idNext;
    this.#idNext = (id + 1) % idsMax;
    return id;
  }

  #decodeResponse(call: PendingCall<Response>, id: number, body: Uint8Array): Response {
    try {
      return this.#settings.responseCodec.decode(body, this.#version);
    } catch (cause) {
      const error = this.#error("KBZ_MALFORMED", "its answer cannot be read", "unknown", cause);
      this.#sent.delete(id);
      call.reject(error);
      throw error;
    }
  }

  #stopWaiting(call: PendingCall<Response>): void {
    this.#waitingBytes -= call.bytes;
    this.#waiting.delete(call);
    this.#queued.delete(call);
  }

  /** Rejects calls of which nothing has left: all, or those that wait for a connection only. */
  #rejectWaiting(
    error: () => TransportError,
    only: ReadonlySet<PendingCall<Response>> = new Set([...this.#waiting, ...this.#queued]),
  ): void {
    for (const call of only) {
      if (call.stage.kind !== "waiting") continue;
      this.#stopWaiting(call);
      call.reject(error());
    }
  }

  #rejectSent(
    connection: Connection | null,
    error: (outcome: "none" | "unknown") => TransportError,
  ): void {
    const calls = [...this.#sent.values()];
    this.#sent.clear();
    for (const call of calls) {
      const { stage } = call;
      const unsent = stage.kind === "sent" && stage.flushes === connection?.flushes;
      call.reject(error(unsent ? "none" : "unknown"));
    }
  }

  #dial(): State {
    const { lane, settings } = this.#options;
    const connection = new Connection(this.#options.dial(), lane, settings, this);
    connection.traffic = this.#options.caller.traffic ?? connection.traffic;
    return { kind: "connecting", connection };
  }

  #redial(): void {
    if (this.#state.kind === "backing-off") this.#state = this.#dial();
  }

  #lostError(error: TransportError, outcome: "none" | "unknown"): TransportError {
    const refused = refusalCodes.has(error.code);
    const code = refused && outcome === "none" ? error.code : "KBZ_DISCONNECTED";
    return this.#error(code, error.message.replace(/\.$/, ""), outcome, error);
  }

  #error(
    code: TransportError["code"],
    found: string,
    outcome: "none" | "unknown",
    cause?: unknown,
  ): TransportError {
    const { url, lane } = this.#options;
    const advice =
      outcome === "none"
        ? "It was not carried out and can be repeated."
        : "It may have been carried out: find out before repeating it.";
    return new TransportError(code, `Wanted an answer of ${url} (${lane}): ${found}. ${advice}`, {
      outcome,
      cause,
    });
  }
}

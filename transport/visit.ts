/**
 * The callee's end of one connection: hands requests to the callee and sends its answers back.
 * Bounds what one caller can have under way, and cuts off a reader that takes nothing.
 */
import type { Callee, Hello } from "./caller.ts";
import { Connection } from "./connection.ts";
import type { ConnectionEvents } from "./connection.ts";
import { encodeFailure } from "./failure.ts";
import { frameBytes, frameKinds, piecesBytes } from "./framing.ts";
import type { Frame } from "./framing.ts";
import type { SharedRoom } from "./partial-body.ts";
import { noPlace } from "./places.ts";
import type { Leave, Places } from "./places.ts";
import type { TransportTimer } from "./timing.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportSettings } from "./transport-settings.ts";
import type { Wire } from "./wire.ts";

export interface VisitOptions<Request, Response> {
  readonly wire: Wire;
  readonly settings: TransportSettings<Request, Response>;
  readonly callee: Callee<Request, Response>;
  /** What it may take together with others for frames that come in parts. */
  readonly partialRoom?: SharedRoom | undefined;
  readonly places: Places;
}

/**
 * What comes of a connection at the door is worth a word only when somebody did something wrong.
 */
const refusalCodes: ReadonlySet<TransportError["code"]> = new Set<TransportError["code"]>([
  "KBZ_MALFORMED",
  "KBZ_TOO_LARGE",
  "KBZ_REPUBLIC",
  "KBZ_VERSION",
  "KBZ_TIMEOUT",
  "KBZ_BUSY",
  "KBZ_FORBIDDEN",
]);

export class Visit<Request, Response> implements ConnectionEvents {
  readonly #options: VisitOptions<Request, Response>;
  readonly #connection: Connection;
  readonly #underWay = new Map<number, AbortController>();
  #from: Hello | null = null;
  /** Its place; null while there is none for who has not said who it is. */
  #leave: Leave | null;
  /** Answers not yet given, those of aborted calls included: their work goes on. */
  #answers = 0;
  #requestBytes = 0;
  #room: PromiseWithResolvers<void> | null = null;
  #stallTimer: TransportTimer | null = null;

  constructor(options: VisitOptions<Request, Response>) {
    this.#options = options;
    const { wire, settings, partialRoom, places } = options;
    const { limits, timing, protocol, checksum } = settings;
    this.#leave = places.forAny();
    // Whoever is greeted asks at once, and so may stay: nothing that it asked is left in doubt.
    const greetsLast = this.#leave === null || options.callee.isGuarded === true;
    const connectionSettings = { limits, timing, protocol, checksum, partialRoom, greetsLast };
    this.#connection = new Connection(wire, null, connectionSettings, this);
  }

  /** Resolves when the connection is gone, within a bound after it was lost. */
  get gone(): Promise<void> {
    return this.#connection.gone;
  }

  /** Ends the visit; resolves when the connection is gone. */
  async close(error: TransportError): Promise<void> {
    this.#connection.fail(error);
    await this.gone;
  }

  hello(): Hello {
    return this.#options.callee.hello();
  }

  admit(remote: Hello, token: string | null): void {
    const { places, settings, callee, wire } = this.#options;
    const certificate = wire.certificate?.() ?? null;
    callee.vet?.(remote, { address: wire.address, token, certificate });
    const own = places.forNode(remote);
    if (own !== null) {
      this.#leave?.();
      this.#leave = own;
    }
    this.#leave ??= places.forAny();
    if (this.#leave === null) throw noPlace(settings.limits);
  }

  opened(remote: Hello): void {
    this.#from = remote;
    this.#connection.traffic = this.#options.callee.traffic?.(remote) ?? this.#connection.traffic;
  }

  frame(frame: Frame): void {
    if (frame.kind === frameKinds.tell) this.#onTell(frame);
    else if (frame.kind === frameKinds.call) this.#onCall(frame);
    else if (frame.kind === frameKinds.abort) this.#onAbort(frame);
    else throw this.#malformed(`a frame of kind ${frame.kind}`);
  }

  drained(): void {
    this.#stallTimer?.cancel();
    this.#stallTimer = null;
    this.#room?.resolve();
    this.#room = null;
  }

  lost(error: TransportError): void {
    this.drained();
    this.#leave?.();
    if (this.#underWay.size > 0) this.#abandon(error);
    // A connection that came and went without a word is a probe, not a caller.
    if (!refusalCodes.has(error.code)) return;
    this.#options.callee.refused?.({ address: this.#connection.address, error });
  }

  #abandon(cause: TransportError): void {
    const message = "The caller is gone: the answer reaches nobody.";
    const gone = new TransportError("KBZ_ABORTED", message, { outcome: "unknown", cause });
    const underWay = [...this.#underWay.values()];
    this.#underWay.clear();
    for (const controller of underWay) controller.abort(gone);
  }

  #onCall(frame: Frame): void {
    const { id, body } = frame;
    const { limits } = this.#options.settings;
    if (this.#underWay.has(id)) throw this.#malformed(`call ${id} twice`);
    const callsMax = Math.max(limits.callsInFlightMax.control, limits.callsInFlightMax.bulk);
    if (this.#answers >= callsMax || this.#requestBytes + body.length > limits.queuedBytesMax) {
      this.#refuseBusy(id);
      return;
    }
    const request = this.#decode(body, id);
    const controller = new AbortController();
    this.#underWay.set(id, controller);
    this.#answers += 1;
    this.#requestBytes += body.length;
    void this.#answer(id, request, body.length, controller);
  }

  #refuseBusy(id: number): void {
    // Who asks on and reads nothing would make the refusals themselves grow without bound.
    const { queuedBytesMax } = this.#options.settings.limits;
    if (this.#connection.queuedBytes >= queuedBytesMax) throw this.#slow("while it asked on");
    const message = "Too much is under way; try again later.";
    const error = new TransportError("KBZ_BUSY", message, { outcome: "none" });
    this.#connection.send(frameKinds.failure, id, [encodeFailure(error)]);
  }

  #onTell(frame: Frame): void {
    const request = this.#decode(frame.body, null);
    this.#options.callee.hear(request, this.#fromOrThrow());
  }

  #onAbort(frame: Frame): void {
    const controller = this.#underWay.get(frame.id);
    if (controller === undefined) return;
    this.#underWay.delete(frame.id);
    const message = "The caller gave the call up: the answer reaches nobody.";
    controller.abort(new TransportError("KBZ_ABORTED", message, { outcome: "unknown" }));
  }

  async #answer(
    id: number,
    request: Request,
    bytes: number,
    controller: AbortController,
  ): Promise<void> {
    const { callee, settings } = this.#options;
    try {
      const response = await callee.answer(request, this.#fromOrThrow(), controller.signal);
      await this.#waitForRoom();
      // Not there: the caller gave it up, or is gone.
      if (this.#underWay.get(id) === controller)
        this.#sendAnswer(id, settings.responseCodec.encode(response, this.#connection.version));
    } catch (error) {
      if (this.#underWay.get(id) === controller) {
        this.#connection.send(frameKinds.failure, id, [encodeFailure(error)]);
      }
    } finally {
      if (this.#underWay.get(id) === controller) this.#underWay.delete(id);
      this.#answers -= 1;
      this.#requestBytes -= bytes;
    }
  }

  #sendAnswer(id: number, body: readonly Uint8Array[]): void {
    const { frameBytesMax } = this.#options.settings.limits;
    const bytes = piecesBytes(body);
    if (frameBytes(bytes) > frameBytesMax) {
      throw new TransportError(
        "KBZ_TOO_LARGE",
        `Wanted an answer of at most ${frameBytesMax} bytes, got ${bytes}. Ask for less at once.`,
        { outcome: "unknown" },
      );
    }
    this.#connection.send(frameKinds.answer, id, body);
  }

  /** Waits while more is queued than the limit; for a reader that takes nothing, not for ever. */
  async #waitForRoom(): Promise<void> {
    const { limits, timing } = this.#options.settings;
    if (this.#connection.queuedBytes < limits.queuedBytesMax) return;
    this.#stallTimer ??= timing.after(limits.stallMs, () =>
      this.#connection.fail(this.#slow(`in ${limits.stallMs} ms`)),
    );
    this.#room ??= Promise.withResolvers<void>();
    await this.#room.promise;
  }

  #slow(when: string): TransportError {
    return new TransportError(
      "KBZ_BUSY",
      `Wanted ${this.#connection.address} to read its answers, but it took none ${when}. ` +
        "It is cut off; it may connect again.",
      { outcome: "unknown" },
    );
  }

  #decode(body: Uint8Array, callId: number | null): Request {
    try {
      return this.#options.settings.requestCodec.decode(body, this.#connection.version);
    } catch (cause) {
      const error = this.#unreadable(cause);
      if (callId !== null) {
        this.#connection.send(frameKinds.failure, callId, [encodeFailure(error)]);
      }
      throw error;
    }
  }

  #fromOrThrow(): Hello {
    if (this.#from === null) throw this.#malformed("a request before the hello");
    return this.#from;
  }

  /** What a codec says that a later version has written is told as that. */
  #unreadable(cause: unknown): TransportError {
    const isLater = cause instanceof Error && "code" in cause && cause.code === "KBZ_VERSION";
    if (!isLater) return this.#malformed("a request that cannot be read", cause);
    return new TransportError(
      "KBZ_VERSION",
      `Wanted requests of ${this.#connection.address} that this version can read, got a later ` +
        `one's: ${cause.message}. It was not taken, nor anything after it. Upgrade this node.`,
      { outcome: "none", cause },
    );
  }

  #malformed(found: string, cause?: unknown): TransportError {
    return new TransportError(
      "KBZ_MALFORMED",
      `Wanted requests of ${this.#connection.address}, got ${found}. Check its version.`,
      { outcome: "none", cause },
    );
  }
}

/**
 * One connection: introduces itself, checks the other side, then carries frames; the same on both
 * ends and for all kinds of wires. Knows nothing of requests and answers.
 */
import type { Checksum, Hello, Lane } from "./caller.ts";
import { decodeFailure, encodeFailure } from "./failure.ts";
import { foreignError } from "./foreign.ts";
import { frameKinds, FrameParser } from "./framing.ts";
import type { Frame, FrameKind } from "./framing.ts";
import { checkRepublic, decodeHello, encodeHello } from "./hello.ts";
import { Outbox } from "./outbox.ts";
import type { SharedRoom } from "./partial-body.ts";
import { PartialWatch } from "./partial-watch.ts";
import { commonVersion, type ProtocolRange } from "./protocol-range.ts";
import type { Timing, TransportTimer } from "./timing.ts";
import type { Traffic } from "./traffic.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";
import type { Wire, WireEvents } from "./wire.ts";

export interface ConnectionSettings {
  readonly limits: TransportLimits;
  readonly timing: Timing;
  /** The versions of frames and of what they carry: the highest in common is taken. */
  readonly protocol: ProtocolRange;
  readonly checksum: Checksum;
  /** What all connections of a listener may hold for frames in parts; none bounds a caller. */
  readonly partialRoom?: SharedRoom | undefined;
  /** Says hello once the other side is admitted: whoever is not has sent nothing else by then. */
  readonly greetsLast?: boolean;
  /** What is given to be let in; a caller's only. */
  readonly token?: (() => string | null) | undefined;
}

export interface ConnectionEvents {
  /** Says who this side is; asked once. */
  hello(): Hello;
  /**
   * Who the other side is, and what it gave to be let in; once, before `opened`.
   * @throws {TransportError} when it may not stay: the connection is cut.
   */
  admit?(remote: Hello, token: string | null): void;
  /** The handshake is done; once. */
  opened(remote: Hello): void;
  /**
   * A frame other than hello and bye.
   * @throws {TransportError} when the other side may not send it: the connection is cut.
   */
  frame(frame: Frame): void;
  /** What waited for a slow network has left. */
  drained(): void;
  /** No frame leaves or comes any more; once. */
  lost(error: TransportError): void;
}

type State = "dialling" | "greeting" | "open" | "lost";

const isThere = "it runs and can be reached";
const lossesIn: Readonly<Record<State, { readonly wanted: string; readonly check: string }>> = {
  dialling: { wanted: "to connect to", check: isThere },
  greeting: { wanted: "a hello of", check: "a node speaks there, and with TLS as it is called" },
  open: { wanted: "the connection to", check: isThere },
  lost: { wanted: "the connection to", check: isThere },
};

const noPieces: readonly Uint8Array[] = [];

export class Connection implements WireEvents {
  /** Resolves when the wire is closed, within a bound after the connection was lost. */
  readonly gone: Promise<void>;
  /** Where its bytes are counted. */
  traffic: Traffic = { sentBytes: 0, receivedBytes: 0 };
  readonly #resolveGone: () => void;
  readonly #wire: Wire;
  readonly #lane: Lane | null;
  readonly #settings: ConnectionSettings;
  readonly #events: ConnectionEvents;
  readonly #outbox: Outbox;
  readonly #parser: FrameParser;
  readonly #partialWatch: PartialWatch;
  readonly #flushSoon: () => void;
  #state: State = "dialling";
  #timer: TransportTimer;
  #flushScheduled = false;
  #flushes = 0;
  #here: Hello | null = null;

  /** @param lane Told to the other side, or null on the callee's end. */
  constructor(
    wire: Wire,
    lane: Lane | null,
    settings: ConnectionSettings,
    events: ConnectionEvents,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#resolveGone = resolve;
    this.#wire = wire;
    this.#lane = lane;
    this.#settings = settings;
    this.#events = events;
    const { limits, timing, checksum, partialRoom: shared } = settings;
    const framing = { version: settings.protocol.most, checksum };
    this.#outbox = new Outbox(framing);
    const room = shared === undefined ? null : { shared, ownBytes: limits.partialBytesMin };
    const parser = new FrameParser(framing, limits.helloBytesMax, room);
    this.#parser = parser;
    const stuck = (): void => this.#onStuck();
    this.#partialWatch = new PartialWatch({ parser, timing, limits, stuck });
    this.#flushSoon = () => this.#flush();
    this.#timer =
      lane === null
        ? this.#expect("a hello", limits.handshakeMs)
        : this.#expect("a connection", limits.dialMs);
    wire.attach(this);
  }

  get address(): string {
    return this.#wire.address;
  }

  /**
   * How often frames have been handed to the wire: what was sent since the last time has not left.
   */
  get flushes(): number {
    return this.#flushes;
  }

  /** Bytes sent and not yet taken by the network. */
  get queuedBytes(): number {
    return this.#outbox.bytes + this.#wire.queuedBytes();
  }

  /** Of the protocol, that both sides speak. Only after `opened`. */
  get version(): number {
    return this.#parser.framing.version;
  }

  /** Sends a frame with all others of this turn. Only after `opened`; dropped once it is lost. */
  send(kind: FrameKind, id: number, body: readonly Uint8Array[]): void {
    if (this.#state === "lost") return;
    this.#outbox.append(kind, id, body);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#settings.timing.soon(this.#flushSoon);
  }

  /** Ends the connection: what was sent leaves, the other side is told why, `lost` is called. */
  fail(error: TransportError): void {
    if (this.#state === "lost") return;
    if (this.#state === "dialling") {
      this.#lose(error);
      this.#destroy();
      return;
    }
    this.#outbox.append(frameKinds.bye, 0, [encodeFailure(error)]);
    this.#flush();
    this.#lose(error);
    this.#wire.end();
    const { timing, limits } = this.#settings;
    this.#timer = timing.after(limits.lingerMs, () => this.#destroy());
  }

  opened(): void {
    if (this.#state !== "dialling") return;
    this.#state = "greeting";
    if (this.#lane !== null) {
      this.#timer.cancel();
      this.#timer = this.#expect("a hello", this.#settings.limits.dialMs);
    }
    this.#here = this.#events.hello();
    if (this.#settings.greetsLast !== true) this.#greet(this.#here);
  }

  data(chunk: Uint8Array): void {
    if (this.#isLost()) return;
    this.traffic.receivedBytes += chunk.length;
    try {
      this.#parser.push(chunk);
      for (let frame = this.#parser.next(); frame !== null; frame = this.#parser.next()) {
        this.#take(frame);
        if (this.#isLost()) return;
      }
      // Before the handshake its own time runs.
      if (this.#state === "open") this.#partialWatch.look();
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const isFirst = this.#state === "greeting" && error.code !== "KBZ_VERSION";
      this.fail((isFirst ? foreignError(this.address, chunk) : null) ?? error);
    }
  }

  drained(): void {
    if (!this.#isLost()) this.#events.drained();
  }

  closed(cause: Error | null): void {
    if (!this.#isLost()) this.#lose(this.#closedError(cause));
    this.#timer.cancel();
    this.#resolveGone();
  }

  #take(frame: Frame): void {
    if (frame.kind === frameKinds.bye) throw this.#onBye(frame.body);
    if (this.#state === "open") {
      if (frame.kind === frameKinds.hello) throw misplaced("a second hello");
      this.#events.frame(frame);
      return;
    }
    if (frame.kind !== frameKinds.hello || this.#here === null) {
      throw misplaced("a frame before the hello");
    }
    const { protocol, checksum } = this.#settings;
    const there = decodeHello(frame.body);
    const framing = { version: commonVersion({ hello: this.#here, protocol }, there), checksum };
    checkRepublic(this.#here, there.hello);
    this.#events.admit?.(there.hello, there.token ?? null);
    if (this.#settings.greetsLast === true) this.#greet(this.#here);
    this.#timer.cancel();
    this.#parser.framing = framing;
    this.#outbox.framing = framing;
    this.#parser.frameBytesMax = this.#settings.limits.frameBytesMax;
    this.#state = "open";
    this.#events.opened(there.hello);
  }

  #greet(here: Hello): void {
    const { protocol, token } = this.#settings;
    // Whoever dials may be anybody: a callee gives nothing away.
    const given = this.#lane === null ? null : (token?.() ?? null);
    this.#outbox.append(frameKinds.hello, 0, [encodeHello(here, this.#lane, protocol, given)]);
    this.#flush();
  }

  /** Before the handshake a goodbye says why it failed; later it is a connection lost. */
  #onBye(body: Uint8Array): TransportError {
    const told = decodeFailure(body);
    if (this.#state !== "open") return told;
    return new TransportError(
      "KBZ_DISCONNECTED",
      `${this.address} closed the connection. ${told.message}`,
      { outcome: "unknown", cause: told },
    );
  }

  #expect(what: string, ms: number): TransportTimer {
    return this.#settings.timing.after(ms, () => {
      this.fail(
        new TransportError(
          "KBZ_TIMEOUT",
          `Wanted ${what} of ${this.address} within ${ms} ms, got none. ` +
            "Check the address, and what listens there.",
          { outcome: "none" },
        ),
      );
    });
  }

  #onStuck(): void {
    const { partialMs } = this.#settings.limits;
    this.fail(
      new TransportError(
        "KBZ_TIMEOUT",
        `Wanted the rest of a frame of ${this.address} within ${partialMs} ms, but too little ` +
          "came. Check the network, and what speaks at the other end.",
        { outcome: "unknown" },
      ),
    );
  }

  #closedError(cause: Error | null): TransportError {
    if (cause instanceof TransportError) return cause;
    const found = cause === null ? "it was closed" : cause.message;
    const { wanted, check } = lossesIn[this.#state];
    return new TransportError(
      "KBZ_DISCONNECTED",
      `Wanted ${wanted} ${this.address}: ${found}. Check that ${check}.`,
      { outcome: this.#state === "open" ? "unknown" : "none", cause: cause ?? undefined },
    );
  }

  #isLost(): boolean {
    return this.#state === "lost";
  }

  #lose(error: TransportError): void {
    this.#timer.cancel();
    this.#partialWatch.end();
    this.#parser.release();
    this.#state = "lost";
    this.#events.lost(error);
  }

  #destroy(): void {
    this.#timer.cancel();
    this.#wire.destroy();
    this.#resolveGone();
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#state === "lost") return;
    this.traffic.sentBytes += this.#outbox.bytes;
    const pieces = this.#outbox.bytes === 0 ? noPieces : this.#outbox.take();
    if (pieces.length === 0) return;
    this.#flushes += 1;
    this.#wire.write(pieces);
    // A wire that took all of it at once has nothing to tell later.
    if (this.#wire.queuedBytes() === 0) this.#events.drained();
  }
}

function misplaced(found: string): TransportError {
  return new TransportError(
    "KBZ_MALFORMED",
    `Wanted a conversation of this protocol, got ${found}. Check what speaks at the other end.`,
    { outcome: "unknown" },
  );
}

/**
 * Looks for an endpoint that answers: in turn, not waiting long for one that is silent, for ever.
 * Connects only; decides nothing about who is asked what.
 */
import { TransportError } from "../../transport/portable.ts";
import type { Caller, Dialler, Hello } from "../../transport/portable.ts";
import type { Request, Response } from "../requests.ts";
import { pauseMs } from "../retry-pause.ts";
import type { Rooms } from "./rooms.ts";
import type { Clock, Timer } from "../world.ts";

/** One Caller at one endpoint. */
export interface Attachment {
  readonly url: string;
  readonly caller: Caller<Request, Response>;
}

export interface EndpointSearchOptions {
  /** In the order in which they are tried. */
  readonly urls: readonly string[];
  readonly network: Dialler<Request, Response>;
  readonly clock: Clock;
  readonly rooms: Rooms;
  hello(): Hello;
  fraction(): number;
  /** Why an endpoint cannot be used although it answers, or null. */
  refusalOf(remote: Hello): Error | null;
  /** The first that answered; once. The search is over, and the connection the receiver's. */
  found(attachment: Attachment): void;
  failed(url: string, error: Error): void;
  /** A connection of the attachment that was found is lost. */
  lost(attachment: Attachment): void;
  /** Disposes of what is not needed any more. */
  drop(attachment: Attachment): void;
}

/** A node that is well answers sooner than this; then the next is tried beside it. */
const silentMs = 250;
const probeMs = 5000;

export class EndpointSearch {
  readonly #options: EndpointSearchOptions;
  readonly #candidates = new Map<string, Attachment>();
  /** How often each answered, and was refused. */
  readonly #refusals = new Map<string, number>();
  #tried = 0;
  #timer: Timer | null = null;
  /** Until endpoints that were refused are tried again. */
  readonly #pauses = new Set<Timer>();
  #found: Attachment | null = null;
  #isOver = false;

  constructor(options: EndpointSearchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#tryNext();
  }

  /** Ends the search without a find. */
  cancel(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    for (const pause of this.#pauses) pause.cancel();
    for (const candidate of this.#candidates.values()) this.#options.drop(candidate);
    this.#candidates.clear();
  }

  /** Those already tried go on beside the next, each with its own back-off. */
  #tryNext(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const url = this.#options.urls[this.#tried];
    if (url === undefined || this.#isOver) return;
    this.#tried += 1;
    this.#timer = this.#options.clock.after(silentMs, () => this.#tryNext());
    this.#try(url);
  }

  #try(url: string): void {
    const wait = this.#options.rooms.wait(url);
    if (wait !== null) {
      this.#onFailure(url, wait.error);
      this.#tryLater(url, wait.ms);
      return;
    }
    try {
      const candidate = this.#attach(url);
      this.#candidates.set(url, candidate);
      void this.#probe(candidate);
    } catch (error) {
      this.#onFailure(url, error);
    }
  }

  /** @throws {TransportError} `KBZ_ENDPOINT`. */
  #attach(url: string): Attachment {
    const options = this.#options;
    const caller = options.network.connect(url, {
      hello: () => options.hello(),
      fraction: () => options.fraction(),
      up: (remote) => this.#onUp(attachment, remote),
      refused: (error) => this.#onRefused(attachment, error),
      down: () => {
        if (this.#found === attachment) options.lost(attachment);
      },
    });
    const attachment = { url, caller };
    return attachment;
  }

  #onUp(attachment: Attachment, remote: Hello): void {
    if (this.#isOver) return;
    const refusal = this.#options.refusalOf(remote);
    if (refusal !== null) {
      const times = (this.#refusals.get(attachment.url) ?? 0) + 1;
      this.#refusals.set(attachment.url, times);
      this.#refuse(attachment, refusal, pauseMs(times, this.#options.fraction()));
      return;
    }
    this.#candidates.delete(attachment.url);
    this.#found = attachment;
    this.cancel();
    this.#options.found(attachment);
  }

  /** One lane alone is of no use, and would keep that place from others who have one, too. */
  #onRefused(attachment: Attachment, error: Error): void {
    const { url } = attachment;
    if (!(error instanceof TransportError) || error.code !== "KBZ_BUSY") return;
    const isCandidate = this.#candidates.get(url) === attachment;
    if (!isCandidate && this.#found !== attachment) return;
    const ms = this.#options.rooms.refused(url, error);
    if (isCandidate) this.#refuse(attachment, error, ms);
    else this.#options.lost(attachment);
  }

  /** What it says of itself on this connection stays wrong; on the next it may be right. */
  #refuse(attachment: Attachment, refusal: Error, ms: number): void {
    const { url } = attachment;
    this.#candidates.delete(url);
    this.#options.drop(attachment);
    this.#onFailure(url, refusal);
    this.#tryLater(url, ms);
  }

  #tryLater(url: string, ms: number): void {
    // What failed may have begun the next try, which may have ended the search.
    if (this.#isOver) return;
    const pause = this.#options.clock.after(ms, () => {
      this.#pauses.delete(pause);
      this.#try(url);
    });
    this.#pauses.add(pause);
  }

  /** A call is the way to hear at once that connecting failed; its answer does not matter. */
  async #probe(candidate: Attachment): Promise<void> {
    const { url, caller } = candidate;
    while (this.#candidates.get(url) === candidate) {
      try {
        await caller.call({ method: "report" }, { lane: "control", timeoutMs: probeMs });
        return;
      } catch (error) {
        if (this.#candidates.get(url) !== candidate || caller.connected) return;
        this.#onFailure(url, error);
      }
    }
  }

  #onFailure(url: string, error: unknown): void {
    this.#options.failed(url, error instanceof Error ? error : new Error(String(error)));
    if (url === this.#options.urls[this.#tried - 1]) this.#tryNext();
  }
}

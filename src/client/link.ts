/**
 * The endpoint that a client uses: holds on to one while it is of use, and goes to the next that
 * answers when it is not. One call is one attempt; who calls decides whether to try again.
 */
import type { Dialler, Hello, Lane } from "../../transport/portable.ts";
import { TransportError } from "../../transport/portable.ts";
import { clientClosed, inNoRepublic, verdictOn } from "./errors.ts";
import type { EndpointFailures } from "./errors.ts";
import { Deadline } from "../deadline.ts";
import { EndpointSearch } from "./endpoint-search.ts";
import type { Attachment, EndpointSearchOptions } from "./endpoint-search.ts";
import { Handover } from "./handover.ts";
import { LeaderSearch } from "./leader-search.ts";
import type { Pin } from "./pin.ts";
import type { Request, Response } from "../requests.ts";
import { pauseMs } from "../retry-pause.ts";
import { Rooms } from "./rooms.ts";
import { version } from "../version.ts";
import type { Chance, Clock, Timer } from "../world.ts";

export interface ClientLinkOptions {
  /** At least one, each once. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly chance: Chance;
  readonly network: Dialler<Request, Response>;
}

export interface AttemptOptions {
  readonly lane: Lane;
  /** For all of the attempt, the wait for an endpoint included. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Where else than there nothing is asked. */
  readonly pin?: Pin | undefined;
}

/** How long an endpoint may get nothing decided before it is left, if there is another. */
const patienceMs = 1000;
/** One that is lost sooner, and gave no answer, was of no use; the next is not tried at once. */
const shortLifeMs = 1000;
/** How long after a question that is held to one endpoint the client does not go by choice. */
const pinnedMs = 60_000;

export class ClientLink {
  readonly #options: ClientLinkOptions;
  readonly #closing = new AbortController();
  readonly #failures = new Map<string, Error>();
  readonly #rooms: Rooms;
  /** Who waits for an endpoint, in order. */
  readonly #waiters = new Set<PromiseWithResolvers<Attachment>>();
  /** Connections on their way out. */
  readonly #leaving = new Set<Promise<void>>();
  /** When an answer to each method last came from the endpoint in use. */
  readonly #answeredAt = new Map<Request["method"], number>();
  readonly #leaders: LeaderSearch;
  /** From an endpoint to the leader, while submissions are under way at the former. */
  #handover: Handover | null = null;
  #submissions = 0;
  #pinnedAt = -pinnedMs;
  #search: EndpointSearch | null = null;
  /** Until the next search begins. */
  #pause: Timer | null = null;
  #attachment: Attachment | null = null;
  #position = 0;
  #republic: string | null = null;
  /** Since when the endpoint in use gets nothing decided, or null while it does. */
  #uselessSince: number | null = null;
  #handshakes = 0;
  #foundAt = 0;
  #wasOfUse = false;
  /** How many endpoints in a row were lost at once, and of no use. */
  #shortLives = 0;

  constructor(options: ClientLinkOptions) {
    this.#options = options;
    this.#rooms = new Rooms(options.clock, () => options.chance.fraction());
    const { urls, clock } = options;
    const found = (to: Attachment, from: Attachment): void => this.#handOver(to, from);
    this.#leaders = new LeaderSearch({ urls, clock, search: this.#searching(), found });
    this.#startSearch();
  }

  /** The endpoint in use, or the one used last. */
  get url(): string {
    return this.#options.urls[this.#position] ?? "";
  }

  get isAttached(): boolean {
    return this.#attachment !== null;
  }

  /** How often an endpoint has answered since the beginning. */
  get handshakes(): number {
    return this.#handshakes;
  }

  /** What each endpoint did wrong since the last one answered. */
  get failures(): EndpointFailures {
    return this.#failures;
  }

  /** Aborts with `KBZ_CLOSED` when the link is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Resolves once there is an endpoint to use.
   * @throws {KibitzerError} when every endpoint failed for a reason that does not go away.
   * @throws The reason of `signal`.
   */
  async reach(signal: AbortSignal): Promise<Attachment> {
    this.#closing.signal.throwIfAborted();
    signal.throwIfAborted();
    if (this.#attachment !== null) return this.#attachment;
    const verdict = verdictOn(this.#options.urls, this.#failures);
    if (verdict !== null) throw verdict;
    const waiter = Promise.withResolvers<Attachment>();
    const onAbort = (): void => waiter.reject(signal.reason);
    this.#waiters.add(waiter);
    signal.addEventListener("abort", onAbort);
    try {
      return await waiter.promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /**
   * One attempt at the endpoint in use. Attempts on one lane leave in the order of the calls.
   * @throws {TransportError | KibitzerError} with the reason; nothing is said of a second attempt.
   */
  async attempt(request: Request, options: AttemptOptions): Promise<Response> {
    if (this.#handover !== null && isSubmission(request)) await this.#handover.over;
    // What is attached is called in this very turn, so that the order stays.
    if (this.#attachment !== null) return await this.#call(this.#attachment, request, options);
    const { clock } = this.#options;
    const start = clock.now();
    using deadline = new Deadline(clock, options.timeoutMs, options.signal);
    const attachment = await this.reach(deadline.signal);
    const timeoutMs = Math.max(1, options.timeoutMs - (clock.now() - start));
    return await this.#call(attachment, request, { ...options, timeoutMs });
  }

  /** Leaves the endpoint in use, if it still is `url`, for one that makes more sense. */
  leave(url: string): void {
    if (this.#attachment?.url === url) this.#leave(this.#attachment);
  }

  /** Ends everything that waits here; resolves when the connections are gone. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      const error = clientClosed();
      this.#closing.abort(error);
      this.#handover?.abandon();
      this.#pause?.cancel();
      this.#search?.cancel();
      this.#search = null;
      this.#leaders.cancel();
      if (this.#attachment !== null) this.#drop(this.#attachment);
      this.#attachment = null;
      for (const waiter of this.#waiters) waiter.reject(error);
    }
    await Promise.all(this.#leaving);
  }

  async #call(
    attachment: Attachment,
    request: Request,
    options: AttemptOptions,
  ): Promise<Response> {
    const start = this.#options.clock.now();
    if (options.pin !== undefined) this.#pinnedAt = start;
    options.pin?.hold(attachment.url, attachment.caller.remote?.node?.cookie ?? null);
    const counts = isSubmission(request) ? 1 : 0;
    this.#count(attachment, counts);
    try {
      const response = await attachment.caller.call(request, options);
      if (options.lane === "bulk") this.#rooms.had(attachment.url);
      if (attachment === this.#attachment) this.#onResponse(attachment, request, response);
      return response;
    } catch (error) {
      if (attachment === this.#attachment) this.#onFailure(attachment, { request, start, error });
      throw error;
    } finally {
      this.#count(attachment, -counts);
    }
  }

  /** Submissions go over in their order: those to come wait until those under way are settled. */
  #count(attachment: Attachment, by: number): void {
    if (attachment !== this.#attachment) return;
    this.#submissions += by;
    if (this.#submissions === 0) this.#handover?.complete();
  }

  #handOver(to: Attachment, from: Attachment): void {
    const { clock } = this.#options;
    const isPinned = clock.now() - this.#pinnedAt < pinnedMs;
    if (from !== this.#attachment || isPinned || this.#handover !== null) {
      this.#drop(to);
      return;
    }
    const handover = new Handover(clock, to, (isTaken) => {
      this.#handover = null;
      if (!isTaken) this.#drop(to);
      else {
        // What else is asked of it is asked again at the leader, as after any change.
        this.#drop(from);
        this.#onFound(to);
      }
    });
    this.#handover = handover;
    if (this.#submissions === 0) handover.complete();
  }

  #onResponse(attachment: Attachment, { method }: Request, response: Response): void {
    this.#answeredAt.set(method, this.#options.clock.now());
    if (response.kind !== "refused") {
      this.#wasOfUse = true;
      // What the node knows by itself says nothing about whether it reaches a leader.
      if (response.kind === "effect" || response.kind === "barrier") this.#uselessSince = null;
      // Nobody knows whether the leader has the state machine that answers here.
      const isPlain = response.kind === "effect" && response.results === null;
      if (isPlain) void this.#leaders.published(attachment);
      return;
    }
    const { reason } = response;
    if (reason === "notLeading" || reason === "noRepublic" || reason === "behind")
      this.#onUseless(attachment);
    else this.#uselessSince = null;
  }

  #onFailure(
    attachment: Attachment,
    failed: { readonly request: Request; readonly start: number; readonly error: unknown },
  ): void {
    const { request, start, error } = failed;
    if (!(error instanceof TransportError) || error.code === "KBZ_ABORTED") return;
    if (error.code === "KBZ_TIMEOUT" && error.remote === null) {
      // One that has answered others in the meantime is slow, and no better elsewhere.
      const answeredAt = this.#answeredAt.get(request.method);
      if (answeredAt === undefined || answeredAt < start) this.#leave(attachment);
      return;
    }
    this.#onUseless(attachment);
  }

  #onUseless(attachment: Attachment): void {
    const now = this.#options.clock.now();
    this.#uselessSince ??= now;
    if (now - this.#uselessSince < patienceMs || this.#options.urls.length === 1) return;
    this.#leave(attachment);
  }

  #leave(attachment: Attachment): void {
    if (attachment !== this.#attachment) return;
    this.#handover?.abandon();
    this.#attachment = null;
    // Whatever is under way there ends now, and goes in order to the next endpoint.
    this.#drop(attachment);
    const { clock, chance } = this.#options;
    const wasOfUse = this.#wasOfUse || clock.now() - this.#foundAt >= shortLifeMs;
    this.#shortLives = wasOfUse ? 0 : this.#shortLives + 1;
    if (this.#shortLives === 0) this.#startSearch(1);
    else {
      const ms = pauseMs(this.#shortLives, chance.fraction());
      this.#pause = clock.after(ms, () => this.#startSearch(1));
    }
  }

  /** @param from How far behind the endpoint used last to begin. */
  #startSearch(from = 0): void {
    const { urls } = this.#options;
    const first = this.#position + from;
    this.#failures.clear();
    this.#search = new EndpointSearch({
      ...this.#searching(),
      urls: urls.map((url, at) => urls[(first + at) % urls.length] ?? url),
      found: (attachment) => this.#onFound(attachment),
      failed: (url, error) => this.#onFailed(url, error),
    });
    this.#search.start();
  }

  #searching(): Omit<EndpointSearchOptions, "urls" | "found" | "failed"> {
    const { network, clock, chance } = this.#options;
    return {
      network,
      clock,
      rooms: this.#rooms,
      // A peer of another republic is refused by the handshake itself.
      hello: () => ({ republic: this.#republic, node: null, version }),
      fraction: () => chance.fraction(),
      refusalOf: (remote) => this.#refusalOf(remote),
      lost: (attachment) => this.#onLost(attachment),
      drop: (attachment) => this.#drop(attachment),
    };
  }

  #onLost(attachment: Attachment): void {
    if (this.#handover?.to === attachment) this.#handover.abandon();
    this.#leave(attachment);
  }

  #refusalOf({ republic }: Hello): Error | null {
    return republic === null ? inNoRepublic(this.#republic) : null;
  }

  #onFound(attachment: Attachment): void {
    this.#search = null;
    this.#attachment = attachment;
    this.#submissions = 0;
    this.#position = this.#options.urls.indexOf(attachment.url);
    this.#republic ??= attachment.caller.remote?.republic ?? null;
    this.#handshakes += 1;
    this.#foundAt = this.#options.clock.now();
    this.#wasOfUse = false;
    this.#uselessSince = null;
    this.#answeredAt.clear();
    this.#failures.clear();
    for (const waiter of this.#waiters) waiter.resolve(attachment);
  }

  #onFailed(url: string, error: Error): void {
    this.#failures.set(url, error);
    const verdict = verdictOn(this.#options.urls, this.#failures);
    if (verdict === null) return;
    for (const waiter of this.#waiters) waiter.reject(verdict);
  }

  #drop({ caller }: Attachment): void {
    const gone = Promise.resolve(caller[Symbol.asyncDispose]())
      .catch(ignore)
      .then(() => void this.#leaving.delete(gone));
    this.#leaving.add(gone);
  }
}

function isSubmission({ method }: Request): boolean {
  return method === "enqueue" || method === "register";
}

function ignore(): void {
  // A connection that does not close well is gone all the same.
}

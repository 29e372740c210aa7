/**
 * The other nodes as this one reaches them: a Caller for each, by id, at the address that the log
 * or an invitation names. Sends; knows nothing of what it sends.
 */
import { limits } from "../../consensus/index.ts";
import type { Citizen, Dispatch, Message, NodeId } from "../../consensus/index.ts";
import { TransportError } from "../../transport/index.ts";
import type { CallOptions, Caller, Hello, Lane, Transport } from "../../transport/index.ts";
import { peerSend } from "../diagnostics/channels.ts";
import type { Meter } from "../metrics/meter.ts";
import type { ReceiveRequest, Request, Response } from "../requests.ts";
import type { Clock, Timer } from "../world.ts";

/** How long one that is no member is answered: one that was exiled learns of that, and stops. */
const farewellMs = 10_000;

export interface PeersOptions {
  readonly id: NodeId;
  readonly meter: Meter;
  readonly network: Transport<Request, Response>;
  readonly clock: Clock;
  hello(): Hello;
  fraction(): number;
  /** An established connection to a peer was lost. */
  down(id: NodeId): void;
  /**
   * There is no way to call a peer at its endpoint, or who answers there will not have this node:
   * another republic, another version, no place. Told again only when the reason is another.
   */
  unreachable(id: NodeId, error: unknown): void;
}

interface Reached {
  readonly url: string;
  readonly caller: Caller<Request, Response>;
}

interface Stray {
  /** Null: there is no way to call it. */
  readonly caller: Caller<Request, Response> | null;
  readonly timer: Timer;
}

/**
 * What an exiled incarnation learns of its exile by, or one that was admitted behind this node's
 * back is asked with; all else is for the member under its id.
 */
const strayKinds: ReadonlySet<string> = new Set(["ahead", "learn", "fetch", "snapshot"]);

function isForStrays(message: Message): boolean {
  return strayKinds.has(message.kind) || endsEarlierLife(message);
}

/**
 * Whether this answers a life of which a later one was heard. That life alone heeds it, and halts
 * for it; any other answer would vouch for a copy's disk (docs/decisions/0007).
 */
function endsEarlierLife(message: Message): boolean {
  if (message.kind !== "pong") return false;
  const { starts, heard } = message.answer;
  return heard !== null && heard.starts > starts;
}

export class Peers implements AsyncDisposable {
  readonly #options: PeersOptions;
  readonly #peers = new Map<NodeId, Reached>();
  /** Those of them that are to be forgotten. */
  readonly #farewells = new Map<NodeId, Timer>();
  /** Incarnations that are no members, whose id is a peer's, at endpoints of their own. */
  readonly #strays = new Map<NodeId, Stray>();
  /** Why peers would not have this node, as last told. */
  readonly #refusals = new Map<NodeId, string>();
  #isClosed = false;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /**
   * Reaches `citizens` from now on, itself left out, and for a while those before that it does not
   * name; connections that stay are kept.
   */
  set(citizens: readonly Citizen[]): void {
    if (this.#isClosed) return;
    const wanted = new Map(citizens.map(({ id, url }) => [id, url]));
    wanted.delete(this.#options.id);
    for (const [id, { url }] of this.#peers) {
      if (!wanted.has(id)) this.#farewell(id);
      else if (wanted.get(id) !== url) this.#drop(id);
    }
    for (const [id, url] of wanted) {
      this.#stay(id);
      if (!this.#peers.has(id)) this.#reach(id, url);
    }
  }

  /** Reaches for a while who is no member here, any more or yet, so that it can be answered. */
  answer({ id, url }: Pick<Citizen, "id" | "url">): void {
    if (this.#isClosed || id === this.#options.id) return;
    if (this.#farewells.size + this.#strays.size >= limits.membersMax) return;
    const peer = this.#peers.get(id);
    if (peer === undefined) {
      // It cannot be called: known, and told, already.
      if (this.#farewells.has(id)) return;
      this.#reach(id, url);
      this.#farewell(id);
    } else if (peer.url !== url && !this.#strays.has(id)) this.#reachStray(id, url);
  }

  /** Whether this incarnation answers where it is called, and nobody has moved it from there. */
  isThere({ id, cookie, url }: Pick<Citizen, "id" | "cookie" | "url">): boolean {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.url === url || !peer.caller.connected) return false;
    return peer.caller.remote?.node?.cookie === cookie;
  }

  /** Whether this incarnation speaks from elsewhere, and is not reached where it is called. */
  isMissed(found: Pick<Citizen, "id" | "cookie" | "url">): boolean {
    const peer = this.#peers.get(found.id);
    return peer !== undefined && peer.url !== found.url && !this.isThere(found);
  }

  /** Calls a peer at `url` from now on, until the log says where it is. */
  moved({ id, url }: Pick<Citizen, "id" | "url">): void {
    const peer = this.#peers.get(id);
    if (this.#isClosed || peer === undefined || peer.url === url) return;
    this.#drop(id);
    this.#reach(id, url);
  }

  /** One way; what cannot be sent now is lost, and the protocol copes. */
  tell({ to, lane }: Pick<Dispatch, "to" | "lane">, request: ReceiveRequest): void {
    const peer = this.#peers.get(to);
    if (peer !== undefined) {
      const { message } = request;
      const { meter } = this.#options;
      if (message.kind === "ping") meter.peer(to).pinged(message.round);
      const isSent = peerSend.hasSubscribers
        ? this.#tellTraced(peer, { to, lane }, request)
        : peer.caller.tell(request, lane);
      meter.told(to, message.kind, isSent);
    }
    const stray = this.#strays.get(to);
    if (stray === undefined || !isForStrays(request.message)) return;
    stray.caller?.tell(request, lane);
  }

  #tellTraced(
    { caller }: Reached,
    { to, lane }: Pick<Dispatch, "to" | "lane">,
    request: ReceiveRequest,
  ): boolean {
    const context = { node: this.#options.id, to, lane, kind: request.message.kind };
    return peerSend.traceSync(() => caller.tell(request, lane), context);
  }

  /** Whoever speaks can be reached, most likely. */
  heard(id: NodeId): void {
    this.#peers.get(id)?.caller.hurry();
  }

  /** Who is called, whether that can be, and how much waits to be sent. */
  *reached(): Generator<{ readonly id: NodeId; readonly caller: Reached["caller"] }, void, void> {
    for (const [id, { caller }] of this.#peers) yield { id, caller };
  }

  /** Null when there is no such peer. */
  async call(
    id: NodeId,
    request: Request,
    options: Omit<CallOptions, "lane"> & { readonly lane?: Lane },
  ): Promise<Response | null> {
    const peer = this.#peers.get(id);
    if (peer === undefined) return null;
    try {
      return await peer.caller.call(request, { lane: "bulk", ...options });
    } catch (error) {
      throw this.#isClosed ? error : asLost(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#farewells.values()) timer.cancel();
    for (const { timer } of this.#strays.values()) timer.cancel();
    const all = [...this.#peers.values(), ...this.#strays.values()];
    const callers = all.flatMap(({ caller }) => caller ?? []);
    this.#peers.clear();
    this.#strays.clear();
    await Promise.all(callers.map(async (caller) => await caller[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whoever cannot even be called is as good as down: the log may name an endpoint of any make. */
  #reach(id: NodeId, url: string): void {
    try {
      this.#peers.set(id, { url, caller: this.#connect(id, url) });
    } catch (error) {
      this.#options.unreachable(id, error);
    }
  }

  #reachStray(id: NodeId, url: string): void {
    const options = this.#options;
    const timer = options.clock.after(farewellMs, () => this.#dropStray(id));
    let caller: Stray["caller"] = null;
    try {
      caller = options.network.connect(url, {
        hello: () => options.hello(),
        fraction: () => options.fraction(),
      });
    } catch (error) {
      options.unreachable(id, error);
    }
    this.#strays.set(id, { caller, timer });
  }

  #dropStray(id: NodeId): void {
    const stray = this.#strays.get(id);
    this.#strays.delete(id);
    void stray?.caller?.[Symbol.asyncDispose]();
  }

  #connect(id: NodeId, url: string): Caller<Request, Response> {
    const options = this.#options;
    return options.network.connect(url, {
      hello: () => options.hello(),
      fraction: () => options.fraction(),
      traffic: options.meter.peer(id),
      down: () => {
        if (this.#peers.has(id) && !this.#farewells.has(id)) options.down(id);
      },
      refused: (error) => this.#onRefused(id, error),
      up: () => {
        this.#refusals.delete(id);
      },
    });
  }

  #onRefused(id: NodeId, error: Error): void {
    if (this.#refusals.get(id) === error.message) return;
    this.#refusals.set(id, error.message);
    this.#options.unreachable(id, error);
  }

  #farewell(id: NodeId): void {
    if (this.#farewells.has(id)) return;
    const timer = this.#options.clock.after(farewellMs, () => this.#drop(id));
    this.#farewells.set(id, timer);
  }

  #stay(id: NodeId): void {
    this.#farewells.get(id)?.cancel();
    this.#farewells.delete(id);
  }

  #drop(id: NodeId): void {
    this.#stay(id);
    const peer = this.#peers.get(id);
    this.#peers.delete(id);
    this.#refusals.delete(id);
    this.#options.meter.forget(id);
    // Nobody waits for it: a connection that will not close holds nothing up.
    void peer?.caller[Symbol.asyncDispose]();
  }
}

/** A caller is closed, under who waits for an answer, where its peer has gone or moved. */
function asLost(error: unknown): unknown {
  if (!(error instanceof TransportError) || error.code !== "KBZ_CLOSED") return error;
  const { message, outcome } = error;
  return new TransportError("KBZ_DISCONNECTED", message, { outcome, cause: error });
}

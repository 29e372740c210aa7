/**
 * A member that is called elsewhere by now tells the republic so, if it was started as one that has
 * moved; any other only says that nobody will find it. A copy of a member must not take its place.
 */
import type { Citizen } from "../../consensus/index.ts";
import { checkedCitizen } from "./citizens.ts";
import type { Engine } from "./engine.ts";
import type { Caller } from "../../transport/index.ts";
import { PeerDiscovery } from "../discovery/peer-discovery.ts";
import { pause } from "../pause.ts";
import type { ImmigrateRequest, Request, Response } from "../requests.ts";

type Found = Pick<Citizen, "id" | "cookie" | "url">;

const askAgainMs = 200;
/** Where a name cannot be looked up yet. */
const lookAgainMs = 1_000;
const callMs = 1_000;

export class Whereabouts {
  readonly #engine: Engine;
  #isTelling = false;
  #isWarned = false;
  #isRefused = false;
  #isAsking = false;
  /** The endpoints of those that moved, too, where this node was taken in. */
  readonly #told = new Set<string>();
  /** Where those that moved, too, are; null before they were looked up. */
  #found: readonly string[] | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** To be called whenever the members, or their endpoints, may have changed. */
  check(): void {
    if (!this.#mustTell || this.#isTelling) return;
    const engine = this.#engine;
    const { moved } = engine.configuration;
    if (moved !== null) {
      this.#isTelling = true;
      void this.#tell(moved);
    } else if (!this.#isWarned) {
      this.#isWarned = true;
      const { url } = engine;
      const known = this.#knownUrl;
      engine.logger.warn(
        { event: "elsewhere", url, known },
        `The republic calls this node at ${known}, and not at ${url}. If it has moved for good, ` +
          "and is no copy, start it with --moved.",
      );
    }
  }

  /**
   * A member speaks from where the log does not know it. It may be a copy; but where its log, too,
   * has it there, this node has missed that, and may have missed how to be told.
   */
  met(found: Found): void {
    const { configuration, peers, state } = this.#engine;
    if (this.#isAsking || (this.#isElsewhere && configuration.moved === null)) return;
    const isMember = state.legislator.republic.member(found.id)?.cookie === found.cookie;
    if (!isMember || !peers.isMissed(found)) return;
    this.#isAsking = true;
    void this.#ask(found.url).finally(() => {
      this.#isAsking = false;
    });
  }

  async #ask(url: string): Promise<void> {
    const { clock } = this.#engine.configuration.world;
    const { signal } = this.#engine.over;
    const caller = this.#callerOf(url);
    try {
      const options = { lane: "control", timeoutMs: callMs, signal } as const;
      this.#heed(url, await caller.call(this.#request(), options));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#engine.logger.debug({ event: "unreachable", url, reason }, "asked in vain");
    } finally {
      await caller[Symbol.asyncDispose]();
      await pause(clock, askAgainMs, signal);
    }
  }

  #callerOf(url: string): Caller<Request, Response> {
    const { chance, network } = this.#engine.configuration.world;
    return network.connect(url, {
      hello: () => this.#engine.hello(),
      fraction: () => chance.fraction(),
    });
  }

  get #knownUrl(): string | null {
    const { state, directory, isMember } = this.#engine;
    return isMember ? (state.legislator.republic.member(directory.record.id)?.url ?? null) : null;
  }

  get #isElsewhere(): boolean {
    const known = this.#knownUrl;
    return known !== null && known !== this.#engine.url;
  }

  /** Whoever moved, too, may come only after the others have decided where this node is. */
  get #mustTell(): boolean {
    if (this.#isElsewhere) return true;
    const { moved } = this.#engine.configuration;
    if (this.#knownUrl === null || moved === null || moved.length === 0) return false;
    return this.#found === null || !this.#found.every((url) => this.#told.has(url));
  }

  /** Each member by itself, since it may have to be called there before it can vote. */
  async #tell(moved: readonly string[]): Promise<void> {
    const engine = this.#engine;
    const { clock } = engine.configuration.world;
    const { signal } = engine.over;
    const discovery = new PeerDiscovery(moved, engine.configuration.world);
    const callers = new Map<string, Caller<Request, Response>>();
    while (this.#mustTell && !signal.aborted) {
      const request = this.#request();
      const members = this.#isElsewhere ? engine.contacts() : [];
      const { urls, unresolved } = await discovery.find(signal);
      // While some cannot be looked up, others are told, and it is tried again.
      this.#found = unresolved.length === 0 ? urls : null;
      await this.#call(urls, callers);
      const others = urls.filter((url) => this.#isElsewhere || !this.#told.has(url));
      await Promise.allSettled([
        ...members.map(async ({ id }) => await this.#tellMember(id, request)),
        ...others.map(async (url) => await this.#tellAt(url, callers.get(url), request)),
      ]);
      await pause(clock, unresolved.length === 0 ? askAgainMs : lookAgainMs, signal);
    }
    await this.#call([], callers);
    this.#isTelling = false;
  }

  /** Addresses change: those that are gone are not called again. */
  async #call(
    urls: readonly string[],
    callers: Map<string, Caller<Request, Response>>,
  ): Promise<void> {
    const gone = [...callers].filter(([url]) => !urls.includes(url));
    for (const [url] of gone) callers.delete(url);
    for (const url of urls) {
      if (callers.has(url) || this.#told.has(url)) continue;
      try {
        callers.set(url, this.#callerOf(url));
      } catch (error) {
        // What a name service says need be no endpoint.
        this.#engine.logger.warn({ event: "unreachable", url, err: error }, "cannot be called");
        this.#told.add(url);
      }
    }
    await Promise.all(gone.map(async ([, caller]) => await caller[Symbol.asyncDispose]()));
  }

  async #tellAt(
    url: string,
    caller: Caller<Request, Response> | undefined,
    request: ImmigrateRequest,
  ): Promise<void> {
    if (caller === undefined) return;
    const { signal } = this.#engine.over;
    const response = await caller.call(request, { lane: "control", timeoutMs: callMs, signal });
    const node = caller.remote?.node ?? null;
    if (node !== null) this.#follow([node]);
    if (response.kind === "admitted") this.#told.add(url);
    // Once the log has this node here, it knows more than who was not there.
    if (this.#isElsewhere) this.#heed(url, response);
  }

  #request(): ImmigrateRequest {
    const engine = this.#engine;
    const known = engine.state.legislator.republic.member(engine.directory.record.id);
    const citizen = checkedCitizen(engine.citizen(known?.properties ?? {}));
    return { method: "immigrate", republic: null, citizen, hops: 0 };
  }

  async #tellMember(id: string, request: ImmigrateRequest): Promise<void> {
    const { directory, over, peers, service } = this.#engine;
    const { signal } = over;
    const response =
      id === directory.record.id
        ? await service.immigrate(request, signal)
        : await peers.call(id, request, { lane: "control", timeoutMs: callMs, signal });
    this.#heed(id, response);
  }

  /** Others may have moved, too: without them this node never gets the log that says so. */
  #follow(members: readonly Found[]): void {
    const { state, peers } = this.#engine;
    for (const found of members) {
      const known = state.legislator.republic.member(found.id);
      if (known?.cookie === found.cookie && !peers.isThere(found)) peers.moved(found);
    }
  }

  #heed(by: string, response: Response | null): void {
    if (response?.kind === "admitted") this.#follow(response.contacts);
    if (response?.kind === "refused" && response.reason === "idTaken") this.#warnRefused(by);
  }

  /** It may be a copy, or the old host went down and its connection is not given up yet. */
  #warnRefused(by: string): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    const { url, logger, configuration } = this.#engine;
    const known = this.#knownUrl;
    logger.warn(
      { event: "elsewhere", url, known, by },
      `${by} still reaches this node at ${known}, and does not call it at ${url}: one of two ` +
        `that run is a copy. If it is this one, stop it and remove ${configuration.directory}; ` +
        "else stop the other, and this node is called as soon as it is gone.",
    );
  }
}

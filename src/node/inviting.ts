/**
 * How a republic lets in a node that runs somewhere without one: a member invites it, and it joins
 * by itself. Both sides; neither knows more of the other than its endpoint.
 */
import type { RefusalReason, RepublicIdentity } from "../../consensus/index.ts";
import { TransportError } from "../../transport/index.ts";
import type { WaitOptions } from "../api.ts";
import { checkOptions, type OptionNames } from "../arguments.ts";
import { checkEndpoint } from "../checked-endpoint.ts";
import { isGuest } from "../codec/status-document.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Guest, InviteRequest, Response } from "../requests.ts";
import { checkedCitizen } from "./citizens.ts";
import type { Engine } from "./engine.ts";
import { closedError } from "./errors.ts";
import { alreadyIn, join } from "./joining.ts";

export interface InvitationOptions extends WaitOptions {
  /** The only republic whose invitation is taken; left out, any. */
  readonly republic?: string;
  /** The user's own words about this node, as `{ zone: "eu-1" }`. */
  readonly properties?: Readonly<Record<string, string>>;
}

const optionNames: OptionNames<InvitationOptions> = {
  republic: true,
  properties: true,
  signal: true,
};

interface Invitation {
  readonly republic: RepublicIdentity;
  readonly url: string;
}

const callMs = 2_000;

export class Invitations {
  readonly #engine: Engine;
  #options: InvitationOptions | null = null;
  #invited: ((invitation: Invitation) => void) | null = null;
  /** The one that this node goes by, for as long as it tries to join. */
  #taken: Invitation | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** As host when `request` names no republic, else as guest. */
  async answer(
    { republic, url }: Pick<InviteRequest, "republic" | "url">,
    signal: AbortSignal,
  ): Promise<Response> {
    return republic === null ? await this.#invite(url, signal) : this.#take({ republic, url });
  }

  /** Resolves once this node is a member: invitations that lead nowhere are told, and forgotten. */
  async accept(options: InvitationOptions): Promise<void> {
    checkOptions(options, optionNames);
    const engine = this.#engine;
    if (engine.republic !== null) throw alreadyIn(engine.republic, "join");
    const both = AbortSignal.any([engine.over.signal, ...(options.signal ? [options.signal] : [])]);
    if (engine.identity !== null) return await this.#arrive(both);
    this.#options = options;
    try {
      for (;;) {
        this.#taken = await this.#next(both);
        const { republic, url } = this.#taken;
        if (await this.#join(republic.name, url, options)) return;
      }
    } finally {
      this.#options = null;
      this.#taken = null;
    }
  }

  /** It was admitted in an earlier life, and goes on by itself. */
  async #arrive(signal: AbortSignal): Promise<void> {
    await this.#engine.changed.until(() => this.#engine.isMember, signal);
    if (signal.aborted) throw this.#endError();
  }

  async #next(signal: AbortSignal): Promise<Invitation> {
    this.#taken = null;
    const { promise, resolve, reject } = Promise.withResolvers<Invitation>();
    const giveUp = (): void => reject(this.#endError());
    this.#invited = resolve;
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal.aborted) giveUp();
      return await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
      this.#invited = null;
    }
  }

  #endError(): unknown {
    return this.#engine.over.signal.aborted ? closedError() : this.#options?.signal?.reason;
  }

  async #join(republic: string, url: string, options: InvitationOptions): Promise<boolean> {
    const engine = this.#engine;
    const { signal, properties = {} } = options;
    try {
      const wait = signal === undefined ? {} : { signal };
      await join(engine, { republic, sources: [url], properties, ...wait });
      return true;
    } catch (error) {
      // Once it belongs to a republic there is no other invitation to wait for.
      const isOver = engine.over.signal.aborted || signal?.aborted === true;
      if (isOver) throw this.#endError();
      if (engine.identity !== null || !(error instanceof KibitzerError)) throw error;
      const { code, message } = error;
      engine.logger.warn({ event: "notAdmitted", code, republic, url }, message);
      return false;
    }
  }

  /** As guest: says who this node is, and joins if it waits for that. */
  #take(invitation: Invitation): Response {
    const { republic, url } = invitation;
    const options = this.#options;
    const isKnown = this.#taken?.republic.identity === republic.identity;
    if (this.#engine.identity !== null || isKnown) return this.#guest();
    const isWelcome = options?.republic === undefined || options.republic === republic.name;
    if (this.#invited === null || !isWelcome) return refusal("notWaiting");
    checkEndpoint(url);
    const answer = this.#guest();
    this.#invited(invitation);
    return answer;
  }

  #guest(): Response {
    const engine = this.#engine;
    const citizen = engine.citizen(this.#options?.properties ?? {});
    const guest: Guest = { ...citizen, republic: engine.identity };
    return { kind: "document", document: guest };
  }

  /** As host: has the node at `url` admitted, and answers who it is. */
  async #invite(url: string, signal: AbortSignal): Promise<Response> {
    const engine = this.#engine;
    const { republic } = engine;
    if (republic === null) return refusal("noRepublic");
    checkEndpoint(url);
    const answer = await this.#call(url, { method: "invite", republic, url: engine.url }, signal);
    if (answer.kind !== "document") return answer;
    const { document } = answer;
    if (!isGuest(document)) return refusal("notWaiting");
    if (document.republic !== null) return answer;
    const { republic: _, ...rest } = document;
    const citizen = checkedCitizen(rest);
    const request = { method: "immigrate", republic: null, citizen, hops: 0 } as const;
    const response = await engine.service.immigrate(request, signal);
    return response.kind === "refused" ? response : answer;
  }

  /** One call as a stranger: the guest has no republic yet, or tells which one it is in. */
  async #call(url: string, request: InviteRequest, signal: AbortSignal): Promise<Response> {
    const { network, chance } = this.#engine.configuration.world;
    await using caller = network.connect(url, {
      hello: () => ({ ...this.#engine.hello(), republic: null, node: null }),
      fraction: () => chance.fraction(),
    });
    try {
      return await caller.call(request, { lane: "control", timeoutMs: callMs, signal });
    } catch (error) {
      if (error instanceof TransportError) return refusal("unreachable");
      throw error;
    }
  }
}

function refusal(reason: RefusalReason): Response {
  return { kind: "refused", reason, leader: null };
}

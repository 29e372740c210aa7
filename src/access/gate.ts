/**
 * Stands before a node's service: lets in who may come in, passes on what it may ask, and has what
 * operators ask written down. Answers nothing itself.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { TransportError } from "../../transport/index.ts";
import type { Callee, Hello, Presented, Traffic } from "../../transport/index.ts";
import type { Configuration } from "../configuration.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import type { Request, Response } from "../requests.ts";
import type { Clock } from "../world.ts";
import { forbidden, type Access, type Asker, type Grant } from "./access.ts";
import { Audit } from "./audit.ts";
import { Repetition } from "./repetition.ts";
import { needOf, type Need } from "./roles.ts";
import { hashOf } from "./tokens.ts";

/** What of a callee concerns HTTP. */
export type HttpCallee = Required<Pick<Callee<Request, Response>, "serve" | "isUrgent" | "admits">>;

export interface GateOptions {
  readonly service: Callee<Request, Response>;
  readonly http: HttpCallee;
  readonly access: Access;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Different lines within a minute about who may not do what it asks for. */
const forbiddenLinesMax = 100;

/** A permission for as long as it is needed. */
export interface Lasting extends Disposable {
  readonly signal: AbortSignal;
}

/** What guards `service` and `http` at a node of this configuration. */
export function gateOf(
  { access, logger, world }: Pick<Configuration, "access" | "logger" | "world">,
  service: Callee<Request, Response>,
  http: HttpCallee,
): Gate {
  return new Gate({ service, http, access, logger, clock: world.clock });
}

/** Has all that a callee may have: what it forgot to pass on, a listener would do without. */
export class Gate implements Required<Callee<Request, Response>> {
  readonly #service: Callee<Request, Response>;
  readonly #http: HttpCallee;
  readonly #access: Access;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #audit: Audit;
  readonly #forbidden = new Repetition(forbiddenLinesMax);
  /** By the hello of each connection. */
  readonly #grants = new WeakMap<Hello, Grant>();

  constructor({ service, http, access, logger, clock }: GateOptions) {
    this.#service = service;
    this.#http = http;
    this.#access = access;
    this.#logger = logger;
    this.#clock = clock;
    this.#audit = new Audit(logger);
  }

  get isGuarded(): boolean {
    return !this.#access.isOpen;
  }

  hello(): Hello {
    return this.#service.hello();
  }

  knows(from: Hello): boolean {
    return this.#service.knows?.(from) ?? false;
  }

  traffic(from: Hello): Traffic | null {
    return this.#service.traffic?.(from) ?? null;
  }

  vet(from: Hello, { address, token, certificate }: Presented): void {
    const tokenHash = token === null ? null : hashOf(token);
    const asker: Asker = { node: from.node?.id ?? null, address, tokenHash, certificate };
    try {
      this.#grants.set(from, this.#access.admit(asker));
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      throw new TransportError("KBZ_FORBIDDEN", error.message, { outcome: "none", cause: error });
    }
  }

  hear(request: Request, from: Hello): void {
    if (this.#access.isOpen || this.#mayTell(request, from)) this.#service.hear(request, from);
  }

  /** The answer itself is the service's: it comes not a turn later for having been asked here. */
  answer(request: Request, from: Hello, signal: AbortSignal): Promise<Response> {
    const need = needOf(request);
    try {
      if (!this.#access.isIdle) this.#check(from, (grant) => this.#access.check(grant, need));
    } catch (error) {
      return Promise.reject(error);
    }
    if (need === "operate") this.#audit.asked(request, from, this.#grants.get(from) ?? null);
    return this.#service.answer(request, from, signal);
  }

  refused(detail: { readonly address: string; readonly error: Error }): void {
    this.#service.refused?.(detail);
  }

  /** Whether no request over HTTP needs to be looked at. */
  get isIdle(): boolean {
    return this.#access.isIdle;
  }

  /**
   * Over HTTP, where each request is let in by itself.
   * @throws {KibitzerError} `KBZ_FORBIDDEN` or `KBZ_BUSY`.
   */
  authorize(asker: Asker, need: Need): void {
    let grant: Grant | null = null;
    try {
      grant = this.#access.admit(asker);
      this.#access.check(grant, need);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      if (grant === null) this.refused({ address: asker.address, error });
      else this.#tell(grant, error);
      throw error;
    }
  }

  /**
   * Whether what goes on for long may still go on: its signal aborts, with why not, when the tokens
   * have changed and `asker` may do it no more. Asks nothing of who was let in just now.
   * @throws {KibitzerError} `KBZ_FORBIDDEN`.
   */
  lasting(asker: Asker, need: Need): Lasting {
    let grant = this.#access.admit(asker);
    const end = new AbortController();
    const stop = this.#access.onChange(() => {
      try {
        grant = this.#access.renewed(grant);
        this.#access.checkRole(grant, need);
      } catch (error) {
        if (isForbidden(error)) this.#tell(grant, error);
        end.abort(error);
      }
    });
    return { signal: end.signal, [Symbol.dispose]: stop };
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#http.serve(request, response);
  }

  isUrgent(request: IncomingMessage): boolean {
    return this.#http.isUrgent(request);
  }

  admits(request: IncomingMessage): boolean {
    return this.#http.admits(request);
  }

  #mayTell(request: Request, from: Hello): boolean {
    try {
      this.#check(from, (grant) => this.#access.check(grant, needOf(request)));
      return true;
    } catch (error) {
      if (error instanceof KibitzerError) return false;
      throw error;
    }
  }

  /** @throws {KibitzerError} `KBZ_FORBIDDEN` or `KBZ_BUSY`. */
  #check(from: Hello, check: (grant: Grant) => void): void {
    const before = this.#grants.get(from);
    // A network that vets nobody lets nobody in where not everybody may come in.
    if (before === undefined) throw forbidden("Wanted to know who asks, but nobody does.");
    try {
      const grant = this.#access.renewed(before);
      if (grant !== before) this.#grants.set(from, grant);
      check(grant);
    } catch (error) {
      if (isForbidden(error)) this.#tell(before, error);
      throw error;
    }
  }

  #tell({ who, asker }: Grant, error: Error): void {
    const { address } = asker;
    // Who is refused asks again and again.
    if (this.#forbidden.isOne(address, `${who} ${error.message}`, this.#clock.now())) return;
    this.#logger.warn({ event: "forbidden", who, address, reason: error.message }, error.message);
  }
}

function isForbidden(error: unknown): error is KibitzerError | TransportError {
  const isKnown = error instanceof KibitzerError || error instanceof TransportError;
  return isKnown && error.code === "KBZ_FORBIDDEN";
}

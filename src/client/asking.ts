/**
 * Questions that change nothing: asked again, at the next endpoint if need be, until one is
 * answered or the time is over. Tells at the end whether nobody answered, or nobody could.
 */
import type { RefusalReason } from "../../consensus/index.ts";
import { TransportError } from "../../transport/portable.ts";
import type { Lane } from "../../transport/portable.ts";
import { declined, finalErrorOf, noQuorum, senseless, unreachable } from "./errors.ts";
import type { ClientLink } from "./link.ts";
import type { Pin } from "./pin.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { pause } from "../pause.ts";
import { isOfKind, type Request, type Response } from "../requests.ts";
import { pauseMs } from "../retry-pause.ts";
import type { Chance, Clock } from "../world.ts";

export interface Question<Kind extends Response["kind"]> {
  readonly request: Request;
  /** The kind of answer that this is about; any other is a reason to ask again. */
  readonly wanted: Kind;
  readonly lane: Lane;
  /** Whether a node that is well may have no answer, for want of a leader. */
  readonly needsQuorum: boolean;
  /** For one attempt. */
  readonly attemptMs: number;
  /** For all attempts together; null: for ever. */
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal | undefined;
  /** Holds all attempts to the endpoint, and the disk, that it was first asked at. */
  readonly pin?: Pin;
  /** The error to give up with after a refusal for this reason, or null to ask again. */
  finalRefusal?(reason: RefusalReason, url: string): KibitzerError | null;
  /** What is wrong with an answer of the wanted kind, or null. */
  faultOf?(response: Response & { readonly kind: Kind }): string | null;
}

export interface AskingOptions {
  readonly link: ClientLink;
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly chance: Chance;
}

/** What became of one attempt. */
type Attempted<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** Somebody is there, and cannot give what is wanted. */
  | { readonly kind: "declined"; readonly cause: unknown }
  | { readonly kind: "silent"; readonly cause: unknown };

export class ClientAsking {
  readonly #options: AskingOptions;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /**
   * @throws {KibitzerError} `KBZ_NO_QUORUM`, `KBZ_UNREACHABLE`, `KBZ_CLOSED`, or what an endpoint
   *   answered for good.
   * @throws The reason of the signal, unless that was a time limit too.
   */
  async ask<Kind extends Response["kind"]>(
    question: Question<Kind>,
  ): Promise<Response & { readonly kind: Kind }> {
    const { link, clock } = this.#options;
    const { timeoutMs, signal } = question;
    using deadline = new Deadline(clock, timeoutMs, link.closing, signal);
    const handshakes = link.handshakes;
    let refusal: unknown = null;
    for (let failures = 1; ; failures += 1) {
      const attempted = await this.#attempt(question, deadline.signal);
      if (attempted.kind === "answer") return attempted.answer;
      if (attempted.kind === "declined") refusal = attempted.cause;
      await this.pause(failures, deadline.signal);
      if (!deadline.signal.aborted) continue;
      if (!isOutOfTime(deadline)) throw deadline.signal.reason;
      const isThere = refusal !== null || link.isAttached || link.handshakes > handshakes;
      const cause = refusal ?? attempted.cause;
      if (question.needsQuorum && isThere) throw noQuorum(question.request.method, link.url, cause);
      throw this.#unreachable(deadline.isOver ? timeoutMs : null, cause);
    }
  }

  #unreachable(ms: number | null, cause: unknown): KibitzerError {
    const { urls, link } = this.#options;
    return unreachable(urls, { ms, failures: link.failures, cause });
  }

  async #attempt<Kind extends Response["kind"]>(
    question: Question<Kind>,
    signal: AbortSignal,
  ): Promise<Attempted<Response & { readonly kind: Kind }>> {
    const { link } = this.#options;
    const { request, wanted, lane, attemptMs, pin } = question;
    try {
      const response = await link.attempt(request, { lane, timeoutMs: attemptMs, signal, pin });
      if (!isOfKind(response, wanted)) {
        return { kind: "declined", cause: otherAnswer(link.url, question, response) };
      }
      const fault = question.faultOf?.(response) ?? null;
      if (fault === null) return { kind: "answer", answer: response };
      const { url } = link;
      link.leave(url);
      return { kind: "declined", cause: senseless(url, fault) };
    } catch (error) {
      // What the link says for good, it says with this class.
      if (error instanceof KibitzerError && !signal.aborted) throw error;
      const final = finalErrorOf(error);
      if (final !== null) throw final;
      const isTold = error instanceof TransportError && error.remote !== null;
      return { kind: isTold ? "declined" : "silent", cause: error };
    }
  }

  /** Whether the endpoint in use gets a barrier decided in time; false in case of doubt. */
  async reachesQuorum(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const request = { method: "barrier", hops: 0 } as const;
    const { link } = this.#options;
    try {
      const { kind } = await link.attempt(request, { lane: "control", timeoutMs, signal });
      return kind === "barrier";
    } catch {
      return false;
    }
  }

  /** The endpoint in use, or the one used last. */
  get url(): string {
    return this.#options.link.url;
  }

  get urls(): readonly string[] {
    return this.#options.urls;
  }

  /** What is asked next goes to another endpoint than `url`, by default the one in use. */
  leave(url: string = this.#options.link.url): void {
    this.#options.link.leave(url);
  }

  /** Longer with each failure in a row; ends early when `signal` aborts. */
  async pause(failures: number, signal: AbortSignal): Promise<void> {
    const { clock, chance } = this.#options;
    await pause(clock, pauseMs(failures, chance.fraction()), signal);
  }
}

/** @throws {KibitzerError} what a refusal for good says. */
function otherAnswer<Kind extends Response["kind"]>(
  url: string,
  question: Question<Kind>,
  response: Response,
): Error {
  if (response.kind !== "refused") return senseless(url, `a ${response.kind}`);
  const final = question.finalRefusal?.(response.reason, url) ?? null;
  if (final !== null) throw final;
  return declined(url, response.reason);
}

/** A signal of `AbortSignal.timeout` ends the wait as our own limit does, with as much to say. */
export function isOutOfTime({ isOver, signal }: Deadline): boolean {
  const { reason } = signal;
  return isOver || (reason instanceof DOMException && reason.name === "TimeoutError");
}

/** How a client asks for changes of members: at whichever endpoint answers, in a limited time. */
import { assert } from "../../consensus/index.ts";
import { TransportError } from "../../transport/portable.ts";
import type { Status } from "../api.ts";
import { isOutOfTime, type ClientAsking, type Question } from "./asking.ts";
import { finalErrorOf } from "./errors.ts";
import type { ClientLink } from "./link.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";
import type { Asking, MembershipRequest, Submitted } from "../membership/membership.ts";
import { notInTime } from "../membership/errors.ts";
import type { Response } from "../requests.ts";
import { isStatus } from "../codec/status-document.ts";
import type { Clock } from "../world.ts";

export interface ClientMembershipOptions {
  readonly what: string;
  readonly link: ClientLink;
  readonly asking: ClientAsking;
  readonly clock: Clock;
  /** For one attempt. */
  readonly attemptMs: number;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export class ClientMembership implements Asking, Disposable {
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  readonly #options: ClientMembershipOptions;
  readonly #deadline: Deadline;
  readonly #end: number;

  constructor(options: ClientMembershipOptions) {
    const { clock, timeoutMs, link, signal } = options;
    this.#options = options;
    this.what = options.what;
    this.signal = signal;
    this.#end = clock.now() + timeoutMs;
    this.#deadline = new Deadline(clock, timeoutMs, link.closing, signal);
  }

  async barrier(): Promise<number> {
    const request = { method: "barrier", hops: 0 } as const;
    const { slot } = await this.#ask({ request, wanted: "barrier" });
    return slot;
  }

  async status(): Promise<Status> {
    const { document } = await this.#ask({
      request: { method: "status" },
      wanted: "document",
      faultOf: (response) =>
        isStatus(response.document) ? null : "something that is not a status",
    });
    assert(isStatus(document), "an answer with a fault is asked for again");
    return document;
  }

  async submit(request: MembershipRequest): Promise<Submitted> {
    const { link, attemptMs } = this.#options;
    const { signal } = this.#deadline;
    const timeoutMs = Math.min(attemptMs, this.#restMs);
    try {
      return await link.attempt(request, { lane: "control", timeoutMs, signal });
    } catch (error) {
      if (error instanceof KibitzerError) throw error;
      const final = finalErrorOf(error);
      if (final !== null) throw final;
      const isLost = error instanceof TransportError && error.outcome === "unknown";
      return { kind: "lost", outcome: isLost ? "unknown" : "none" };
    }
  }

  async pause(attempt: number): Promise<void> {
    await this.#options.asking.pause(attempt, this.#deadline.signal);
  }

  check(): void {
    const { signal } = this.#deadline;
    if (!signal.aborted) return;
    throw isOutOfTime(this.#deadline) ? notInTime(this.what, null) : signal.reason;
  }

  [Symbol.dispose](): void {
    this.#deadline[Symbol.dispose]();
  }

  get #restMs(): number {
    return Math.max(1, this.#end - this.#options.clock.now());
  }

  /** @throws {KibitzerError} `KBZ_NO_QUORUM` when somebody is there at the end of the time. */
  async #ask<Kind extends Response["kind"]>(
    question: Pick<Question<Kind>, "request" | "wanted" | "faultOf">,
  ): Promise<Response & { readonly kind: Kind }> {
    const { link, asking, attemptMs, signal } = this.#options;
    const limits = { attemptMs, timeoutMs: this.#restMs, signal };
    try {
      return await asking.ask({ ...question, lane: "control", needsQuorum: true, ...limits });
    } catch (error) {
      const isLate = error instanceof KibitzerError && lateCodes.has(error.code);
      throw isLate && link.isAttached ? notInTime(this.what, error) : error;
    }
  }
}

const lateCodes: ReadonlySet<KibitzerErrorCode> = new Set(["KBZ_NO_QUORUM", "KBZ_UNREACHABLE"]);

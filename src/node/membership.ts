/** How a node asks for changes of members: of itself, or through itself of the leader. */
import type { Status } from "../api.ts";
import type { Engine } from "./engine.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { Asking, MembershipRequest, Submitted } from "../membership/membership.ts";
import { closedError } from "./errors.ts";
import { pause } from "../pause.ts";
import { pauseMs } from "../retry-pause.ts";

export interface NodeMembershipOptions {
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  readonly barrier: () => Promise<{ readonly slot: number }>;
}

export class NodeMembership implements Asking {
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  readonly #engine: Engine;
  readonly #barrier: NodeMembershipOptions["barrier"];
  /** Aborts with the caller's signal, and when the node stops. */
  readonly #both: AbortSignal;

  constructor(engine: Engine, { what, signal, barrier }: NodeMembershipOptions) {
    const over = engine.over.signal;
    this.what = what;
    this.signal = signal;
    this.#engine = engine;
    this.#barrier = barrier;
    this.#both = signal === undefined ? over : AbortSignal.any([over, signal]);
  }

  async barrier(): Promise<number> {
    return (await this.#barrier()).slot;
  }

  async status(): Promise<Status> {
    return await this.#engine.status(this.#both);
  }

  async submit(request: MembershipRequest): Promise<Submitted> {
    const { service } = this.#engine;
    try {
      return request.method === "invite"
        ? await this.#engine.invitations.answer(request, this.#both)
        : await service.order(request, this.#both);
    } catch (error) {
      const { outcome } = asKibitzerError(error);
      return { kind: "lost", outcome: outcome === "none" ? "none" : "unknown" };
    }
  }

  async pause(attempt: number): Promise<void> {
    const { clock, chance } = this.#engine.configuration.world;
    await pause(clock, pauseMs(attempt, chance.fraction()), this.#both);
  }

  check(): void {
    this.signal?.throwIfAborted();
    if (this.#both.aborted) throw closedError();
  }
}

/** What a node that does not lead asks of the leader in the asker's stead; at most one hop. */
import type { NodeId } from "../../consensus/index.ts";
import { TransportError } from "../../transport/index.ts";
import type { Logger } from "../logger.ts";
import type { Request, Response } from "../requests.ts";
import type { Clock } from "../world.ts";
import type { Peers } from "./peers.ts";
import { refusal } from "./refusals.ts";

export type Forwarded = Extract<Request, { readonly hops: number }>;

export interface ForwardingOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "call">;
}

/** A request came from a client, or was forwarded once by a node that does not lead. */
const hopsMax = 1;
const forwardMs = 5_000;
/** How often it is logged that a leader takes nothing of this node. */
const logMs = 60_000;

export class Forwarding {
  readonly #options: ForwardingOptions;
  #loggedAt = -logMs;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  mayForward({ hops }: Forwarded): boolean {
    return hops < hopsMax;
  }

  async forward(request: Forwarded, leader: NodeId | null, signal: AbortSignal): Promise<Response> {
    if (!this.mayForward(request) || leader === null) return refusal("notLeading", leader);
    const forwarded = { ...request, hops: request.hops + 1 };
    const options = { timeoutMs: forwardMs, signal };
    try {
      const response = await this.#options.peers.call(leader, forwarded, options);
      return response ?? refusal("notLeading", null);
    } catch (error) {
      if (!(error instanceof TransportError) || error.outcome !== "none") throw error;
      // It was certainly not carried out: nobody leads there.
      if (error.remote === null) return refusal("notLeading", null);
      // What this node may not at the leader says nothing of what the asker may here.
      if (error.remote.code !== "KBZ_FORBIDDEN") throw error;
      this.#log(leader, error.remote.message);
      return refusal("notLeading", null);
    }
  }

  #log(leader: NodeId, reason: string): void {
    const now = this.#options.clock.now();
    if (now - this.#loggedAt < logMs) return;
    this.#loggedAt = now;
    this.#options.logger.warn(
      { event: "forbidden", to: leader, reason },
      `the leader ${leader} takes nothing of this node, which forwards what it is asked: ${reason}`,
    );
  }
}

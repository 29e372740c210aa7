/** A barrier at this node: asks again, of whoever leads, until there is an answer. */
import { TransportError } from "../../transport/index.ts";
import type { WaitOptions } from "../api.ts";
import type { Response } from "../requests.ts";
import type { RunningNode } from "./running-node.ts";
import { closedError } from "./errors.ts";

/** Between two askings of the same leader: the first wait, and the longest. */
const askAgainMs = 25;
const askAgainMsMax = 200;

type Asked = Pick<RunningNode, "over" | "service" | "state">;

/**
 * Resolves with what is decided: reads at this node after it are linearizable.
 * @throws the signal's reason; {KibitzerError} `KBZ_CLOSED`.
 */
export async function ownBarrier(
  { over, service, state }: Asked,
  { signal }: WaitOptions,
): Promise<{ readonly index: number; readonly slot: number }> {
  const both = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  for (let waitMs = askAgainMs; ; waitMs = Math.min(2 * waitMs, askAgainMsMax)) {
    signal?.throwIfAborted();
    if (over.signal.aborted) throw closedError();
    const { leader } = state.legislator;
    const response = await service
      .barrier({ method: "barrier", hops: 0 }, both)
      .catch((error: unknown): Response => {
        if (!(error instanceof TransportError || both.aborted)) throw error;
        return { kind: "refused", reason: "busy", leader: null };
      });
    if (response.kind === "barrier") return { index: response.index, slot: response.slot };
    await service.isSucceeded(leader, waitMs, both);
  }
}

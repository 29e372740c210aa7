/** A question to the state machine of this node, linearizable unless it may be stale. */
import type { Answer, QueryOptions } from "../api.ts";
import { noMachine } from "../machine/machine-errors.ts";
import { queryOf } from "../machine/query.ts";
import type { RunningNode } from "./running-node.ts";
import { closedError } from "./errors.ts";
import { ownBarrier } from "./own-barrier.ts";

/** @throws {KibitzerError} `KBZ_MACHINE`, `KBZ_CLOSED`, `KBZ_ARGUMENT`; the signal's reason. */
export async function ownQuery(
  node: Pick<RunningNode, "over" | "service" | "state">,
  question: Uint8Array,
  options: QueryOptions,
): Promise<Answer> {
  const { over, service } = node;
  const { signal } = options;
  const both = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  if (options.stale !== true) await ownBarrier(node, options);
  const response = await service.query(queryOf(question, { ...options, stale: true }), both);
  signal?.throwIfAborted();
  if (over.signal.aborted) throw closedError();
  if (response.kind === "answer") return { index: response.index, bytes: response.answer };
  throw noMachine();
}

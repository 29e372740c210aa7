/** When the work for a request ends without an answer: whoever asked is gone, or the node stops. */
import type { HttpContext } from "./route.ts";

export function signalOf({ env }: HttpContext, over: AbortController): AbortSignal {
  const { outgoing } = env;
  const gone = new AbortController();
  if (outgoing.destroyed) gone.abort();
  else outgoing.once("close", () => gone.abort());
  return AbortSignal.any([gone.signal, over.signal]);
}

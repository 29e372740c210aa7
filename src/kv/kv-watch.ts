/**
 * Watching the map: asks for the next events where the last answer ended, whichever node answers.
 * Holds one answer, never more; who is too slow for what the map keeps is told so.
 */
import type { QueryOptions, WaitOptions } from "../api.ts";
import type { Kv } from "./kv.ts";
import { compacted, noMap } from "./kv-errors.ts";
import type { KvAnswer, KvEvent, KvPlace } from "./kv-question.ts";

export interface WatchOptions extends WaitOptions {
  /** Whether the name is what keys begin with; default false: it is one key. */
  readonly prefix?: boolean;
  /** Begin with the events of this revision; default: with those to come. */
  readonly from?: number;
  /** Begin behind this event, in place of `from`: its `number`. */
  readonly after?: number;
}

/** How long a node may wait for something new. */
const waitMs = 5000;
/** A revision that nothing ever gets. */
const never = 2 ** 52;

/**
 * Ends with the signal, whose reason it rejects with.
 * @throws {KibitzerError} `KBZ_TRUNCATED` when events that are due are compacted.
 */
export async function* watch(
  kv: Pick<Kv, "ask">,
  name: string,
  options: WatchOptions,
): AsyncGenerator<KvEvent, void, void> {
  const { prefix = false, from, after, signal } = options;
  const by = signal === undefined ? {} : { signal };
  let place: KvPlace = after === undefined ? { from: from ?? never } : { after };
  // The first answer is linearizable: what was there before the call is not taken for new.
  let how: QueryOptions = { stale: false, ...by };
  for (;;) {
    signal?.throwIfAborted();
    const told = await kv.ask({ kind: "watch", name, isPrefix: prefix, place }, how);
    const { events, after: reached, isMore } = eventsIn(told.answer);
    for (const event of events) {
      signal?.throwIfAborted();
      // Who begins with a revision to come has seen nothing of what comes before.
      if (event.revision >= (from ?? 0)) yield event;
    }
    place = { after: reached };
    how = isMore ? { stale: true, ...by } : { stale: true, index: told.index + 1, waitMs, ...by };
  }
}

function eventsIn(answer: KvAnswer): KvAnswer & { readonly kind: "events" } {
  if (answer.kind === "compacted") throw compacted(answer.revisionFirst);
  if (answer.kind !== "events") throw noMap();
  return answer;
}

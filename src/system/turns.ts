/** The calls in flight between nodes, bounded and in order by p-queue. */
import PQueue from "p-queue";
import type { Turns } from "../../transport/portable.ts";

export function queuedTurns(concurrency: number): Turns {
  const queue = new PQueue({ concurrency });
  return {
    get size() {
      return queue.size;
    },
    // What comes of a call is given to whoever called.
    add: (begin) => void queue.add(begin).catch(() => undefined),
  };
}

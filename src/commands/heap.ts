/**
 * How a node's process collects garbage. Most of what it allocates under load is the bytes of
 * entries, which live for milliseconds, and lie outside of the heap: V8 sees a small heap, seldom
 * looks at the young part of it, and would rather go through all of it several times a second to
 * get those bytes back.
 */
import { setFlagsFromString } from "node:v8";

/**
 * How much is allocated between two full collections, in percent of what is alive: paid for with so
 * much memory. V8's own choice spends a quarter of a loaded node's processor time on collections
 * (docs/performance.md).
 */
const growthPercent = 200;
/**
 * How full the young part is when it is collected, in percent: a millisecond's work, which frees
 * what entries took before all of the heap has to be gone through for it.
 */
const youngPercent = 20;

/** From the next collection on. */
export function tuneCollections(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  setFlagsFromString(`--minor-gc-task-trigger=${youngPercent}`);
}

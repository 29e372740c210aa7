/**
 * How a node's process collects garbage. Most of what it allocates under load is the bytes of
 * entries, which live for milliseconds; V8 sees a small heap, and would go through all of it
 * several times a second to get them back.
 */
import { setFlagsFromString } from "node:v8";

/**
 * How much is allocated between two full collections, in percent of what is alive: paid for with so
 * much memory. V8's own choice spends a quarter of a loaded node's processor time on collections
 * (docs/performance.md).
 */
const growthPercent = 200;

/** From the next collection on. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}

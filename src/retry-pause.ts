/** How long to wait before the same is tried again. Draws no chance itself. */
import { backOffMs } from "../transport/portable.ts";

const pauses = { min: 20, max: 1000 } as const;

/**
 * Doubles with each failure in a row; half of it is jitter, so that many do not come back together.
 *
 * @param failures 1 after the first.
 * @param fraction 0 ≤ fraction < 1.
 */
export function pauseMs(failures: number, fraction: number): number {
  return backOffMs(failures, fraction, pauses);
}

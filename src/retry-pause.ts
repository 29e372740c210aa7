/** How long to wait before the same is tried again. Draws no chance itself. */

const pauseMsMin = 20;
const pauseMsMax = 1000;

/**
 * Doubles with each failure in a row; half of it is jitter, so that many do not come back together.
 *
 * @param failures 1 after the first.
 * @param fraction 0 ≤ fraction < 1.
 */
export function pauseMs(failures: number, fraction: number): number {
  const grown = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(failures - 1, 16));
  return Math.ceil((grown * (1 + fraction)) / 2);
}

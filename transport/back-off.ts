/** How long to wait before the next attempt, to connect for instance. Draws no chance itself. */

/**
 * Doubles from `min` to `max` with each failure in a row; the upper half is jitter, so that peers
 * that lost the same node do not come back in one wave.
 *
 * @param failures How many attempts failed in a row: 1 after the first.
 * @param fraction 0 ≤ fraction < 1.
 */
export function backOffMs(
  failures: number,
  fraction: number,
  range: { readonly min: number; readonly max: number },
): number {
  const ceiling = Math.min(range.max, range.min * 2 ** Math.min(failures - 1, 30));
  return Math.ceil(ceiling / 2 + (fraction * ceiling) / 2);
}

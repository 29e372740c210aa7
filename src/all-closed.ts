/** The end of several things at once. Closes nothing itself. */

/**
 * Waits until all of `closing` has ended, one way or the other.
 * @throws what the first of them was rejected with.
 */
export async function allClosed(closing: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(closing);
  await Promise.all(closing);
}

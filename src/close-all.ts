/** The end of several things at once; what one of them throws does not keep the others. */

/** @throws what the first of them was rejected with, once all have ended. */
export async function closeAll(parts: readonly (AsyncDisposable | null)[]): Promise<void> {
  const closing = parts.map(async (part) => await part?.[Symbol.asyncDispose]());
  await Promise.allSettled(closing);
  await Promise.all(closing);
}

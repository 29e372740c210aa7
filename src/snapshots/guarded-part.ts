/** What may go wrong with a snapshot that is being made, and is no failure of the disk. */

/** What was made cannot be used; another one may. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

/** What a part throws is no failure of the disk. */
export async function* guarded(
  name: string,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* pieces;
  } catch (error) {
    throw new Unusable(`the part ${name} has failed: ${String(error)}`, { cause: error });
  }
}

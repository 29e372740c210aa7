/**
 * Entries as this node's own journal has them, decided ones only, followed for as long as wanted.
 */
import type { EntriesOptions, Entry } from "./api.ts";
import type { Engine } from "./engine.ts";
import { entriesOf } from "./entry-stream.ts";
import { checkRange } from "./node-errors.ts";
import type { EntriesBatch } from "./requests.ts";

const readBytesMax = 1_048_576;

type Source = Pick<Engine, "reader" | "over">;

/**
 * Ends where `options` say, or when the node stops; throws the signal's reason when that aborts.
 */
export async function* ownEntries(
  source: Source,
  options: EntriesOptions,
): AsyncGenerator<Entry, void, void> {
  const { from = 1, follow = true, signal } = options;
  const to = options.to ?? (follow ? Infinity : source.reader.indexLast);
  checkRange(from, to);
  let index = from;
  while (index <= to) {
    const batches = await batchesAt(source, index, signal);
    if (batches === null) return;
    for (const batch of batches) {
      for (const entry of entriesOf(batch, index, to)) {
        signal?.throwIfAborted();
        yield entry;
        index = entry.index + 1;
      }
    }
  }
}

/** Waits until the entry at `index` is there; null when the node has stopped. */
async function batchesAt(
  { reader, over }: Source,
  index: number,
  signal: AbortSignal | undefined,
): Promise<readonly EntriesBatch[] | null> {
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  await reader.reached({ index }, either);
  signal?.throwIfAborted();
  if (over.signal.aborted) return null;
  try {
    return await reader.read(index, readBytesMax);
  } catch (error) {
    // The journal was closed under the read: the end, like any other.
    if (over.signal.aborted) return null;
    throw error;
  }
}

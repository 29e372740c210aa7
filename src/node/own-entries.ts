/**
 * Entries as this node's own journal has them, decided ones only, followed for as long as wanted.
 */
import type { EntriesOptions, Entry } from "../api.ts";
import { checkedReading, checkOptions, optionNames } from "../arguments.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { RunningNode } from "./running-node.ts";
import { entriesOf } from "../codec/entry-stream.ts";
import { closedError } from "./errors.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { EntriesBatch } from "../requests.ts";

const readBytesMax = 1_048_576;

/** What a reading of the own log needs of the node. */
export type EntriesSource = Pick<RunningNode, "reader" | "over">;

/**
 * Ends where `options` say. One that follows for ever ends with the node, too; one that has an end
 * and does not get there is told.
 *
 * @throws {KibitzerError} `KBZ_CLOSED`, `KBZ_ARGUMENT`, `KBZ_DAMAGED`, `KBZ_JOURNAL_FAILED` when
 *   the system refuses the read; the signal's reason.
 */
export async function* ownEntries(
  source: EntriesSource,
  options: EntriesOptions,
): AsyncGenerator<Entry, void, void> {
  checkOptions(options, optionNames.entries);
  const { from, to, follow, signal } = checkedReading(options);
  if (source.over.signal.aborted) throw closedError();
  const last = follow ? to : Math.min(to, source.reader.indexLast);
  let index = from;
  while (index <= last) {
    const batches = await batchesAt(source, index, signal);
    if (batches === null && last === Infinity) return;
    if (batches === null) throw closedError();
    for (const batch of batches) {
      for (const entry of entriesOf(batch, index, last)) {
        signal?.throwIfAborted();
        yield entry;
        index = entry.index + 1;
      }
    }
  }
}

/**
 * Waits until the entry at `index` is there; null when the node has stopped.
 * @param bytesMax About as much at a time; one batch at least.
 * @throws {KibitzerError} as `ownEntries` does, and `KBZ_TRUNCATED`; the signal's reason.
 */
export async function batchesAt(
  { reader, over }: EntriesSource,
  index: number,
  signal: AbortSignal | undefined,
  bytesMax: number = readBytesMax,
): Promise<readonly EntriesBatch[] | null> {
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  await reader.reached({ index }, either);
  signal?.throwIfAborted();
  if (over.signal.aborted) return null;
  try {
    return await reader.read(index, bytesMax);
  } catch (error) {
    // The journal was closed under the read: the end, like any other.
    if (over.signal.aborted) return null;
    throw unreadable(error);
  }
}

/** What the system refuses, as when too many files are open, ends this read and nothing else. */
function unreadable(error: unknown): KibitzerError {
  const known = asKibitzerError(error);
  if (known.code !== "KBZ_JOURNAL_FAILED") return known;
  const found = error instanceof Error ? error.message : String(error);
  return new KibitzerError(
    "KBZ_JOURNAL_FAILED",
    `The entries cannot be read now: ${found}. The node goes on: read again from where it ended.`,
    { retryable: true, outcome: "none", cause: error },
  );
}

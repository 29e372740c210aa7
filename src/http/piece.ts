/**
 * Entries encoded for those who read them over HTTP: some at a time, as one run of bytes in which
 * each entry's end is known, so that one encoding serves readers who begin and end anywhere.
 */
import type { Entry } from "../api.ts";
import { entriesOf } from "../codec/entry-stream.ts";
import { entryDocument } from "../entry-document.ts";
import type { EntriesBatch } from "../requests.ts";

/** How entries are told: as lines of JSON, or as events of a stream. */
export type Format = "lines" | "events";

export interface Piece {
  readonly first: number;
  readonly last: number;
  readonly bytes: Uint8Array;
  /** Where each entry ends. */
  readonly ends: readonly number[];
}

/** The entries of `batches` from `from` on, in pieces of about `bytesMax`. */
export function* piecesOf(
  batches: readonly EntriesBatch[],
  from: number,
  format: Format,
  bytesMax: number,
): Generator<Piece, void, void> {
  let texts: string[] = [];
  let ends: number[] = [];
  let bytes = 0;
  let first = from;
  for (const batch of batches) {
    for (const entry of entriesOf(batch, from, Infinity)) {
      const text = textOf(entry, format);
      texts.push(text);
      bytes += Buffer.byteLength(text);
      ends.push(bytes);
      if (bytes < bytesMax) continue;
      yield { first, last: entry.index, bytes: Buffer.from(texts.join("")), ends };
      first = entry.index + 1;
      [texts, ends, bytes] = [[], [], 0];
    }
  }
  if (ends.length === 0) return;
  yield { first, last: first + ends.length - 1, bytes: Buffer.from(texts.join("")), ends };
}

/** The bytes of the entries from `from` to `last`, as far as they are in `piece`. */
export function cut(piece: Piece, from: number, last: number): Uint8Array {
  const { first, bytes, ends } = piece;
  if (from <= first && last >= piece.last) return bytes;
  const start = from <= first ? 0 : (ends[from - first - 1] ?? bytes.length);
  const end = last >= piece.last ? bytes.length : (ends[last - first] ?? 0);
  return bytes.subarray(start, Math.max(start, end));
}

function textOf(entry: Entry, format: Format): string {
  const document = JSON.stringify(entryDocument(entry));
  return format === "lines" ? `${document}\n` : `id: ${entry.index}\ndata: ${document}\n\n`;
}

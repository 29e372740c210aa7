/**
 * The attached state machine as a part of the node's snapshots: what the host knows of the log,
 * the results that are kept, then the bytes of the machine itself.
 */
import { assert } from "../../consensus/index.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import type { SnapshotPart } from "../snapshots/snapshot-part.ts";
import { frame, readFrame } from "./framing.ts";
import { machineLimits } from "./machine-limits.ts";
import type { Capture, MachineHost } from "./machine-host.ts";
import { PieceReader } from "./piece-reader.ts";
import { readRow, writeRow, type PackedRow } from "./results.ts";

const formatVersion = 1;
/** Bytes of a frame of rows: what is gathered, and one largest row. */
const frameBytesMax = 4 * machineLimits.batchResultsBytesMax;

export class MachinePart implements SnapshotPart {
  readonly name = "machine";
  readonly #host: MachineHost;

  constructor(host: MachineHost) {
    this.#host = host;
  }

  write(slot: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    // Asked for in this very turn: the host may be further when the first piece is taken.
    const capture = this.#host.capture(slot, signal);
    capture.catch(() => undefined);
    return piecesOf(capture, signal);
  }

  async restore(pieces: AsyncIterable<Uint8Array>, slot: number): Promise<void> {
    const reader = new PieceReader(pieces);
    const head = readHead(await readFrame(reader, frameBytesMax));
    const rows: PackedRow[] = [];
    for (;;) {
      const bytes = await readFrame(reader, frameBytesMax);
      if (bytes.length === 0) break;
      const from = new ByteReader(bytes);
      while (from.left > 0) rows.push(readRow(from));
    }
    await this.#host.restore(slot, { ...head, rows }, reader.rest());
  }
}

async function* piecesOf(
  captured: Promise<Capture | null>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const capture = await captured;
  signal.throwIfAborted();
  assert(capture !== null, "only who is aborted gets no state");
  yield frame(headOf(capture));
  for (const rows of framesOf(capture.rows)) yield frame(rows);
  yield frame(new Uint8Array(0));
  yield* capture.pieces;
}

function headOf({ index, time, hash, stateHashSlot }: Capture): Uint8Array {
  const writer = new ByteWriter();
  writer.begin();
  writer.byte(formatVersion);
  writer.whole(index);
  writer.whole(time);
  writer.hex16(hash);
  writer.whole(stateHashSlot);
  return writer.take();
}

function readHead(bytes: Uint8Array): Omit<Capture, "pieces" | "rows"> {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== formatVersion) reader.refuse(`version ${formatVersion} of this part`);
  const index = reader.whole();
  const time = reader.whole();
  const hash = reader.hex16();
  const stateHashSlot = reader.whole(1);
  reader.end();
  return { index, time, hash, stateHashSlot };
}

/** Rows as bytes, some of them at a time. */
function* framesOf(rows: readonly PackedRow[]): Generator<Uint8Array, void, void> {
  const writer = new ByteWriter();
  let bytes = 0;
  let gathered: Uint8Array[] = [];
  for (const row of rows) {
    writer.begin();
    writeRow(writer, row);
    const written = writer.take();
    gathered.push(written);
    bytes += written.length;
    if (bytes < machineLimits.batchResultsBytesMax) continue;
    yield joined(gathered, bytes);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield joined(gathered, bytes);
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

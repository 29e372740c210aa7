/**
 * Cuts a stream of bytes into lines, holding one chunk and one unfinished line. Knows no encoding.
 */

const newline = 10;
/** Lines that are given together: of a chunk of empty ones each costs many times its byte. */
const groupLinesMax = 1024;

/** A line is longer than allowed; the lines before it have been given. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
  /** From 1. */
  readonly line: number;

  constructor(line: number, bytesMax: number) {
    super(`line ${line} is longer than the limit of ${bytesMax} bytes`);
    this.line = line;
  }
}

/**
 * Yields the bytes between newlines, some of one chunk together; a last line without newline too.
 * @throws {LineTooLong} without reading on.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<readonly Uint8Array[], void, void> {
  let line = 0;
  let pieces: Uint8Array[] = [];
  let piecesBytes = 0;
  for await (const chunk of chunks) {
    let lines: Uint8Array[] = [];
    let start = 0;
    let tooLong = false;
    while (!tooLong) {
      const end = chunk.indexOf(newline, start);
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end);
      tooLong = piecesBytes + piece.length > bytesMax;
      if (tooLong) break;
      if (piece.length > 0) pieces.push(piece);
      piecesBytes += piece.length;
      if (end === -1) break;
      lines.push(joined(pieces));
      line += 1;
      pieces = [];
      piecesBytes = 0;
      start = end + 1;
      if (lines.length < groupLinesMax) continue;
      yield lines;
      lines = [];
    }
    if (lines.length > 0) yield lines;
    if (tooLong) throw new LineTooLong(line + 1, bytesMax);
  }
  if (piecesBytes > 0) yield [joined(pieces)];
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const only = pieces.length === 1 ? pieces[0] : undefined;
  return only ?? Buffer.concat(pieces);
}

/** Frames in a stream of pieces that is cut anywhere: a length (u32, little endian), then bytes. */
import { DecodeError } from "../codec/bytes.ts";
import type { PieceReader } from "./piece-reader.ts";

export function frame(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + bytes.length);
  new DataView(framed.buffer).setUint32(0, bytes.length, true);
  framed.set(bytes, 4);
  return framed;
}

/** @throws {DecodeError} when there is no whole frame of at most `bytesMax`. */
export async function readFrame(reader: PieceReader, bytesMax: number): Promise<Uint8Array> {
  const head = await reader.take(4);
  const size = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
  if (size > bytesMax) throw new DecodeError(0, `expected a frame, found ${size} bytes`);
  return await reader.take(size);
}

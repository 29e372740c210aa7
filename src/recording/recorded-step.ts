/**
 * Recorded steps, one after the other: how long each is, whether it had an outcome and the digest
 * of that, then the envelope. Only the layout; files and replaying are elsewhere.
 */
import { hashZero, type Hash } from "../../consensus/index.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { DecodeError, putHex16, viewOf } from "../codec/bytes.ts";
import { readPlayed } from "./envelope-codec.ts";
import type { Played } from "./envelope.ts";

/** Bytes before the envelope: those of all that follows them, and the digest, if there is one. */
export const stepHeadBytes = 13;
const lengthBytes = 4;

export interface RecordedStep {
  readonly played: Played;
  /** Null when applying the input threw, and for a checkpoint. */
  readonly digest: Hash | null;
}

/** The head of a step without an outcome, or of one whose outcome has this digest. */
export function putStepHead(head: Uint8Array, bytes: number, digest: Hash | null): void {
  const view = viewOf(head);
  view.setUint32(0, bytes - lengthBytes, true);
  view.setUint8(lengthBytes, digest === null ? 0 : 1);
  putHex16(view, lengthBytes + 1, digest ?? hashZero);
}

/** The steps in `bytes`, with where each begins. @throws {DecodeError} when they do not fill it. */
export function* stepsIn(
  bytes: Uint8Array,
): Generator<{ readonly at: number; readonly bytes: Uint8Array }, void, void> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    const start = at + lengthBytes;
    const end = start > bytes.length ? Infinity : start + view.getUint32(at, true);
    if (end > bytes.length) throw new DecodeError(at, "a step that ends beyond its frame");
    yield { at, bytes: bytes.subarray(start, end) };
    at = end;
  }
}

/** @param bytes As `stepsIn` gives them. @throws {DecodeError} */
export function decodeStep(bytes: Uint8Array): RecordedStep {
  const reader = new ByteReader(bytes);
  const hasDigest = reader.flag();
  const digest = reader.hex16();
  if (!hasDigest && digest !== hashZero) reader.refuse("no digest");
  return { played: readPlayed(reader), digest: hasDigest ? digest : null };
}

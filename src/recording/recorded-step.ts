/**
 * One recorded step: whether it had an outcome and the digest of that, then the envelope. Only the
 * layout; files and replaying are elsewhere.
 */
import type { Hash } from "../../consensus/index.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { readPlayed } from "./envelope-codec.ts";
import type { Played } from "./envelope.ts";

/** Bytes before the envelope: whether there is a digest, and the digest. */
export const stepHeadBytes = 9;

export interface RecordedStep {
  readonly played: Played;
  /** Null when applying the input threw, and for a checkpoint. */
  readonly digest: Hash | null;
}

/** @throws {DecodeError} */
export function decodeStep(bytes: Uint8Array): RecordedStep {
  const reader = new ByteReader(bytes);
  const hasDigest = reader.flag();
  const digest = reader.hex16();
  if (!hasDigest && digest !== "0000000000000000") reader.refuse("no digest");
  return { played: readPlayed(reader), digest: hasDigest ? digest : null };
}

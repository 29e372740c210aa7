/**
 * The bytes of a backup: a first line that names it, then records, each sealed over all before it,
 * so that none can be changed, moved, or left out. Pure; reads and writes no file.
 *
 * A record, numbers little-endian: u32 length of the payload · u32 kind · u32 CRC-32 of both and
 * the payload, continued from that of the record before · payload.
 */
import { assert } from "../../consensus/index.ts";
import { crc32 } from "../codec/crc32.ts";
import { viewOf } from "../codec/bytes.ts";
import { KibitzerError } from "../kibitzer-error.ts";

/**
 * What a program that reads up to the version before does not know: since 2 there may be a snapshot
 * in place of the log's beginning. A log from slot 1 on is written as 1.
 */
export const backupVersions = { fromSlot1: 1, fromSnapshot: 2 } as const;
export type BackupVersion = (typeof backupVersions)[keyof typeof backupVersions];
const versionMost = backupVersions.fromSnapshot;

/** Codes are never reused. */
export const backupKinds = {
  /** JSON: whose log, from where, up to where. */
  header: 1,
  /** The bytes of the snapshot that the decrees follow, piece by piece. */
  snapshot: 2,
  /** Decrees, one after the other: header and body, as on the wire. */
  decrees: 3,
  /** JSON: what all of it comes to. Nothing follows it. */
  end: 4,
} as const;

export type BackupKind = (typeof backupKinds)[keyof typeof backupKinds];

const lineStart = "kibitzer backup ";
const linePattern = /^kibitzer backup ([1-9]\d{0,5})$/;
export const lineBytesMax = 32;
export const recordHeadBytes = 12;
/** Bytes of a record's payload: a batch of the largest size and more fit. */
export const recordBytesMax: number = 32 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The first line, with its newline. */
export function encodeFirstLine(version: BackupVersion): Uint8Array {
  return encoder.encode(`${lineStart}${version}\n`);
}

/**
 * The line without its newline.
 * @returns Whether a snapshot stands for the beginning of the log.
 * @throws {KibitzerError} `KBZ_DAMAGED` when it is no backup's; `KBZ_VERSION` when it is a newer's.
 */
export function checkFirstLine(line: Uint8Array): boolean {
  const match = linePattern.exec(String.fromCharCode(...line));
  if (match === null) throw damagedBackup(0, `expected the first line of a kibitzer backup`);
  const found = Number(match[1]);
  if (found <= versionMost) return found === backupVersions.fromSnapshot;
  throw new KibitzerError(
    "KBZ_VERSION",
    `The backup has format version ${found}; this program reads up to ${versionMost}. ` +
      "Use a version of kibitzer at least as new as the one that made it.",
    { retryable: false, outcome: "none" },
  );
}

/** Head and payload, as pieces; and the seal that the next record goes on from. */
export function encodeRecord(
  kind: BackupKind,
  payload: readonly Uint8Array[],
  seal: number,
): { readonly pieces: readonly Uint8Array[]; readonly seal: number } {
  const head = new Uint8Array(recordHeadBytes);
  const view = viewOf(head);
  const length = payload.reduce((sum, piece) => sum + piece.length, 0);
  assert(length <= recordBytesMax, "a record is within its bound");
  view.setUint32(0, length, true);
  view.setUint32(4, kind, true);
  let sum = crc32(head.subarray(0, 8), seal);
  for (const piece of payload) sum = crc32(piece, sum);
  view.setUint32(8, sum, true);
  return { pieces: [head, ...payload], seal: sum };
}

export function encodeJson(document: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(document));
}

/** @throws {KibitzerError} `KBZ_DAMAGED`. */
export function decodeJson(payload: Uint8Array, offset: number): unknown {
  try {
    const document: unknown = JSON.parse(decoder.decode(payload));
    return document;
  } catch (cause) {
    throw damagedBackup(offset, "expected JSON", cause);
  }
}

/** A backup is not what was written: where, what was expected, what to do. */
export function damagedBackup(offset: number, finding: string, cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_DAMAGED",
    `The backup is damaged or cut off at byte ${offset}: ${finding}. Nothing of it was used. ` +
      "Take another copy of it, or an earlier backup.",
    { retryable: false, outcome: "none", cause },
  );
}

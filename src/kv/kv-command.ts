/**
 * Commands of the key–value map as entries of the log, and what they come to. An entry that does
 * not read as one is somebody else's, and none of the map's business.
 */
import { unreachable } from "../../consensus/index.ts";
import { DecodeError, invert } from "../codec/bytes.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { kvLimits } from "./kv-limits.ts";

/** Holds for a write to take effect. */
export interface Condition {
  /** The revision that the key must have; 0: it must not be there; null: any. */
  readonly expected: number | null;
  /** A lock, and the token under which it must still be held; null: none. */
  readonly fence: { readonly key: string; readonly token: number } | null;
}

export type KvCommand =
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: Uint8Array;
      /** The lease with which the key goes; 0: none. */
      readonly lease: number;
      readonly condition: Condition;
    }
  /** A put that leaves the key with the lease that it goes with, if any. */
  | {
      readonly kind: "set";
      readonly key: string;
      readonly value: Uint8Array;
      readonly condition: Condition;
    }
  | { readonly kind: "delete"; readonly key: string; readonly condition: Condition }
  | { readonly kind: "grant"; readonly ttlMs: number }
  | { readonly kind: "keepAlive"; readonly lease: number }
  | { readonly kind: "revoke"; readonly lease: number }
  /** Nothing but log time. */
  | { readonly kind: "tick" };

/**
 * What a command came to. `number`, where it is `ok`: of a put or a set the new revision, of a
 * delete the one that was deleted, or 0; of a grant the lease; of the rest how long or how many.
 * With a `conflict` the revision that was found, or 0; with `fenced` the token that holds the lock,
 * or 0.
 */
export interface KvResult {
  readonly status: "ok" | "conflict" | "fenced" | "noLease" | "full";
  readonly number: number;
}

/** What every command, question and answer begins with: what it is for, and its version. */
const magic = Uint8Array.of(0x00, 0x6b, 0x76, 0x01);

const kindCodes: Readonly<Record<KvCommand["kind"], number>> = {
  put: 1,
  delete: 2,
  grant: 3,
  keepAlive: 4,
  revoke: 5,
  tick: 6,
  set: 7,
};
const statusCodes: Readonly<Record<KvResult["status"], number>> = {
  ok: 1,
  conflict: 2,
  fenced: 3,
  noLease: 4,
  full: 5,
};
/** Shared, so that a small record costs no buffer of its own. */
const writer = new ByteWriter();
const kinds = invert(kindCodes);
const statuses = invert(statusCodes);

export function beginKv(writer: ByteWriter): void {
  writer.begin();
  writer.copy(magic);
}

/** @throws {DecodeError} when it is not the map's. */
export function readMagic(reader: ByteReader): void {
  for (const byte of magic) if (reader.byte() !== byte) reader.refuse("something of a map");
}

export function encodeCommand(command: KvCommand): Uint8Array {
  beginKv(writer);
  writer.byte(kindCodes[command.kind]);
  writeFields(command);
  return writer.take();
}

function writeFields(command: KvCommand): void {
  switch (command.kind) {
    case "put":
      writer.text(command.key);
      writer.chunk(command.value);
      writer.whole(command.lease);
      return writeCondition(command.condition);
    case "set":
      writer.text(command.key);
      writer.chunk(command.value);
      return writeCondition(command.condition);
    case "delete":
      writer.text(command.key);
      return writeCondition(command.condition);
    case "grant":
      return writer.whole(command.ttlMs);
    case "keepAlive":
    case "revoke":
      return writer.whole(command.lease);
    case "tick":
      return;
    default:
      return unreachable(command);
  }
}

/** Null when it is no command of the map. */
export function decodeCommand(bytes: Uint8Array): KvCommand | null {
  if (bytes.length <= magic.length || bytes[0] !== magic[0]) return null;
  try {
    const reader = new ByteReader(bytes);
    readMagic(reader);
    const kind = kinds.get(reader.byte()) ?? reader.refuse("a known command");
    const command = readFields(reader, kind);
    reader.end();
    return command;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function readFields(reader: ByteReader, kind: KvCommand["kind"]): KvCommand {
  switch (kind) {
    case "put": {
      const key = readKey(reader);
      const value = reader.chunk(kvLimits.valueBytesMax);
      return { kind, key, value, lease: reader.whole(), condition: readCondition(reader) };
    }
    case "set": {
      const key = readKey(reader);
      const value = reader.chunk(kvLimits.valueBytesMax);
      return { kind, key, value, condition: readCondition(reader) };
    }
    case "delete":
      return { kind, key: readKey(reader), condition: readCondition(reader) };
    case "grant":
      return { kind, ttlMs: reader.whole(kvLimits.ttlMsMin, kvLimits.ttlMsMax) };
    case "keepAlive":
    case "revoke":
      return { kind, lease: reader.whole() };
    case "tick":
      return { kind };
    default:
      return unreachable(kind);
  }
}

function readKey(reader: ByteReader): string {
  const key = reader.text(kvLimits.keyBytesMax);
  return key === "" ? reader.refuse("a key") : key;
}

function writeCondition({ expected, fence }: Condition): void {
  writer.flag(expected !== null);
  if (expected !== null) writer.whole(expected);
  writer.flag(fence !== null);
  if (fence === null) return;
  writer.text(fence.key);
  writer.whole(fence.token);
}

function readCondition(reader: ByteReader): Condition {
  const expected = reader.flag() ? reader.whole() : null;
  const fence = reader.flag() ? { key: readKey(reader), token: reader.whole() } : null;
  return { expected, fence };
}

export function encodeResult({ status, number }: KvResult): Uint8Array {
  beginKv(writer);
  writer.byte(statusCodes[status]);
  writer.whole(number);
  return writer.take();
}

/** @throws {DecodeError} when it is none. */
export function decodeResult(bytes: Uint8Array): KvResult {
  const reader = new ByteReader(bytes);
  readMagic(reader);
  const status = statuses.get(reader.byte()) ?? reader.refuse("a known status");
  const number = reader.whole();
  reader.end();
  return { status, number };
}

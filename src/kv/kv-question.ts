/** What the key–value map is asked without the log, and what it answers. */
import { unreachable } from "../../consensus/index.ts";
import { invert } from "../codec/bytes.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { beginKv, readMagic } from "./kv-command.ts";
import { kvLimits } from "./kv-limits.ts";

/** What the map holds under a key. */
export interface KvRecord {
  readonly key: string;
  readonly value: Uint8Array;
  /** The index of the entry that wrote it last. */
  readonly revision: number;
  /** The index of the entry that made it: who made it under a lock has this for a token. */
  readonly created: number;
  /** The lease with which it goes; 0: none. */
  readonly lease: number;
}

/** One change of one key. */
export interface KvEvent {
  /** Dense, from 1, the same on every node; `watch` goes on after it. */
  readonly number: number;
  readonly kind: "put" | "delete" | "expire";
  readonly key: string;
  /** What was put; empty for anything else. */
  readonly value: Uint8Array;
  /** The index of the entry that brought it about; several events may share it. */
  readonly revision: number;
}

/** Where a watch goes on: after an event, or with the first one of a revision or a later one. */
export type KvPlace = { readonly after: number } | { readonly from: number };

export type KvQuestion =
  | { readonly kind: "get"; readonly key: string }
  | {
      readonly kind: "list";
      readonly prefix: string;
      readonly after: string;
      readonly most: number;
    }
  | {
      readonly kind: "watch";
      /** A key, or what keys begin with. */
      readonly name: string;
      readonly isPrefix: boolean;
      readonly place: KvPlace;
    }
  | { readonly kind: "lease"; readonly lease: number };

export type KvAnswer =
  | { readonly kind: "record"; readonly record: KvRecord | null }
  | { readonly kind: "page"; readonly records: readonly KvRecord[]; readonly isMore: boolean }
  | {
      readonly kind: "events";
      readonly events: readonly KvEvent[];
      /** After which event to go on: nothing up to there is missing. */
      readonly after: number;
      readonly isMore: boolean;
    }
  /** The events wanted are gone; from this revision on all are there. */
  | { readonly kind: "compacted"; readonly revisionFirst: number }
  | {
      readonly kind: "lease";
      readonly ttlMs: number;
      readonly leftMs: number;
      readonly keys: number;
    }
  | { readonly kind: "noLease" };

const questionCodes: Readonly<Record<KvQuestion["kind"], number>> = {
  get: 1,
  list: 2,
  watch: 3,
  lease: 4,
};
const answerCodes: Readonly<Record<KvAnswer["kind"], number>> = {
  record: 1,
  page: 2,
  events: 3,
  compacted: 4,
  lease: 5,
  noLease: 6,
};
const eventCodes: Readonly<Record<KvEvent["kind"], number>> = { put: 1, delete: 2, expire: 3 };
/** Shared, so that a small record costs no buffer of its own. */
const writer = new ByteWriter();
const questions = invert(questionCodes);
const answers = invert(answerCodes);
const eventKinds = invert(eventCodes);
const recordBytesMin = 5;
const eventBytesMin = 5;

export function encodeQuestion(question: KvQuestion): Uint8Array {
  beginKv(writer);
  writer.byte(questionCodes[question.kind]);
  switch (question.kind) {
    case "get":
      writer.text(question.key);
      break;
    case "list":
      writer.text(question.prefix);
      writer.text(question.after);
      writer.whole(question.most);
      break;
    case "watch":
      writer.text(question.name);
      writer.flag(question.isPrefix);
      writer.flag("after" in question.place);
      writer.whole("after" in question.place ? question.place.after : question.place.from);
      break;
    case "lease":
      writer.whole(question.lease);
      break;
    default:
      return unreachable(question);
  }
  return writer.take();
}

/** @throws {DecodeError} when it is none. */
export function decodeQuestion(bytes: Uint8Array): KvQuestion {
  const reader = new ByteReader(bytes);
  readMagic(reader);
  const kind = questions.get(reader.byte()) ?? reader.refuse("a known question");
  const question = readQuestion(reader, kind);
  reader.end();
  return question;
}

function readQuestion(reader: ByteReader, kind: KvQuestion["kind"]): KvQuestion {
  const { keyBytesMax, pageMax } = kvLimits;
  switch (kind) {
    case "get":
      return { kind, key: reader.text(keyBytesMax) };
    case "list": {
      const prefix = reader.text(keyBytesMax);
      return { kind, prefix, after: reader.text(keyBytesMax), most: reader.whole(1, pageMax) };
    }
    case "watch": {
      const name = reader.text(keyBytesMax);
      const isPrefix = reader.flag();
      const isAfter = reader.flag();
      const at = reader.whole();
      return { kind, name, isPrefix, place: isAfter ? { after: at } : { from: at } };
    }
    case "lease":
      return { kind, lease: reader.whole() };
    default:
      return unreachable(kind);
  }
}

export function encodeAnswer(answer: KvAnswer): Uint8Array {
  beginKv(writer);
  writer.byte(answerCodes[answer.kind]);
  writeAnswer(answer);
  return writer.take();
}

function writeAnswer(answer: KvAnswer): void {
  switch (answer.kind) {
    case "record":
      writer.flag(answer.record !== null);
      if (answer.record !== null) writeRecord(writer, answer.record);
      return;
    case "page":
      writer.whole(answer.records.length);
      for (const record of answer.records) writeRecord(writer, record);
      return writer.flag(answer.isMore);
    case "events":
      writer.whole(answer.events.length);
      for (const event of answer.events) writeEvent(writer, event);
      writer.whole(answer.after);
      return writer.flag(answer.isMore);
    case "compacted":
      return writer.whole(answer.revisionFirst);
    case "lease":
      writer.whole(answer.ttlMs);
      writer.whole(answer.leftMs);
      return writer.whole(answer.keys);
    case "noLease":
      return;
    default:
      return unreachable(answer);
  }
}

/** @throws {DecodeError} when it is none. */
export function decodeAnswer(bytes: Uint8Array): KvAnswer {
  const reader = new ByteReader(bytes);
  readMagic(reader);
  const kind = answers.get(reader.byte()) ?? reader.refuse("a known answer");
  const answer = readAnswer(reader, kind);
  reader.end();
  return answer;
}

function readAnswer(reader: ByteReader, kind: KvAnswer["kind"]): KvAnswer {
  switch (kind) {
    case "record":
      return { kind, record: reader.flag() ? readRecord(reader) : null };
    case "page": {
      const count = reader.count(kvLimits.pageMax, recordBytesMin);
      const records = Array.from({ length: count }, () => readRecord(reader));
      return { kind, records, isMore: reader.flag() };
    }
    case "events": {
      const count = reader.count(kvLimits.pageMax, eventBytesMin);
      const events = Array.from({ length: count }, () => readEvent(reader));
      const after = reader.whole();
      return { kind, events, after, isMore: reader.flag() };
    }
    case "compacted":
      return { kind, revisionFirst: reader.whole() };
    case "lease": {
      const ttlMs = reader.whole();
      return { kind, ttlMs, leftMs: reader.whole(), keys: reader.whole() };
    }
    case "noLease":
      return { kind };
    default:
      return unreachable(kind);
  }
}

export function writeRecord(writer: ByteWriter, record: KvRecord): void {
  writer.text(record.key);
  writer.chunk(record.value);
  writer.whole(record.revision);
  writer.whole(record.created);
  writer.whole(record.lease);
}

export function readRecord(reader: ByteReader): KvRecord {
  const key = reader.text(kvLimits.keyBytesMax);
  const value = reader.chunk(kvLimits.valueBytesMax);
  const revision = reader.whole();
  const created = reader.whole();
  return { key, value, revision, created, lease: reader.whole() };
}

export function writeEvent(writer: ByteWriter, event: KvEvent): void {
  writer.whole(event.number);
  writer.byte(eventCodes[event.kind]);
  writer.text(event.key);
  writer.chunk(event.value);
  writer.whole(event.revision);
}

export function readEvent(reader: ByteReader): KvEvent {
  const number = reader.whole(1);
  const kind = eventKinds.get(reader.byte()) ?? reader.refuse("a known kind of event");
  const key = reader.text(kvLimits.keyBytesMax);
  const value = reader.chunk(kvLimits.valueBytesMax);
  return { number, kind, key, value, revision: reader.whole() };
}

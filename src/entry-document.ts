/** An entry as JSON, the same on the command line and over HTTP. */
import { isUtf8 } from "node:buffer";
import type { Entry } from "./api.ts";

/** Bytes that are not UTF-8 are `base64` in place of `text`. */
export function entryDocument(entry: Entry): Readonly<Record<string, number | string>> {
  const { index, slot, government, when, publisher, sequence, bytes } = entry;
  const head = { index, slot, government, when, publisher, sequence };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(bytes)
    ? { ...head, text: buffer.toString("utf8") }
    : { ...head, base64: buffer.toString("base64") };
}

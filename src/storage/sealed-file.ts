/**
 * Small files that are replaced whole: one line of kind, version, checksum and size, then JSON, so
 * that a person can read them. The checksum covers the whole file.
 */
import { hex8 } from "../codec/bytes.ts";
import { crc32 } from "../codec/crc32.ts";
import type { FileSystem } from "../world.ts";
import { damaged, newerVersion } from "./damage.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const linePattern = /^kibitzer ([a-z-]+) ([1-9]\d{0,5}) ([0-9a-f]{8}) ([1-9]\d{0,9})$/;
const lineBytesMax = 80;

/** Temporary files end in this; one that is left over was never in use. */
export const temporarySuffix = ".tmp";

/** @param bytesMin Bytes of the document at least: spaces make up for what it lacks. */
export function seal(
  kind: string,
  version: number,
  document: unknown,
  bytesMin: number = 0,
): Uint8Array {
  const text = `${JSON.stringify(document).padEnd(bytesMin)}\n`;
  const body = encoder.encode(text);
  const line = `kibitzer ${kind} ${version} ${sum(kind, version, body)} ${body.length}\n`;
  return encoder.encode(line + text);
}

/**
 * The document in `bytes`; `path` is for messages.
 * @throws {KibitzerError} `KBZ_DAMAGED`; `KBZ_VERSION` when it is whole but newer than `version`.
 */
export function unseal(path: string, kind: string, version: number, bytes: Uint8Array): unknown {
  const lineEnd = bytes.subarray(0, lineBytesMax).indexOf(0x0a);
  const match = linePattern.exec(String.fromCharCode(...bytes.subarray(0, Math.max(lineEnd, 0))));
  if (match === null || match[1] !== kind) {
    throw damaged(path, 0, `expected the first line of a kibitzer ${kind} file`);
  }
  const found = Number(match[2]);
  const body = bytes.subarray(lineEnd + 1);
  if (body.length !== Number(match[4])) {
    throw damaged(path, lineEnd + 1, `expected ${match[4]} bytes, found ${body.length}`);
  }
  if (sum(kind, found, body) !== match[3]) {
    throw damaged(path, lineEnd + 1, `expected checksum ${match[3]}, found another`);
  }
  if (found > version) throw newerVersion(path, found, version);
  return JSON.parse(decoder.decode(body));
}

/** The version that the first line of an intact file names. */
export function versionIn(bytes: Uint8Array): number {
  const line = String.fromCharCode(...bytes.subarray(0, lineBytesMax));
  return Number(line.split(" ")[2]);
}

function sum(kind: string, version: number, body: Uint8Array): string {
  return hex8(crc32(body, crc32(encoder.encode(`${kind} ${version}\n`))));
}

/** All bytes of a file, or null when there is none. */
export async function readWhole(files: FileSystem, path: string): Promise<Uint8Array | null> {
  if (!(await files.exists(path))) return null;
  const file = await files.open(path, "read");
  try {
    const bytes = new Uint8Array(await file.size());
    const count = await file.read(bytes, 0);
    return bytes.subarray(0, count);
  } finally {
    await file.close();
  }
}

/**
 * Writes a file anew where it stands; durable when this resolves. Not atomic: after a crash it may
 * be neither the old nor the new one, so another copy has to be whole at that time.
 */
export async function overwriteFile(
  files: FileSystem,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const file = await files.open(path, "write");
  try {
    await file.write([bytes], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** As `replaceFiles`, of one. */
export async function replaceFile(
  files: FileSystem,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  await replaceFiles(files, directory, [name], bytes);
}

/**
 * Replaces files whole, each atomically, all by the same bytes; durable when this resolves: all are
 * written beside and synced; then one after the other is renamed, and the directory synced. A
 * failure leaves of each the old one, or (after the renames began) either; none before the one that
 * is named first.
 */
export async function replaceFiles(
  files: FileSystem,
  directory: string,
  names: readonly string[],
  bytes: Uint8Array,
): Promise<void> {
  const written = await Promise.allSettled(
    names.map((name) => writeBeside(files, `${directory}/${name}`, bytes)),
  );
  for (const each of written) if (each.status === "rejected") throw each.reason;
  for (const name of names) {
    const path = `${directory}/${name}`;
    await files.rename(path + temporarySuffix, path);
    await files.syncDirectory(directory);
  }
}

async function writeBeside(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = path + temporarySuffix;
  if (await files.exists(temporary)) await files.remove(temporary);
  const file = await files.open(temporary, "create");
  try {
    await file.write([bytes], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

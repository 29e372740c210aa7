/**
 * `kibitz backup`: the log of a running cluster into a file, which is there whole or not at all;
 * and the check of such a file. Never stops or slows a node but by reading.
 */
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { dirname } from "node:path";
import { verifyBackup } from "../backup/backup-reading.ts";
import { isTruncated, type BackupSummary } from "../backup/backup-writing.ts";
import type { KibitzerClient } from "../client.ts";
import { CommandError } from "./command-error.ts";
import { connect } from "./connect.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { showParts, type PartsProgress } from "./parts-progress.ts";
import type { ClusterOptions } from "./options.ts";

export interface BackupCommandOptions extends ClusterOptions {
  readonly verify?: boolean;
  readonly force?: boolean;
}

/** @param file Where it goes; `-` for the standard output. */
export async function backup(
  file: string,
  options: BackupCommandOptions,
  output: Output,
): Promise<number> {
  if (options.verify === true) return await verify(file, options, output);
  if (file !== "-") await checkPlace(file, options.force === true);
  using interruption = watchInterruption();
  const { signal } = interruption;
  try {
    await using client = await connect(options, signal, output);
    using progress = showParts(process.stderr, "backed up");
    const summary =
      file === "-"
        ? await intoOutput(client, output, { signal, progress })
        : await intoFile(client, file, { signal, progress });
    progress.hide();
    tell(file, summary, options, output);
    return exitCodes.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    output.note(`Interrupted; ${file === "-" ? "what was written" : file} is no backup.`);
    return exitCodes.interrupted;
  }
}

/** Before anybody is asked. An older backup is not given up: it may be of another cluster. */
async function checkPlace(file: string, isForced: boolean): Promise<void> {
  if ((await kindOf(dirname(file))) !== "directory") {
    const message = `Wanted to write ${file}, but there is no directory ${dirname(file)}: make it.`;
    throw new CommandError(exitCodes.notFound, message);
  }
  const kind = await kindOf(file);
  if (kind === "directory") {
    const message = `Wanted to write ${file}, but it is a directory: name a file, as one in it.`;
    throw new CommandError(exitCodes.usage, message);
  }
  if (isForced || kind === null) return;
  const message = `Wanted to write ${file}, but it is there: choose another name, or --force.`;
  throw new CommandError(exitCodes.conflict, message);
}

async function kindOf(path: string): Promise<"directory" | "other" | null> {
  return await stat(path).then(
    (stats) => (stats.isDirectory() ? "directory" : "other"),
    () => null,
  );
}

/** How often a backup into a file is begun. */
const attemptsMax = 5;

interface Making {
  readonly signal: AbortSignal;
  readonly progress: PartsProgress;
}

type Chunks = AsyncGenerator<Uint8Array, BackupSummary, void>;

function chunksOf(client: KibitzerClient, { signal, progress }: Making): Chunks {
  return client.backup({
    signal,
    progress: ({ slot, slotLast }) => progress.show(slot, slotLast),
  });
}

async function intoOutput(
  client: KibitzerClient,
  output: Output,
  making: Making,
): Promise<BackupSummary> {
  return await each(chunksOf(client, making), async (chunk) => {
    output.data(chunk);
    await output.room();
  });
}

/** Beside the file first: whoever reads that sees the one before, or this one, whole. */
async function intoFile(
  client: KibitzerClient,
  file: string,
  making: Making,
): Promise<BackupSummary> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  let isDone = false;
  try {
    const summary = await untilWhole(async () => {
      await handle.truncate();
      let at = 0;
      return await each(chunksOf(client, making), async (chunk) => {
        await writeAll(handle, chunk, at);
        at += chunk.length;
      });
    });
    await handle.datasync();
    await rename(temporary, file);
    isDone = true;
    await syncDirectory(dirname(file));
    return summary;
  } finally {
    await handle.close();
    if (!isDone) await rm(temporary, { force: true });
  }
}

/** A log may be removed faster than it is read, or who gives its snapshot be lost; seldom twice. */
async function untilWhole(attempt: () => Promise<BackupSummary>): Promise<BackupSummary> {
  for (let left = attemptsMax - 1; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      const isWorthIt = isTruncated(error) && error.retryable;
      if (!isWorthIt || left === 0) throw error;
    }
  }
}

/** The system may take less than all at once. */
async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, at, null, position + at);
    at += bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function each(
  chunks: Chunks,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<BackupSummary> {
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return next.value;
    await take(next.value);
  }
}

async function verify(
  file: string,
  options: BackupCommandOptions,
  output: Output,
): Promise<number> {
  tell(file, await verifyBackup(openBackup(file)), options, output);
  return exitCodes.ok;
}

/** @param file `-` for the standard input. */
export async function* openBackup(file: string): AsyncGenerator<Uint8Array, void, void> {
  if (file !== "-" && (await stat(file)).isDirectory()) {
    throw new CommandError(exitCodes.usage, `Wanted a backup, found the directory ${file}.`);
  }
  const stream = file === "-" ? process.stdin : createReadStream(file);
  for await (const chunk of stream) {
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

/** Where the backup itself goes to the standard output, this goes beside it. */
function tell(
  file: string,
  summary: BackupSummary,
  { json = false, verify: isVerified = false }: BackupCommandOptions,
  output: Output,
): void {
  const { republic, slotFirst, slot, indexFirst, index, hash, bytes } = summary;
  const from = slotFirst === 1 ? "" : ` after a snapshot of all before slot ${slotFirst}`;
  const text = json
    ? JSON.stringify({ file, ...summary })
    : `${isVerified ? "intact     " : "backed up  "}${republic.name} (${republic.identity}): ` +
      `${rangeOf("entries", indexFirst, index)}, ${rangeOf("slots", slotFirst, slot)}${from}, ` +
      `hash ${hash}, ${bytes} bytes`;
  if (file === "-" && !isVerified) output.note(text);
  else output.line(text);
}

/** Nothing may have been decided since a snapshot. */
function rangeOf(what: string, first: number, last: number): string {
  return first > last ? `no ${what}` : `${what} ${first} to ${last}`;
}

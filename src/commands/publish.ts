/**
 * `kibitz publish`: entries from the command line, a file or the standard input. Streams, so that
 * memory stays bounded; when it stops early it says which entries are in, which are not, which are
 * unknown.
 */
import { open } from "node:fs/promises";
import { limits } from "../../consensus/index.ts";
import type { Log } from "../api.ts";
import { CommandError } from "./command-error.ts";
import { connect } from "./connect.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import { splitLines } from "../lines.ts";
import type { Output } from "./output.ts";
import { noProgress, showProgress, type ProgressLine } from "./progress-line.ts";
import { publishAll, type PipelineReport } from "./publish-pipeline.ts";
import { tellFailure } from "./publish-report.ts";
import type { ClusterOptions } from "./options.ts";

/** Enough under way to fill batches at any round trip; few enough to account for. */
const entriesInFlightMax = 4096;
const bytesInFlightMax = 16 * 1024 * 1024;

export interface PublishOptions extends ClusterOptions {
  readonly file?: string;
}

/** Where the entries come from. */
interface Source extends AsyncDisposable {
  readonly groups: AsyncIterable<readonly Uint8Array[]>;
  /** How many there are; null for the lines of a stream. */
  readonly total: number | null;
  readonly bytesTotal: number | null;
  /** Whether a person types them where progress would be drawn. */
  readonly isTyped: boolean;
}

export async function publish(
  texts: readonly string[],
  options: PublishOptions,
  output: Output,
): Promise<number> {
  using interruption = watchInterruption();
  // Who reads the indexes may have enough of them; what was given is published all the same.
  output.closed = (): void => undefined;
  await using source = await openSource(texts, options);
  await using client = await connect(options, interruption.signal, output).catch(
    (error: unknown) => {
      if (!interruption.signal.aborted) throw error;
      const message = "Interrupted before anything was submitted.";
      throw new CommandError(exitCodes.interrupted, message);
    },
  );
  const report = await publishSource(client, source, {
    options,
    output,
    signal: interruption.signal,
  });
  if (report.failure === null) return exitCodes.ok;
  const json = options.json === true;
  return tellFailure(report, report.failure, { json, output, total: source.total });
}

interface Publishing {
  readonly options: PublishOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
}

async function publishSource(
  log: Pick<Log, "publish">,
  source: Source,
  { options, output, signal }: Publishing,
): Promise<PipelineReport> {
  using progress = progressFor(source, output);
  output.writing = (): void => progress.hide();
  const report = await publishAll(log, source.groups, {
    timeoutMs: options.timeout,
    signal,
    entriesMax: entriesInFlightMax,
    bytesMax: bytesInFlightMax,
    accepted: (index, bytes) => {
      progress.advance(bytes + 1);
      if (options.json === true) output.json({ index });
      else output.line(String(index));
    },
    room: () => output.room(),
  });
  await output.flush();
  return report;
}

async function openSource(texts: readonly string[], options: PublishOptions): Promise<Source> {
  const { file } = options;
  if (file !== undefined && texts.length > 0) {
    throw new CommandError(exitCodes.usage, "Wanted either TEXT or --file, found both.");
  }
  if (file === "-") return standardInput();
  if (file !== undefined) return await fileSource(file);
  if (texts.length === 0) {
    throw new CommandError(
      exitCodes.usage,
      "Nothing to publish: give TEXT…, or --file FILE, or --file - for the standard input.",
    );
  }
  if (texts.includes("-")) {
    throw new CommandError(
      exitCodes.usage,
      'Found "-" among the entries; nothing was published. Use --file - to publish the lines of ' +
        "the standard input, a lone dash among them.",
    );
  }
  return textSource(texts);
}

function textSource(texts: readonly string[]): Source {
  const group = texts.map((text) => Buffer.from(text));
  const tooLarge = group.findIndex((bytes) => bytes.length > limits.entryBytesMax);
  if (tooLarge !== -1) {
    throw new CommandError(
      exitCodes.usage,
      `TEXT ${tooLarge + 1} has ${group[tooLarge]?.length} bytes; an entry has at most ` +
        `${limits.entryBytesMax}. Nothing was submitted.`,
    );
  }
  const groups = (async function* () {
    yield group;
  })();
  return {
    groups,
    total: group.length,
    bytesTotal: null,
    isTyped: false,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function standardInput(): Source {
  return {
    groups: splitLines(process.stdin, limits.entryBytesMax),
    total: null,
    bytesTotal: null,
    isTyped: process.stdin.isTTY,
    // It may be waiting for a line that never comes.
    [Symbol.asyncDispose]: async () => void process.stdin.destroy(),
  };
}

async function fileSource(path: string): Promise<Source> {
  const file = await open(path).catch((cause: unknown) => {
    throw new CommandError(exitCodeOf(cause), `Cannot read ${path}.`, { cause });
  });
  const stat = await file.stat();
  if (stat.isDirectory()) {
    await file.close();
    throw new CommandError(
      exitCodes.usage,
      `Wanted a file of which each line is an entry, found the directory ${path}.`,
    );
  }
  const stream = file.createReadStream({ highWaterMark: 256 * 1024 });
  return {
    groups: splitLines(stream, limits.entryBytesMax),
    total: null,
    bytesTotal: stat.isFile() ? stat.size : null,
    isTyped: false,
    [Symbol.asyncDispose]: async () => void stream.destroy(),
  };
}

/** Progress is for streams, and only where nobody types. */
export function progressFor(
  source: Pick<Source, "total" | "bytesTotal" | "isTyped">,
  output: Output,
): ProgressLine {
  const onTerminal = "isTTY" in output.stderr && output.stderr.isTTY === true;
  if (source.total !== null || source.isTyped || !onTerminal) return noProgress;
  return showProgress(output.stderr, source.bytesTotal);
}

/** `kibitz replay`: runs a recording again and says whether every outcome is the recorded one. */
import { replayRecording } from "../recording/replay.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { access } from "node:fs/promises";

export interface ReplayOptions {
  readonly until?: number;
  readonly json?: boolean;
}

export async function replay(
  path: string,
  options: ReplayOptions,
  output: Output,
): Promise<number> {
  await access(path).catch((cause: unknown) => {
    throw new CommandError(
      exitCodes.notFound,
      `Wanted a recording, a directory or a file, but there is none at ${path}.`,
      { cause },
    );
  });
  const result = await replayRecording(
    path,
    options.until === undefined ? {} : { until: options.until },
  );
  const { envelopes, hash, slot, complete } = result;
  if (options.json === true) {
    output.json({ envelopes, hash, slot, complete });
  } else {
    output.line(
      `${envelopes} envelopes replayed; each outcome is the recorded one.\n` +
        `state hash ${hash} at slot ${slot}`,
    );
    if (!complete) output.line("The recording ends in the midst of a frame: it was cut there.");
  }
  return exitCodes.ok;
}

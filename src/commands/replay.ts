/** `kibitz replay`: runs a recording again and says whether every outcome is the recorded one. */
import { resolve } from "node:path";
import { replayRecording } from "../recording/replay.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";

export interface ReplayOptions {
  readonly until?: number;
  readonly json?: boolean;
}

export async function replay(
  path: string,
  options: ReplayOptions,
  output: Output,
): Promise<number> {
  const result = await replayRecording(
    resolve(path),
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
    if (!complete) {
      output.line("The recording is not complete: it was cut off, or its node still runs.");
    }
  }
  return exitCodes.ok;
}

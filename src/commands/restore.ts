/** `kibitz restore`: a backup becomes the founder of a new republic, in a directory of its own. */
import { resolve } from "node:path";
import { pino } from "pino";
import { checkExposure } from "../access/exposure.ts";
import { restore as restoreDirectory } from "../refounding/restore.ts";
import { openBackup } from "./backup.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Output } from "./output.ts";

export interface RestoreCommandOptions {
  readonly data?: string;
  readonly id?: string;
  readonly listen?: readonly string[];
  readonly advertise?: string;
  readonly republic?: string;
  readonly allowInsecure?: boolean;
  readonly json?: boolean;
}

/** @param file The backup; `-` for the standard input. */
export async function restore(
  file: string,
  options: RestoreCommandOptions,
  output: Output,
): Promise<number> {
  const { data, id, listen, advertise, republic, json = false } = options;
  if (data === undefined || id === undefined || listen === undefined) {
    throw new CommandError(
      exitCodes.usage,
      "Wanted --data, --id and --listen: where the new republic's founder is to live, who it is, " +
        "and where the others reach it.",
    );
  }
  // A start of this directory listens there without being told so again.
  checkExposure(listen, { hasTokens: false, allowInsecure: options.allowInsecure === true });
  const directory = resolve(data);
  const report = await restoreDirectory({
    backup: openBackup(file),
    directory,
    id,
    listen,
    ...(advertise === undefined ? {} : { advertise }),
    ...(republic === undefined ? {} : { republic }),
  });
  const { before, republic: now, indexFirst, slot, index } = report;
  if (json) output.json({ directory, ...report });
  else {
    output.line(
      `restored  ${now.name} (${now.identity}) from ${before.name} (${before.identity}): ` +
        `entries ${indexFirst} to ${index} at their indexes, ` +
        (indexFirst === 1 ? `slots 1 to ${slot}` : `a snapshot before them, up to slot ${slot}`),
    );
    output.line(`Start it with kibitz start --data ${directory}; then others may join it.`);
  }
  await output.flush();
  const logger = pino({}, pino.destination({ fd: 2, sync: true }));
  logger.warn({ event: "restored", ...report }, "a republic was restored from a backup");
  return exitCodes.ok;
}

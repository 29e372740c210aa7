/**
 * `kibitz recover`: after the loss of a majority one survivor goes on alone. Without the flag it
 * changes nothing, and says what it would do. Never quiet about what may be lost.
 */
import { resolve } from "node:path";
import { pino } from "pino";
import { formatBallot } from "../../consensus/index.ts";
import { recover as recoverDirectory, type RecoveryReport } from "../refounding/recover.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { coloured, type Output } from "./output.ts";

export interface RecoverCommandOptions {
  readonly data?: string;
  readonly forceNewGovernment?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function recover(options: RecoverCommandOptions, output: Output): Promise<number> {
  const { data, dryRun = false, forceNewGovernment = false, json = false } = options;
  if (data === undefined) {
    throw new CommandError(exitCodes.usage, "Wanted --data with the survivor's data directory.");
  }
  const directory = resolve(data);
  const isForced = forceNewGovernment && !dryRun;
  const report = await recoverDirectory({ directory, forceNewGovernment: isForced });
  if (json) output.json({ directory, ...report });
  else for (const line of recoveryText(directory, report)) output.line(line);
  for (const warning of recoveryWarnings(report)) {
    output.note(coloured("red", warning, process.stderr));
  }
  if (isForced) {
    await output.flush();
    logLoudly(report, output);
  }
  return isForced || dryRun ? exitCodes.ok : exitCodes.notAllowed;
}

/** One line for whoever keeps logs. */
function logLoudly(report: RecoveryReport, output: Output): void {
  const { id, before, republic, length, undecided, ahead } = report;
  const logger = pino({}, { write: (line) => output.note(line.trimEnd()) });
  const fields = { event: "recovered", id, before, republic, length, undecided, ahead };
  logger.warn(fields, "a new government was forced: entries that only others held are lost");
}

/** What is known, for people; the two figures that survivors are compared by come first. */
export function recoveryText(directory: string, report: RecoveryReport): readonly string[] {
  const { id, before, accepted, length, decided, undecided, government, hadSeat } = report;
  const { index, indexFirst } = report;
  const undecidedText =
    undecided.slots === 0
      ? "nothing"
      : `${counted(undecided.slots, "slot")} with ${counted(undecided.entries, "entry")}, kept: ` +
        "they may have been acknowledged";
  return [
    `directory   ${directory}`,
    `node        ${id}${hadSeat ? "" : ", without a seat: it followed others, perhaps far behind"}`,
    `republic    ${before.name} (${before.identity}), government ${government.number} of ` +
      government.parliament.join(", "),
    `compare     accepted ${formatBallot(accepted)}, length ${length}`,
    `decided     index ${decided.index}, slot ${decided.slot}`,
    `after that  ${undecidedText}`,
    `entries     ${indexFirst} to ${index} are kept, at their indexes`,
    ...afterwards(directory, report),
  ];
}

function counted(count: number, noun: "slot" | "entry"): string {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun === "slot" ? "slots" : "entries"}`;
}

function afterwards(directory: string, { republic, aside }: RecoveryReport): readonly string[] {
  if (republic === null) {
    return [
      "Nothing was changed. Of several survivors take the one with the highest accepted ballot,",
      "and of those the one with the greatest length; the others join with empty directories.",
      `To go on with this one alone: kibitz recover --data ${directory} --force-new-government`,
    ];
  }
  return [
    `new         ${republic.name} (${republic.identity}), this node its only member`,
    `old files   ${aside ?? ""}`,
    `Start it with kibitz start --data ${directory}; the others join with empty directories.`,
  ];
}

/** What cannot be said too loudly. */
export function recoveryWarnings(report: RecoveryReport): readonly string[] {
  const { republic, ahead, before } = report;
  const lost = ahead.map(({ id, accepted, length }) => {
    return (
      `${id} was heard to hold the log up to slot ${length} in ballot ${formatBallot(accepted)}: ` +
      "this node does not have all of that. Recover from that one if any copy of it is left."
    );
  });
  const always =
    republic === null
      ? `Only force this when a majority of ${before.name} is lost for good. Entries that were ` +
        "acknowledged, but that this node never received, will be gone; and members that come " +
        "back will be refused, whatever they hold."
      : `${before.name} goes on under a new identity. What this node never received is lost, ` +
        "acknowledged or not. Never start one of its old members where users may reach it.";
  return [...lost, always];
}

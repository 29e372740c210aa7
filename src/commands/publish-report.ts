/** How `kibitz publish` tells what became of the entries when it stopped early. */
import { describeError } from "./describe-error.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { Interrupted } from "./interruption.ts";
import { LineTooLong } from "../lines.ts";
import type { Output } from "./output.ts";
import {
  AcknowledgementTimeout,
  type EntryRange,
  type PipelineReport,
} from "./publish-pipeline.ts";

export interface Telling {
  readonly json: boolean;
  readonly output: Output;
  /** How many entries were given; null for the lines of a stream. */
  readonly total: number | null;
}

/** Returns the exit code. */
export function tellFailure(report: PipelineReport, failure: Error, telling: Telling): number {
  const { output, total } = telling;
  const noun = total === null ? "line" : "entry";
  const exitCode = failureExitCode(report, failure);
  if (failure instanceof Interrupted) output.note("Interrupted.");
  else output.note(describeFailure(failure));
  output.note(`  accepted:      ${rangesText(report.accepted, noun)}`);
  output.note(`  not accepted:  ${rangesText(report.refused, noun)}`);
  output.note(`  unknown:       ${rangesText(report.unknown, noun)}`);
  output.note(`  not submitted: ${notSubmittedText(report.submitted, total)}`);
  if (report.unknown.length > 0) {
    output.note("  Unknown ones may yet be decided; publishing them again may double them.");
  }
  if (telling.json) {
    output.json({
      accepted: pairs(report.accepted),
      refused: pairs(report.refused),
      unknown: pairs(report.unknown),
      submitted: report.submitted,
      exitCode,
    });
  }
  return exitCode;
}

function describeFailure(failure: Error): string {
  if (failure instanceof LineTooLong) return `kibitz: ${failure.message}; it was not submitted.`;
  return describeError(failure);
}

function failureExitCode(report: PipelineReport, failure: Error): number {
  if (failure instanceof Interrupted) return exitCodes.interrupted;
  if (report.unknown.length > 0) return exitCodes.unknown;
  if (failure instanceof LineTooLong) return exitCodes.usage;
  if (failure instanceof AcknowledgementTimeout) return exitCodes.noQuorum;
  return exitCodeOf(failure);
}

function notSubmittedText(submitted: number, total: number | null): string {
  if (total === null) return submitted === 0 ? "every line" : `what follows line ${submitted}`;
  const rest = { first: submitted + 1, last: total };
  return rangesText(submitted < total ? [rest] : [], "entry");
}

function rangesText(ranges: readonly EntryRange[], noun: string): string {
  if (ranges.length === 0) return "none";
  const count = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const texts = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  return `${count} (${noun} ${texts.join(", ")})`;
}

function pairs(ranges: readonly EntryRange[]): readonly (readonly number[])[] {
  return ranges.map(({ first, last }) => [first, last]);
}

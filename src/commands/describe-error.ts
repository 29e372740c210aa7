/** Errors as people read them on stderr: what happened, its code, and what caused it. */
import { KibitzerError } from "../kibitzer-error.ts";
import { ConfigError } from "../settings/config-error.ts";
import { CommandError } from "./command-error.ts";
import { systemCodeOf } from "./exit-codes.ts";
import { coloured } from "./output.ts";

export function describeError(error: unknown): string {
  const head = coloured("red", "kibitz:", process.stderr);
  if (!(error instanceof Error)) return `${head} ${String(error)}`;
  const what = isForeseen(error) ? describeOne(error) : (error.stack ?? error.message);
  // What lies between mostly repeats in other words what was wanted.
  const first = firstCause(error);
  if (what.includes(first.message)) return `${head} ${what}`;
  return `${head} ${what}\n  because: ${describeOne(first)}`;
}

/** What failed before everything else, or the error itself. */
function firstCause(error: Error): Error {
  let first = error;
  while (first.cause instanceof Error) first = first.cause;
  return first;
}

function describeOne(error: Error): string {
  return error instanceof KibitzerError ? `${error.message} (${error.code})` : error.message;
}

/** Of an error that nobody foresaw, its place in the code is the best there is to say. */
function isForeseen(error: Error): boolean {
  return (
    error instanceof KibitzerError ||
    error instanceof CommandError ||
    error instanceof ConfigError ||
    systemCodeOf(error) !== null ||
    error.name === "TimeoutError" ||
    error.name === "TransportError"
  );
}

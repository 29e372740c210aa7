/** Errors as people read them on stderr: what happened, its code, and what caused it. */
import { KibitzerError } from "../kibitzer-error.ts";
import { CommandError } from "./command-error.ts";
import { systemCodeOf } from "./exit-codes.ts";
import { coloured } from "./output.ts";

/** Causes shown after an error; a longer chain repeats itself. */
const causesMax = 3;

export function describeError(error: unknown): string {
  const head = coloured("red", "kibitz:", process.stderr);
  if (!(error instanceof Error)) return `${head} ${String(error)}`;
  const lines = [
    `${head} ${isForeseen(error) ? describeOne(error) : (error.stack ?? error.message)}`,
  ];
  let cause = error.cause;
  for (let depth = 0; depth < causesMax && cause instanceof Error; depth++) {
    const { message } = cause;
    // Wrapping often repeats the words of what it wraps.
    if (!lines.some((line) => line.includes(message)))
      lines.push(`  because: ${describeOne(cause)}`);
    cause = cause.cause;
  }
  return lines.join("\n");
}

function describeOne(error: Error): string {
  return error instanceof KibitzerError ? `${error.message} (${error.code})` : error.message;
}

/** Of an error that nobody foresaw, its place in the code is the best there is to say. */
function isForeseen(error: Error): boolean {
  return (
    error instanceof KibitzerError ||
    error instanceof CommandError ||
    systemCodeOf(error) !== null ||
    error.name === "TimeoutError" ||
    error.name === "TransportError"
  );
}

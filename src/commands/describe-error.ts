/** Errors as people read them on stderr: what happened, its code, and what caused it. */
import { KibitzerError } from "../kibitzer-error.ts";
import { CommandError } from "./command-error.ts";
import { systemCodeOf } from "./exit-codes.ts";
import { coloured } from "./output.ts";

/** Causes shown behind an error; a longer chain repeats itself. */
const causesMax = 3;

export function describeError(error: unknown): string {
  const head = coloured("red", "kibitz:", process.stderr);
  if (!(error instanceof Error)) return `${head} ${String(error)}`;
  const lines = [`${head} ${describeOne(error)}`];
  let cause = error.cause;
  for (let depth = 0; depth < causesMax && cause instanceof Error; depth++) {
    lines.push(`  because: ${describeOne(cause)}`);
    cause = cause.cause;
  }
  return lines.join("\n");
}

function describeOne(error: Error): string {
  if (error instanceof KibitzerError) return `${error.message} (${error.code})`;
  if (error instanceof CommandError || systemCodeOf(error) !== null) return error.message;
  if (error.name === "TimeoutError" || error.name === "TransportError") return error.message;
  // Nobody foresaw this one: its place in the code is the best there is to say.
  return error.stack ?? error.message;
}

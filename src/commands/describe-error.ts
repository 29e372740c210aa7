/** Errors as people read them on stderr: what happened, its code, and what caused it. */
import { KibitzerError } from "../kibitzer-error.ts";
import { ConfigError } from "../settings/config-error.ts";
import { CommandError } from "./command-error.ts";
import { systemCodeOf } from "./exit-codes.ts";
import { coloured } from "./output.ts";

export function describeError(error: unknown): string {
  return `${coloured("red", "kibitz:", process.stderr)} ${errorText(error)}`;
}

/** The same where it stands among other things, as in a document. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const what = isForeseen(error) ? describeOne(error) : (error.stack ?? error.message);
  // What lies between mostly repeats in other words what was wanted.
  const first = firstCause(error);
  if (what.includes(first.message) || first === error) return what;
  return `${what}\n  because: ${describeOne(first)}`;
}

/** What failed before everything else, or the error itself. */
function firstCause(error: Error): Error {
  let first = error;
  while (first.cause instanceof Error) first = first.cause;
  return first;
}

function describeOne(error: Error): string {
  if (error instanceof KibitzerError) return `${error.message} (${error.code})`;
  const code = systemCodeOf(error);
  const path = "path" in error && typeof error.path === "string" ? error.path : null;
  const text = code === null || path === null ? null : systemText(code, path);
  return text === null ? error.message : `${text} (${code})`;
}

/** What the system says most often of a path, in a sentence; null where its own words must do. */
function systemText(code: string, path: string): string | null {
  switch (code) {
    case "ENOENT":
      return `There is no ${path}: check the path.`;
    case "EACCES":
    case "EPERM":
      return `This user may not do that with ${path}: check its owner and mode.`;
    default:
      return null;
  }
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

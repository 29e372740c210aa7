/** What the system says of a file that is to be read at the start, as an error of ours. */
import { KibitzerError } from "../kibitzer-error.ts";

export function fileError(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const code = "code" in error && error.code === "ENOENT" ? "KBZ_NOT_FOUND" : "KBZ_ARGUMENT";
  const found = `Wanted to read the ${what}, but ${error.message}.`;
  const message = `${found} Check the path and who may read it.`;
  return new KibitzerError(code, message, { retryable: false, outcome: "none", cause: error });
}

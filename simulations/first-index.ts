/** With what index a log begins, as an error says whose entry is gone. */
import { KibitzerError } from "../src/kibitzer-error.ts";

/** Null for any other error. */
export function firstIndexOf(error: unknown): number | null {
  if (!(error instanceof KibitzerError) || error.code !== "KBZ_TRUNCATED") return null;
  return Number(/begins with (\d+) now/.exec(error.message)?.[1]);
}

/** What a journal says when a write or a sync of it has failed. */
import { InvariantViolation } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";

export function writingFailed(directory: string, cause: unknown): KibitzerError {
  return new KibitzerError(
    cause instanceof InvariantViolation ? "KBZ_INVARIANT" : "KBZ_JOURNAL_FAILED",
    `Writing the journal in ${directory} failed: ${String(cause)}. The node stops and tells ` +
      "nobody that they are durable. Check the disk, then start it again.",
    { retryable: false, outcome: "unknown", cause },
  );
}

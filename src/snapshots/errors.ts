/** What ends a node over its snapshots, or keeps a state machine from it. */
import { InvariantViolation, type Slot } from "../../consensus/index.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import { KibitzerError } from "../kibitzer-error.ts";

/** A failure of the disk is as final as one of the journal. */
export function snapshotFailure(error: unknown, directory: string): KibitzerError {
  if (error instanceof KibitzerError || error instanceof InvariantViolation)
    return asKibitzerError(error);
  return new KibitzerError(
    "KBZ_JOURNAL_FAILED",
    `Writing a snapshot in ${directory} failed: ${String(error)}. The node stops. Check the ` +
      "disk, then start it again.",
    { retryable: false, outcome: "unknown", cause: error },
  );
}

export function stateGone(name: string, first: Slot): KibitzerError {
  return new KibitzerError(
    "KBZ_TRUNCATED",
    `No snapshot holds the state of "${name}", and the log begins with slot ${first}: it cannot ` +
      "be made again. Attach it before entries are removed, or restore a backup that holds it.",
    { retryable: false, outcome: "none" },
  );
}

/** What a call of a node that is closed is told. */
import { KibitzerError } from "../kibitzer-error.ts";

export function closedError(): KibitzerError {
  return new KibitzerError("KBZ_CLOSED", "This node is closed. Open it again to go on.", {
    retryable: false,
    outcome: "none",
  });
}

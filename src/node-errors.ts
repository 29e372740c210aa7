/** Errors of the node's own calls, each saying what was wanted, what was found and what to do. */
import { KibitzerError } from "./kibitzer-error.ts";

export function closedError(): KibitzerError {
  return new KibitzerError("KBZ_CLOSED", "This node is closed. Open it again to go on.", {
    retryable: false,
    outcome: "none",
  });
}

/** @throws {KibitzerError} `KBZ_ARGUMENT` unless `from … to` is a range of indexes. */
export function checkRange(from: number, to: number): void {
  const isRange =
    Number.isSafeInteger(from) && from >= 1 && (to === Infinity || Number.isSafeInteger(to));
  if (isRange) return;
  throw new KibitzerError(
    "KBZ_ARGUMENT",
    `Wanted indexes, whole numbers from 1, found from ${from} to ${to}.`,
    { retryable: false, outcome: "none" },
  );
}

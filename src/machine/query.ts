/** A question to a state machine as a request, its options checked. */
import type { QueryOptions } from "../api.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { QueryRequest } from "../requests.ts";
import { questionTooLarge } from "./machine-errors.ts";
import { machineLimits } from "./machine-limits.ts";

/** @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_TOO_LARGE`. */
export function queryOf(question: Uint8Array, options: QueryOptions): QueryRequest {
  const {
    stale = false,
    index = 0,
    waitMs = index > 0 ? machineLimits.questionWaitMsMax : 0,
  } = options;
  const { questionBytesMax } = machineLimits;
  if (!(question instanceof Uint8Array)) throw wrong("a question of bytes", typeof question);
  if (question.length > questionBytesMax) {
    throw questionTooLarge(question.length, questionBytesMax);
  }
  if (!Number.isSafeInteger(index) || index < 0) throw wrong("an index from 0", String(index));
  if (!Number.isSafeInteger(waitMs) || waitMs < 0) throw wrong("waitMs from 0", String(waitMs));
  return { method: "query", question, isStale: stale, index, waitMs };
}

function wrong(wanted: string, found: string): KibitzerError {
  return new KibitzerError("KBZ_ARGUMENT", `Wanted ${wanted}, found ${found}.`, {
    retryable: false,
    outcome: "none",
  });
}

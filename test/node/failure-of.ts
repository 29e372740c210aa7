/** What a promise is rejected with, held against what is expected of it. */
import assert from "node:assert/strict";
import { KibitzerError } from "../../src/kibitzer-error.ts";

export async function failureOf(
  promise: Promise<unknown>,
  expected: Partial<Pick<KibitzerError, "code" | "outcome" | "retryable">>,
): Promise<KibitzerError> {
  const error: unknown = await promise.then(
    () => assert.fail("it should have been rejected"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KibitzerError, String(error));
  const { code, outcome, retryable } = error;
  assert.deepEqual({ code, outcome, retryable, ...expected }, { code, outcome, retryable });
  return error;
}

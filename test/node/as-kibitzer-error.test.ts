/** Errors of the parts below are told to users by what they mean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantViolation } from "../../consensus/index.ts";
import { asKibitzerError } from "../../src/as-kibitzer-error.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { TransportError } from "../../transport/index.ts";

test("a broken invariant is a bug of ours, and not the disk's", () => {
  const cause = new InvariantViolation("only slots of the journal are read");
  const error = asKibitzerError(cause);
  assert.equal(error.code, "KBZ_INVARIANT");
  assert.match(error.message, /only slots of the journal are read/);
  assert.equal(error.cause, cause);
});

test("what the system refuses is a failure of the journal", () => {
  const error = asKibitzerError(new Error("EIO: i/o error, write"));
  assert.equal(error.code, "KBZ_JOURNAL_FAILED");
  assert.equal(error.outcome, "unknown");
});

test("what a connection did keeps its outcome, and a public error stays as it is", () => {
  const error = asKibitzerError(
    new TransportError("KBZ_TIMEOUT", "no answer", { outcome: "unknown", cause: "the system" }),
  );
  assert.equal(error.cause, "the system");
  assert.deepEqual([error.code, error.outcome], ["KBZ_UNREACHABLE", "unknown"]);
  const known = new KibitzerError("KBZ_BUSY", "later", { retryable: true, outcome: "none" });
  assert.equal(asKibitzerError(known), known);
});

test("what another node has closed is not closed here, and asked for again", () => {
  const failure = { code: "KBZ_CLOSED", message: "its way to the leader was closed" };
  const remote = { ...failure, outcome: "unknown", retryable: false } as const;
  const told = new TransportError("KBZ_REMOTE", failure.message, { outcome: "unknown", remote });
  const { code, outcome, retryable, message } = asKibitzerError(told);
  assert.deepEqual([code, outcome, retryable], ["KBZ_UNREACHABLE", "unknown", true]);
  assert.equal(message, failure.message);
  assert.equal(asKibitzerError(told).cause, undefined, "it would say the same again");
});

/** Exit codes are a promise to scripts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError } from "../../src/commands/command-error.ts";
import { exitCodeOf, exitCodes } from "../../src/commands/exit-codes.ts";
import { KibitzerError, type KibitzerErrorCode } from "../../src/kibitzer-error.ts";

const cases: readonly (readonly [KibitzerErrorCode, number])[] = [
  ["KBZ_ADDRESS", 5],
  ["KBZ_IN_USE", 5],
  ["KBZ_BOOTSTRAPPED", 5],
  ["KBZ_REPUBLIC", 5],
  ["KBZ_ID_TAKEN", 5],
  ["KBZ_DAMAGED", 8],
  ["KBZ_DIVERGED", 8],
  ["KBZ_MACHINE_DIVERGED", 8],
  ["KBZ_MACHINE", 1],
  ["KBZ_CONFLICT", 5],
  ["KBZ_NO_QUORUM", 3],
  ["KBZ_UNREACHABLE", 3],
  ["KBZ_NOT_FOUND", 4],
  ["KBZ_ARGUMENT", 2],
  ["KBZ_ENDPOINT", 2],
  ["KBZ_TOO_LARGE", 2],
  ["KBZ_EXILED", 6],
  ["KBZ_INVARIANT", 1],
];

for (const [code, exitCode] of cases) {
  test(`${code} ends with ${exitCode}`, () => {
    const error = new KibitzerError(code, "x", { retryable: false, outcome: "none" });
    assert.equal(exitCodeOf(error), exitCode);
  });
}

test("an unknown outcome goes before the code of a request, not of a stopped node", () => {
  const unknown = { retryable: true, outcome: "unknown" } as const;
  assert.equal(exitCodeOf(new KibitzerError("KBZ_NO_QUORUM", "x", unknown)), exitCodes.unknown);
  assert.equal(exitCodeOf(new KibitzerError("KBZ_ABORTED", "x", unknown)), exitCodes.unknown);
  assert.equal(exitCodeOf(new KibitzerError("KBZ_DIVERGED", "x", unknown)), exitCodes.integrity);
  assert.equal(exitCodeOf(new KibitzerError("KBZ_EXILED", "x", unknown)), exitCodes.notAllowed);
});

function systemRefusal(code: string): KibitzerError {
  const cause = Object.assign(new Error("x"), { code, syscall: "open" });
  const details = { retryable: false, outcome: "unknown", cause } as const;
  return new KibitzerError("KBZ_JOURNAL_FAILED", "x", details);
}

test("what the operating system refused to a node says which", () => {
  assert.equal(exitCodeOf(systemRefusal("EACCES")), exitCodes.notAllowed);
  assert.equal(exitCodeOf(systemRefusal("EROFS")), exitCodes.notAllowed);
  assert.equal(exitCodeOf(systemRefusal("ENOSPC")), exitCodes.failure);
});

test("other errors have theirs", () => {
  assert.equal(exitCodeOf(new CommandError(6, "x")), 6);
  const missing = Object.assign(new Error("x"), { code: "ENOENT", syscall: "open" });
  assert.equal(exitCodeOf(missing), exitCodes.notFound);
  assert.equal(exitCodeOf(new TypeError("x")), exitCodes.failure);
  assert.equal(exitCodeOf("x"), exitCodes.failure);
});

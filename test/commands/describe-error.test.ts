/** Errors on stderr: what happened, and what failed first where that says more. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { describeError } from "../../src/commands/describe-error.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";

const details = { retryable: true, outcome: "none" } as const;

function described(error: unknown): string {
  return stripVTControlCharacters(describeError(error));
}

test("only what failed first is told as the reason, and only where it is new", () => {
  const refused = new Error("connect ECONNREFUSED");
  const cause = new Error("Wanted an answer: wanted to connect: connect ECONNREFUSED", {
    cause: refused,
  });
  const plain = new KibitzerError("KBZ_UNREACHABLE", "nobody answered", { ...details, cause });
  assert.equal(
    described(plain),
    "kibitz: nobody answered (KBZ_UNREACHABLE)\n  because: connect ECONNREFUSED",
  );
  const whole = "nobody answered: connect ECONNREFUSED";
  const repeated = new KibitzerError("KBZ_UNREACHABLE", whole, { ...details, cause });
  assert.equal(described(repeated), `kibitz: ${whole} (KBZ_UNREACHABLE)`);
});

test("what nobody foresaw comes with its place in the code", () => {
  assert.match(described(new TypeError("x is not a function")), /describe-error\.test\.ts:\d+/);
  assert.equal(described("thrown text"), "kibitz: thrown text");
});

test("a file that is not there is told in a sentence", () => {
  let error: unknown = null;
  try {
    statSync("/not/there");
  } catch (found) {
    error = found;
  }
  assert.equal(described(error), "kibitz: There is no /not/there: check the path. (ENOENT)");
});

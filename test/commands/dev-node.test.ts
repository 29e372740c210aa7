/** What `kibitz dev` says of a node that ended. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exitText } from "../../src/commands/dev-node.ts";

test("a node is said to be revived by a start only where a start revives it", () => {
  const revive = "; kibitz start --data d/b revives it";
  assert.equal(exitText({ code: null, signal: "SIGKILL" }, "--data d/b"), `SIGKILL${revive}`);
  assert.equal(exitText({ code: 0, signal: null }, "--data d/b"), `code 0${revive}`);
  assert.equal(exitText({ code: 1, signal: null }, "--data d/b"), `code 1${revive}`);
  for (const code of [2, 5, 6, 8]) {
    assert.match(
      exitText({ code, signal: null }, "--data d/b"),
      /^code \d; its error above says why/,
    );
  }
});

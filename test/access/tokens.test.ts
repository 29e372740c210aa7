/** The file of tokens: what it may hold, what finds one, and that errors tell no secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hashOf, Tokens, tokensMax } from "../../src/access/tokens.ts";
import { needOf, withImplied } from "../../src/access/roles.ts";

const hex = (token: string): string => hashOf(token).toString("hex");

test("a token is found by its hash, with its roles and what they imply", () => {
  const text = `# who\n\nci publish,read ${hex("one")}\n  ops  operate  ${hex("two")}\n`;
  const tokens = Tokens.parse(`${text}b peer ${hex("three").toUpperCase()}\r\n`, "tokens");
  assert.deepEqual(tokens.find(hashOf("one")), {
    name: "ci",
    roles: new Set(["publish", "read"]),
    hash: hashOf("one"),
  });
  assert.deepEqual(tokens.find(hashOf("two"))?.roles, new Set(["operate", "read"]));
  assert.deepEqual(tokens.find(hashOf("three"))?.roles, withImplied(["peer"]));
  assert.equal(tokens.find(hashOf("four")), null);
});

test("any other text is refused by its line, and never repeated", () => {
  const wrong = [
    "secret-token",
    `ci read secret-token`,
    `ci write ${hex("secret-token")}`,
    `ci read ${hex("x")} secret-token`,
    `../ci read ${hex("x")}`,
  ];
  for (const line of wrong) {
    assert.throws(
      () => Tokens.parse(`# first\n${line}\n`, "tokens"),
      (error: Error) =>
        error.message.startsWith('tokens, line 2: wanted "NAME ROLE') &&
        !error.message.includes("secret-token"),
      line,
    );
  }
  const many = `ci read ${hex("x")}\n`.repeat(tokensMax + 1);
  assert.throws(() => Tokens.parse(many, "tokens"), /more than 1000 tokens/);
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        Tokens.parse(text, "tokens");
      } catch (error) {
        assert.equal(error instanceof Error && "code" in error && error.code, "KBZ_ARGUMENT");
      }
    }),
  );
});

test("a file without a token is refused, as one that is half written", () => {
  for (const text of ["", "\n", " \r\n\n", "# ours\n# theirs\n"]) {
    assert.throws(() => Tokens.parse(text, "tokens"), {
      code: "KBZ_ARGUMENT",
      message: /^tokens: wanted one "NAME ROLE.* at least, found none\.$/,
    });
  }
});

test("what changes the republic is an operator's, what keeps it going a peer's", () => {
  const request = { hops: 0, id: "a", cookie: "c", to: null } as const;
  assert.equal(needOf({ ...request, method: "exile" }), "operate");
  assert.equal(needOf({ ...request, method: "transfer" }), "operate");
  assert.equal(needOf({ method: "decrees", slotFirst: 1, slotLast: 2, bytesMax: 1 }), "operate");
  assert.equal(needOf({ method: "repair", slotFirst: 1, slotLast: 2 } as never), "peer");
  assert.equal(needOf({ method: "register", nonce: "n", hops: 0 }), "publish");
  assert.equal(needOf({ method: "entries", index: 1, bytesMax: 1, waitMs: 0 }), "read");
  assert.equal(needOf({ method: "report" }), "any");
});

/** What `kibitz start` refuses before it opens anything. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CommandError } from "../../src/commands/command-error.ts";
import { checkRepublic, checkStart, type StartOptions } from "../../src/commands/start-options.ts";

const usual = { record: true, logLevel: "info" } as const;

function refusal(call: () => unknown): CommandError {
  try {
    call();
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  return assert.fail("expected a refusal");
}

test("a first start needs a name, an address and a way in", (context) => {
  const data = join(tmpdir(), "kibitz-start-that-is-not-there");
  const bare = refusal(() => checkStart({ ...usual, data }));
  assert.equal(bare.exitCode, 2);
  assert.match(bare.message, /--id ID, --listen URL, --bootstrap NAME or --join URL/);
  const listen = ["ws://127.0.0.1:1"];
  const whole: StartOptions = { ...usual, data, id: "a", listen, bootstrap: "r" };
  assert.equal(checkStart(whole), data);
  const both = refusal(() => checkStart({ ...whole, join: listen }));
  assert.match(both.message, /found both/);
  assert.match(refusal(() => checkStart(usual)).message, /--data/);

  const used = mkdtempSync(join(tmpdir(), "kibitz-start-"));
  context.after(() => rmSync(used, { recursive: true, force: true }));
  writeFileSync(join(used, "node"), "");
  assert.equal(checkStart({ ...usual, data: used }), used);
  const file = refusal(() => checkStart({ ...usual, data: join(used, "node") }));
  assert.equal(file.exitCode, 2);
  assert.match(file.message, /found the file .*node\./);
});

test("others than this computer are let in only on demand", () => {
  const data = join(tmpdir(), "kibitz-start-that-is-not-there");
  const open = { ...usual, data, id: "a", bootstrap: "r", listen: ["ws://0.0.0.0:1"] };
  assert.throws(() => checkStart(open), { code: "KBZ_FORBIDDEN", message: /--allow-insecure/ });
  assert.equal(checkStart({ ...open, tokens: "tokens" }), data);
  assert.equal(checkStart({ ...open, listen: ["wss://0.0.0.0:1", "tls://0.0.0.0:2"] }), data);
  assert.equal(checkStart({ ...open, allowInsecure: true }), data);
});

test("a directory keeps its republic", () => {
  const there = { ...usual, data: "d" };
  assert.doesNotThrow(() => checkRepublic("r", there));
  assert.doesNotThrow(() => checkRepublic("r", { ...there, republic: "r" }));
  assert.equal(refusal(() => checkRepublic("r", { ...there, republic: "x" })).exitCode, 5);
  assert.equal(refusal(() => checkRepublic("r", { ...there, bootstrap: "r" })).exitCode, 5);
  assert.equal(refusal(() => checkRepublic("r", { ...there, join: ["ws://a:1"] })).exitCode, 5);
  assert.doesNotThrow(() => checkRepublic("r", { ...there, bootstrap: "r", ifNew: true }));
  assert.doesNotThrow(() => checkRepublic("r", { ...there, join: ["ws://a:1"], moved: true }));
});

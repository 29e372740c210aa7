/** A Node that is too old is told so in one line, before anything that needs a newer one loads. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nodeTooOld } from "../../src/commands/node-version.ts";

const root = join(import.meta.dirname, "../..");

test("the least version is the one that the package asks for", () => {
  const manifest = readFileSync(join(root, "package.json"), "utf8");
  const [, major, minor] = /"node": ">=(\d+)\.(\d+)"/.exec(manifest) ?? [];
  assert.equal(nodeTooOld(`v${major}.${minor}.0`), null);
  assert.equal(nodeTooOld(`v${Number(major) + 1}.0.0`), null);
  const before = `v${major}.${Number(minor) - 1}.0`;
  assert.ok(nodeTooOld(before)?.includes(`${major}.${minor} or later, found ${before}`));
  assert.notEqual(nodeTooOld("v20.20.2"), null);
});

test("the program says so, and loads nothing", () => {
  const pretend =
    'data:text/javascript,Object.defineProperty(process,"version",{value:"v20.20.2"});' +
    "Promise.withResolvers=undefined;";
  const args = ["--import", pretend, join(root, "src/cli.ts"), "status"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^kibitz: needs Node\.js 22\.18 or later, found v20\.20\.2\..*\n$/);
});

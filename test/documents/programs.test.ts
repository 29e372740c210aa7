/**
 * The programs of the documentation are run as they stand there, each in a directory of its own,
 * and print what their comments say. Only the package's name and the fixed port are replaced. Those
 * of README.md and simulations/README.md have tests of their own, which look at more.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { advice, codeBlocks, root } from "./code-blocks.ts";
import { programsOf } from "./programs.ts";

const run = promisify(execFile);
const elsewhere = ["README.md", "simulations/README.md"];

const replacements: readonly (readonly [string, string])[] = [
  ...[
    ["kibitzer/simulations", "simulations/index.ts"],
    ["kibitzer/kv", "src/kv/index.ts"],
    ["kibitzer", "src/index.ts"],
  ].map(([name = "", path = ""]): readonly [string, string] => [
    `"${name}"`,
    JSON.stringify(pathToFileURL(join(root, path)).href),
  ]),
  ["127.0.0.1:7700", "127.0.0.1:0"],
  ["seeds: 20", "seeds: 2, seconds: 1"],
];

async function printed(code: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-programs-"));
  try {
    let replaced = code;
    for (const [text, other] of replacements) replaced = replaced.replaceAll(text, other);
    writeFileSync(join(directory, "package.json"), `{ "type": "module" }\n`);
    writeFileSync(join(directory, "program.ts"), replaced);
    const options = { cwd: directory, timeout: 60_000 };
    return (await run(process.execPath, ["--no-warnings", "program.ts"], options)).stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const { page, name, code, prints, isRun } of programsOf(codeBlocks())) {
  if (!isRun || elsewhere.includes(page)) continue;
  test(`${name} prints what its comments say`, async () => {
    assert.notEqual(
      prints,
      "",
      `${page}: it prints nothing, so nobody sees what it does. ${advice}`,
    );
    assert.equal(await printed(code), prints);
  });
}

/** The examples of docs/kv.md and docs/state-machines.md are run as they stand there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const doors: readonly (readonly [string, string])[] = [
  ["kibitzer/simulations", "simulations/index.ts"],
  ["kibitzer/kv", "src/kv/index.ts"],
  ["kibitzer", "src/index.ts"],
];

/** What the page's blocks print, as one program. */
async function printed(page: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-examples-"));
  try {
    const text = readFileSync(join(root, "docs", page), "utf8");
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
    let code = blocks.join("\n").replace("7700", "0").replace("seeds: 20", "seeds: 2, seconds: 1");
    for (const [name, path] of doors) {
      code = code.replaceAll(`"${name}"`, JSON.stringify(pathToFileURL(join(root, path)).href));
    }
    writeFileSync(join(directory, "package.json"), `{ "type": "module" }\n`);
    writeFileSync(join(directory, "example.ts"), code);
    const options = { cwd: directory, timeout: 60_000 };
    const args = ["--no-warnings", join(directory, "example.ts")];
    return (await run(process.execPath, args, options)).stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("docs/state-machines.md: results, a question, and a rehearsal", async () => {
  assert.equal(await printed("state-machines.md"), "2 tree 2\n2\nno problem\n");
});

test("docs/kv.md: compare-and-set, and a write under a lock", async () => {
  const expected = "{ isSet: false, revision: 1 }\n{ isSet: true, revision: 3 }\nblue\n";
  assert.equal(await printed("kv.md"), expected);
});

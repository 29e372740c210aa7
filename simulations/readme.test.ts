/** The example of the README is run as it stands there; only the package's name is replaced. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const door = pathToFileURL(join(import.meta.dirname, "index.ts")).href;

test("somebody outside tests with the simulator, as the README says", async (context) => {
  const text = await readFile(join(import.meta.dirname, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, each = ""]) => each);
  const [code = "", ...others] = blocks;
  assert.ok(code.includes(`"kibitzer/simulations"`), "the README has an example");
  assert.deepEqual(others, [], "an example that is not run here");
  const directory = await mkdtemp(join(tmpdir(), "kibitz-simulations-readme-"));
  context.after(async () => await rm(directory, { recursive: true, force: true }));
  const path = join(directory, "example.mts");
  await writeFile(path, code.replace(`"kibitzer/simulations"`, JSON.stringify(door)));
  const told = await Promise.all([1, 2].map(async () => await run(process.execPath, [path])));
  const [first, second] = told.map(({ stdout }) => stdout);
  assert.match(first ?? "", /^a is ready at \d+ µs\n[^]*a is down\n$/);
  assert.equal(first, second, "the same seed, the same run");
});

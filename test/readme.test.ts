/**
 * The README's examples are run as they stand there, one after the other in one fresh directory.
 * Only the package's name and the fixed port are replaced.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { replayRecording } from "../src/index.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const door = pathToFileURL(join(root, "src/index.ts")).href;
const fixedEndpoint = `listen: ["ws://127.0.0.1:7700"]`;

let directory = "";

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "kibitz-readme-"));
  await writeFile(join(directory, "package.json"), `{ "type": "module" }\n`);
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** The blocks of code of one language in the README, in order. */
async function blocks(language: string): Promise<readonly string[]> {
  const text = await readFile(join(root, "README.md"), "utf8");
  const pattern = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(pattern)].map(([, code = ""]) => code);
}

/** Runs `code` as a program of its own; returns what it printed. */
async function runs(name: string, code: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(
    path,
    code
      .replaceAll(`"kibitzer"`, JSON.stringify(door))
      .replaceAll(fixedEndpoint, fixedEndpoint.replace("7700", "0")),
  );
  const options = { cwd: directory, timeout: 60_000 };
  const { stdout } = await run(process.execPath, ["--no-warnings", path], options);
  return stdout;
}

test("P21 the examples do what the README says", async (context) => {
  const [first, second, ...others] = await blocks("ts");
  assert.ok(first !== undefined && second !== undefined, "the README has two examples");
  assert.deepEqual(others, [], "an example that is not run here");
  assert.ok(first.includes(fixedEndpoint), "the port to be replaced is there");

  await context.test("publishing and reading, with node and client", async () => {
    assert.equal(await runs("first.ts", first), "1 hello\n2 world\n");
  });
  await context.test("the directory is all that the next start takes", async () => {
    const names = await readdir(join(directory, "data/a"));
    assert.ok(names.includes("journal") && names.includes("recording"), names.join(" "));
    assert.equal(await runs("second.ts", second), "1 hello\n2 world\n");
  });
  await context.test("both lives replay to the outcomes that were recorded", async () => {
    const result = await replayRecording(join(directory, "data/a"));
    assert.ok(result.envelopes > 0 && result.slot > 2, JSON.stringify(result));
    assert.equal(result.complete, true);
  });
});

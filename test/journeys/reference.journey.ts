/** `npm run docs` writes the reference: a page a door, with what the sources' comments say. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { root } from "../processes/child.ts";

const run = promisify(execFile);
const pages = join(root, "docs/reference/api");

const { exports }: { exports: Readonly<Record<string, unknown>> } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const doors = Object.keys(exports).filter((door) => !door.endsWith(".json"));

test("every door has its page in the reference, and no link is broken", async () => {
  // It ends with an error where a comment links to what is not there.
  await run("npm", ["run", "docs"], { cwd: root, timeout: 300_000 });
  for (const door of doors) {
    const page = readFileSync(join(pages, `kibitzer${door.slice(1)}.md`), "utf8");
    assert.ok(page.length > 500, door);
  }
  const node = readFileSync(join(pages, "kibitzer.md"), "utf8");
  assert.match(node, /### Kibitzer\n/);
  assert.match(node, /#+ bootstrap\(\)/);
  const client = readFileSync(join(pages, "kibitzer/client/client.md"), "utf8");
  assert.match(client, /#+ publishMany\(\)/);
});

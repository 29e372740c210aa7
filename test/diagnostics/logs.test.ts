/** The log as the sources write it against the page that lists its events. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

/** Each call of a logger in the sources, up to the end of its fields. */
function calls(): readonly { readonly path: string; readonly fields: string }[] {
  return globSync("src/**/*.ts", { cwd: root }).flatMap((path) => {
    const text = readFileSync(join(root, path), "utf8");
    const found = text.matchAll(/logger\s*\.(?:debug|info|warn|error|fatal)\(\s*([^)]*?)[,)]\s/gs);
    return [...found].map((match) => {
      return { path, fields: text.slice(match.index, match.index + 200) };
    });
  });
}

/** The events that a source names, also where it chooses between two. */
function namesIn(text: string): readonly string[] {
  const direct = [...text.matchAll(/\bevent: "([^"]+)"/g)].map(([, name = ""]) => name);
  const chosen = [...text.matchAll(/\bevent = [^;]*? \? "(\w+)" : "(\w+)"/g)];
  return [...direct, ...chosen.flatMap(([, one = "", other = ""]) => [one, other])];
}

/** Not of the log: the JSON lines of commands, and an input's name. */
const others = new Set(["node", "ready", "exit", "listening", "waiting", "resubmit"]);

test("each line of the log has an event", () => {
  const found = calls();
  assert.ok(found.length > 30, "the log's lines were found");
  const without = found.filter(({ fields }) => !/^[^(]*\(\s*(\{\s*event\b|fields\b)/.test(fields));
  assert.deepEqual(without, []);
});

test("docs/logs.md lists the events that there are, and no other", () => {
  const page = readFileSync(join(root, "docs/logs.md"), "utf8");
  const listed = [...page.matchAll(/^\| `(\w+)` /gm)].map(([, name = ""]) => name);
  const sources = globSync("src/**/*.ts", { cwd: root });
  const named = sources.flatMap((path) => namesIn(readFileSync(join(root, path), "utf8")));
  const written = [...new Set(named)].filter((name) => !others.has(name));
  assert.deepEqual(listed.toSorted(), written.toSorted());
});

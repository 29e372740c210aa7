/**
 * What the doors of the client load: in a browser nothing but modules of this package, by relative
 * paths; in Node.js no package but `ws`. The types of both are the work of browser/tsconfig.json.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import * as browser from "../../src/client-browser.ts";
import * as node from "../../src/client.ts";

const root = join(import.meta.dirname, "../..");
/** Those that stay when types are gone, and those that run later. */
const imports =
  /^(?:import|export)\b(?!\s+type\b)(?:[^;"]*?\bfrom)?\s*"([^"]+)"|\bimport\(\s*([^)]*)\)/gm;

interface Graph {
  readonly modules: ReadonlySet<string>;
  /** What is imported that is no file, and by whom. */
  readonly others: readonly string[];
}

/** Everything that importing `entry` loads, at once or later. */
function graphOf(entry: string): Graph {
  const modules = new Set([resolve(root, entry)]);
  const others: string[] = [];
  for (const path of modules) {
    const code = readFileSync(path, "utf8");
    for (const [, name = "", expression] of code.matchAll(imports)) {
      if (expression === undefined && name.startsWith("."))
        modules.add(resolve(dirname(path), name));
      else others.push(`${name || expression} in ${relative(root, path)}`);
    }
  }
  return { modules, others };
}

test("the browser's door loads nothing from outside this package", () => {
  const { modules, others } = graphOf("src/client-browser.ts");
  assert.deepEqual(others, []);
  assert.ok(modules.has(resolve(root, "transport/browser-wire.ts")));
  assert.ok(modules.has(resolve(root, "consensus/islander.ts")));
});

test("the browser's door names nothing that only Node.js has, but where it asks first", () => {
  const only = /\b(?:Buffer|process|setImmediate|__dirname|require)\b(?=[.(\s;])/;
  const asking = ["src/codec/crc32.ts", "transport/platform.ts"];
  const places = [...graphOf("src/client-browser.ts").modules].filter((path) => {
    const code = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*|"[^"\n]*"/g, "");
    return only.test(code);
  });
  assert.deepEqual(places.map((path) => relative(root, path)).toSorted(), asking);
});

test("the door in Node.js loads no package but ws, and no disk", () => {
  const { modules, others } = graphOf("src/client.ts");
  const packages = others.filter((other) => !other.startsWith("node:"));
  assert.deepEqual(packages, [
    // Later, and only with certificates or a token.
    '"./access/credentials.ts" in src/client.ts',
    "ws in transport/websocket-transport.ts",
  ]);
  assert.deepEqual(
    [...modules].filter((path) => path.includes("/storage/")).map((path) => relative(root, path)),
    ["src/storage/space.ts"],
  );
});

test("both doors are alike", () => {
  assert.deepEqual(Object.keys(browser), Object.keys(node));
});

test("the browser's door refuses endpoints that no browser reaches", async () => {
  const { KibitzerClient } = browser;
  await assert.rejects(KibitzerClient.connect(["tcp://127.0.0.1:7700"]), { code: "KBZ_ENDPOINT" });
  await assert.rejects(KibitzerClient.connect(["gopher://x"]), { code: "KBZ_ENDPOINT" });
  await assert.rejects(KibitzerClient.connect([]), { code: "KBZ_ARGUMENT" });
});

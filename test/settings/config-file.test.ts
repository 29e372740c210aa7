/** Where a configuration file is looked for, and what is said of one that cannot be read. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exitCodeOf } from "../../src/commands/exit-codes.ts";
import { ConfigError } from "../../src/settings/config-error.ts";
import { findConfigFile, readConfigFile } from "../../src/settings/config-file.ts";
import { Scratch } from "./scratch.ts";

test("here goes before the user's own place; two in one place are refused", (context) => {
  const scratch = new Scratch(context);
  const here = join(scratch.path, "here");
  const find = (environment: NodeJS.ProcessEnv): string | null => findConfigFile(environment, here);
  assert.equal(find({}), null);
  assert.equal(find({ HOME: scratch.path }), null);
  const ofHome = scratch.write(".config/kibitzer/kibitzer.config.json", "{}");
  assert.equal(find({ HOME: scratch.path }), ofHome);
  const ofXdg = scratch.write("xdg/kibitzer/kibitzer.config.yaml", "");
  const both = { HOME: scratch.path, XDG_CONFIG_HOME: join(scratch.path, "xdg") };
  assert.equal(find(both), ofXdg);
  const nearest = scratch.write("here/kibitzer.config.yml", "");
  assert.equal(find(both), nearest);
  scratch.write("here/kibitzer.config.json", "{}");
  assert.throws(
    () => find(both),
    (error) => error instanceof ConfigError && /keep one of them/.test(error.message),
  );
});

test("YAML and JSON say the same, and tell lines", async (context) => {
  const scratch = new Scratch(context);
  const json = scratch.write("a.json", '{\n  "id": "a",\n  "listen": ["ws://a:1"]\n}');
  const yaml = scratch.write("a.yaml", "# A node.\nid: a\nlisten:\n  - ws://a:1\n");
  for (const path of [json, yaml]) {
    const file = await readConfigFile(path);
    assert.deepEqual(Object.fromEntries(file.values), { id: "a", listen: ["ws://a:1"] });
    assert.equal(await file.place("listen"), `${path}:3`);
    assert.equal(await file.place("nowhere"), path);
  }
  assert.deepEqual((await readConfigFile(scratch.write("b.yaml", "# Nothing.\n"))).values.size, 0);
});

test("what is no configuration file is refused by its name and line", async (context) => {
  const scratch = new Scratch(context);
  const deep = "[".repeat(20_000);
  const bomb = ["a: &a [x, x]", ..."bcdefghijklm".split("").map(bombed)].join("\n");
  const wrong: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["a.json", "[]", /one JSON object, found \[\]/],
    ["b.json", "{", /b\.json is not JSON/],
    ["c.json", new Uint8Array([0x7b, 0xff, 0x7d]), /UTF-8/],
    ["d.json", " ".repeat(2 ** 16 + 1), /at most 65536 bytes/],
    ["a.yaml", "id: a\nid: b\n", /a\.yaml:2 is not YAML: Map keys must be unique/],
    ["b.yaml", "id: [a\n", /b\.yaml:2 is not YAML: .*end with a \]\.$/],
    ["c.yaml", "- id\n", /"key: value" lines/],
    ["d.yaml", "id: a\n---\nid: b\n", /d\.yaml:2: wanted one document, found a second one/],
    ["e.yaml", `id: ${deep}`, /e\.yaml cannot be read: it is nested too deeply\.$/],
    ["h.yaml", "[".repeat(60_000), /h\.yaml cannot be read: it is nested too deeply\.$/],
    ["i.json", '{"id": "a",\n"\\u0069d": "b"}', /i\.json:2: wanted each key once/],
    ["k.json", `${"[".repeat(30_000)}${"]".repeat(30_000)}`, /one JSON object, found .*too deep/],
    ["j.json", '{"id": "a",\n"x": [{"y": 1,\n"y": 2}]}', /j\.json:3: wanted each key once/],
    ["f.yaml", bomb, /f\.yaml cannot be read/],
    ["g.yaml", "id: !!js/function x\n", /g\.yaml:1 is not YAML/],
  ];
  for (const [name, content, words] of wrong) {
    const path = scratch.write(name, content);
    await assert.rejects(
      readConfigFile(path),
      (error) =>
        error instanceof ConfigError && exitCodeOf(error) === 2 && words.test(error.message),
      name,
    );
  }
  const pipe = join(scratch.path, "pipe.yaml");
  execFileSync("mkfifo", [pipe]);
  await assert.rejects(
    readConfigFile(pipe),
    (error) => error instanceof ConfigError && /wanted a file, found a pipe/.test(error.message),
  );
  const missing = join(scratch.path, "missing.yaml");
  await assert.rejects(
    readConfigFile(missing),
    (error) => error instanceof ConfigError && exitCodeOf(error) === 4,
  );
  await assert.rejects(
    readConfigFile(tmpdir()),
    (error) => error instanceof ConfigError && exitCodeOf(error) === 2,
  );
});

/** Each is twelve times the one before it. */
function bombed(name: string, at: number): string {
  const before = "abcdefghijkl"[at];
  return `${name}: &${name} [${Array.from({ length: 12 }, () => `*${before}`).join(", ")}]`;
}

/** The settings of a node: one table for flags, environment, files, schema and documentation. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Command } from "commander";
import fc from "fast-check";
import { configure } from "../../src/configuration.ts";
import { CommandError } from "../../src/commands/command-error.ts";
import { addSettings, completeSettings } from "../../src/commands/setting-options.ts";
import { refuse } from "../../src/commands/start-examination.ts";
import { kibitzerOptions, type StartOptions } from "../../src/commands/start-options.ts";
import { jsonSchemaOf } from "../../src/settings/json-schema.ts";
import { nearest } from "../../src/nearest.ts";
import { nodeSettings } from "../../src/settings/node-settings.ts";
import { flagOf, variableOf, type Settings } from "../../src/settings/setting.ts";
import { textOf } from "../../src/settings/value-types.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { Scratch } from "./scratch.ts";

const root = join(import.meta.dirname, "../..");

async function configured(args: readonly string[]): Promise<Record<string, unknown>> {
  const command = addSettings(new Command("test").exitOverride(), nodeSettings);
  command.parse(args, { from: "user" });
  refuse((await completeSettings(command, nodeSettings, {})).problems);
  return command.opts();
}

test("flags go before the file, which goes before defaults", async (context) => {
  const scratch = new Scratch(context);
  const file = scratch.write(
    "a.yaml",
    "data: d\nlisten: [ws://a:1, ws://b:2]\nproperty: { zone: x, old: true }\n" +
      "retainBytes: 1GiB\nreplaceAfter: never\nrecord: false\ntimeout: 2s\n",
  );
  const found = await configured(["--config", file, "--timeout", "3s"]);
  assert.equal(found["data"], "d");
  assert.deepEqual(found["listen"], ["ws://a:1", "ws://b:2"]);
  assert.deepEqual(found["property"], { zone: "x", old: "true" });
  assert.equal(found["retainBytes"], 2 ** 30);
  assert.equal(found["replaceAfter"], null);
  assert.equal(found["record"], false);
  assert.equal(found["timeout"], 3000);
  assert.equal(found["logLevel"], "info");
});

test("all that is wrong in a file is told at once: key, place, wanted, found", async (context) => {
  const scratch = new Scratch(context);
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ["tiemout", "2s", /"tiemout": There is no such setting\. Did you mean "timeout"\?/],
    ["config", "x", /"config": There is no such setting/],
    ["timeout", "soon", /"timeout": Wanted a duration.*Found "soon"/],
    ["stallAfter", null, /"stallAfter": Wanted a text or a number. Found null/],
    ["logLevel", "loud", /"logLevel": Wanted one of trace,.*Found "loud"/],
    ["allowInsecure", "yes", /"allowInsecure": Wanted true or false. Found "yes"/],
    ["listen", [], /"listen": Wanted one at least/],
    ["join", ["http://a"], /"join": Wanted an endpoint/],
    ["data", "", /"data": Wanted a text/],
    ["parliamentSize", 4, /"parliamentSize": Wanted an odd number/],
    ["property", { zone: [] }, /"property": Wanted a text/],
    ["snapshotSlots", -1, /"snapshotSlots": Wanted a whole number/],
    ["retainBytes", "10 GB", /"retainBytes": Wanted a size.*Found "10 GB"/],
  ];
  const content = Object.fromEntries(wrong.map(([key, value]) => [key, value]));
  const file = JSON.stringify(content, null, 1);
  const path = scratch.write("a.json", file);
  const lineOf = (key: string): number => file.split(`"${key}"`)[0]?.split("\n").length ?? 0;
  const accepts = new Ajv2020({ strict: false }).compile(jsonSchemaOf(nodeSettings));
  await assert.rejects(configured(["--config", path]), (error) => {
    assert.ok(error instanceof CommandError && error.exitCode === 2);
    const [head, ...lines] = error.message.split("\n  ");
    assert.equal(head, `${wrong.length} settings are wrong:`);
    assert.equal(lines.length, wrong.length);
    for (const [at, [key, value, words]] of wrong.entries()) {
      assert.ok(lines[at]?.startsWith(`${path}:${lineOf(key)}: `), lines[at]);
      assert.match(lines[at] ?? "", words);
      if (key !== "join") assert.equal(accepts({ [key]: value }), false, key);
    }
    return true;
  });
});

test("the configuration file of docs/commands.md is one", async (context) => {
  const page = readFileSync(join(root, "docs/commands.md"), "utf8");
  const [, config = ""] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const path = new Scratch(context).write("a.yaml", config);
  const found = await configured(["--config", path]);
  assert.equal(found["bootstrap"], "my-republic");
  assert.equal(found["record"], false);
});

test("defaults are the library's; every default and written value is read back", () => {
  const command = addSettings(new Command("test"), nodeSettings).parse([], { from: "user" });
  const options = kibitzerOptions("data", command.opts<StartOptions>());
  const mine = configure(options, nodeWorld);
  const bare = configure({ directory: "data" }, nodeWorld);
  const { world: _, signal: __, ...rest } = mine;
  const { world: ___, signal: ____, ...expected } = bare;
  assert.deepEqual(rest, expected);

  const accepts = new Ajv2020({ strict: false }).compile(jsonSchemaOf(nodeSettings));
  const { retainAge, retainBytes } = nodeSettings;
  const whole = fc.integer({ min: 1, max: 2 ** 40 });
  fc.assert(
    fc.property(whole, (value) => {
      const written = { age: retainAge.type.write(value), bytes: retainBytes.type.write(value) };
      assert.equal(retainAge.type.parse(textOf(written.age)), value);
      assert.equal(retainBytes.type.parse(textOf(written.bytes)), value);
      assert.ok(accepts({ retainAge: written.age, retainBytes: written.bytes }));
    }),
  );
  for (const { default: usual, type } of Object.values<Settings[string]>(nodeSettings)) {
    if (usual === undefined || type.shape === "switch") continue;
    assert.deepEqual(type.parse(textOf(type.write(usual))), usual);
  }
});

test("a mistyped name is near to one that is known, or to none", () => {
  const known = Object.keys(nodeSettings);
  assert.equal(nearest("lisetn", known), "listen");
  assert.equal(nearest("RetainByte", known), "retainBytes");
  assert.equal(nearest("bootstarp", known), "bootstrap");
  assert.equal(nearest("quorum", known), null);
  assert.equal(nearest("", known), null);
});

test("docs/configuration.md lists every setting as it is", () => {
  const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const found = rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const described: Settings = nodeSettings;
  const wanted = Object.entries(described).map(([key, setting]) => {
    const { type, about, default: usual, otherwise } = setting;
    const none = otherwise ?? (type.shape === "switch" ? "`false`" : "");
    const value = usual === undefined ? none : `\`${textOf(type.write(usual))}\``;
    const names = [key, flagOf(key, setting), variableOf(key)].map((name) => `\`${name}\``);
    return [...names, type.name, value, about];
  });
  assert.deepEqual(found, wanted);
});

/** Flags go before the environment, the environment before the file, the file before defaults. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Command } from "commander";
import { CommandError } from "../../src/commands/command-error.ts";
import { parseDuration, parseEndpoints, parseProperty } from "../../src/commands/option-values.ts";
import { createProgram } from "../../src/commands/program.ts";
import {
  addClusterOptions,
  applyConfiguration,
  applyEnvironment,
  option,
} from "../../src/commands/settings.ts";
import { captureOutput } from "./captured-output.ts";

function command(args: readonly string[]): Command {
  return new Command("test")
    .exitOverride()
    .addOption(option("--data <dir>", "").default("from default"))
    .addOption(option("--wait <duration>", "").argParser(parseDuration))
    .addOption(option("--listen <url>", "").argParser(parseEndpoints))
    .addOption(option("--property <key=value>", "").argParser(parseProperty))
    .addOption(option("--log-level <level>", "").choices(["info", "warn"]))
    .addOption(option("--allow-insecure", ""))
    .addOption(option("--no-record", ""))
    .addOption(option("--config <file>", ""))
    .parse(args, { from: "user" });
}

function environment(context: TestContext, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    process.env[name] = value;
    context.after(() => delete process.env[name]);
  }
}

function file(context: TestContext, content: string): string {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-settings-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "kibitzer.config.json");
  writeFileSync(path, content);
  return path;
}

test("flag, environment, file, default", (context) => {
  const config = { data: "from file", wait: "2s" };
  const path = file(context, JSON.stringify(config));
  const dataFrom = (args: readonly string[]): unknown => {
    const parsed = command(args);
    applyConfiguration(parsed, path);
    return parsed.opts()["data"];
  };
  assert.equal(command([]).opts()["data"], "from default");
  assert.equal(dataFrom([]), "from file");
  environment(context, { KIBITZER_DATA: "from environment" });
  assert.equal(dataFrom([]), "from environment");
  assert.equal(dataFrom(["--data", "from flag"]), "from flag");
});

test("switches come from the environment and the file, too", (context) => {
  const parsed = command([]);
  applyEnvironment(parsed, { KIBITZER_ALLOW_INSECURE: "1", KIBITZER_RECORD: "false" });
  assert.equal(parsed.opts()["allowInsecure"], true);
  assert.equal(parsed.opts()["record"], false);
  applyConfiguration(parsed, file(context, '{"allowInsecure":false}'));
  assert.equal(parsed.opts()["allowInsecure"], true);

  const flagged = command(["--no-record"]);
  applyEnvironment(flagged, { KIBITZER_RECORD: "true" });
  assert.equal(flagged.opts()["record"], false);
  assert.throws(
    () => applyEnvironment(command([]), { KIBITZER_RECORD: "perhaps" }),
    (error) => error instanceof CommandError && /KIBITZER_RECORD/.test(error.message),
  );
});

test("the file's values are checked like flags", (context) => {
  const good = { wait: "2s", listen: ["ws://a:1", "ws://b:2"], property: { zone: "x" } };
  const parsed = command([]);
  applyConfiguration(parsed, file(context, JSON.stringify(good)));
  assert.deepEqual(parsed.opts()["listen"], ["ws://a:1", "ws://b:2"]);
  assert.deepEqual(parsed.opts()["property"], { zone: "x" });
  assert.equal(parsed.opts()["wait"], 2000);

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{"wiat":"2s"}', /no setting "wiat".*Known: .*wait/],
    ['{"config":"x"}', /no setting "config"/],
    ['{"wait":"soon"}', /"wait": Wanted a duration/],
    ['{"wait":null}', /"wait"/],
    ['{"logLevel":"loud"}', /"logLevel": Wanted one of info, warn/],
    ['{"allowInsecure":"yes"}', /"allowInsecure": Wanted true or false/],
    ["[]", /one JSON object/],
    ["{", /not JSON/],
  ];
  for (const [content, words] of wrong) {
    assert.throws(
      () => applyConfiguration(command([]), file(context, content)),
      (error) => error instanceof CommandError && error.exitCode === 2 && words.test(error.message),
      content,
    );
  }
  assert.throws(
    () => applyConfiguration(command([]), "/nonexistent/kibitzer.json"),
    (error) => error instanceof CommandError && error.exitCode === 4,
  );
  assert.throws(
    () => applyConfiguration(command([]), tmpdir()),
    (error) => error instanceof CommandError && error.exitCode === 2,
  );
});

test("the README's configuration file is one", (context) => {
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const [, config = ""] = /^```json\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const program = createProgram(captureOutput().output, () => undefined);
  const start = program.commands.find((command) => command.name() === "start");
  assert.ok(start !== undefined);
  applyConfiguration(start, file(context, config));
  assert.deepEqual(start.opts(), JSON.parse(config));
});

function parse(args: readonly string[]): unknown {
  return addClusterOptions(new Command("test")).parse(args, { from: "user" }).opts()["endpoints"];
}

test("endpoints given replace the default; repeating adds", () => {
  assert.deepEqual(parse([]), ["ws://127.0.0.1:7700"]);
  assert.deepEqual(parse(["--endpoints", "ws://a:1,ws://b:2", "--endpoints", "ws://c:3"]), [
    "ws://a:1",
    "ws://b:2",
    "ws://c:3",
  ]);
});

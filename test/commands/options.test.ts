/** Flags go before the environment, the environment before defaults, switches too. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Command } from "commander";
import { addClusterOptions, applyEnvironment, option } from "../../src/commands/options.ts";

function command(args: readonly string[]): Command {
  return new Command("test")
    .exitOverride()
    .addOption(option("--data <dir>", "").default("from default"))
    .addOption(option("--allow-insecure", ""))
    .addOption(option("--no-record", ""))
    .parse(args, { from: "user" });
}

function environment(context: TestContext, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    process.env[name] = value;
    context.after(() => delete process.env[name]);
  }
}

function dataFrom(args: readonly string[]): unknown {
  return command(args).opts()["data"];
}

test("flag, environment, default", (context) => {
  assert.equal(dataFrom([]), "from default");
  environment(context, { KIBITZER_DATA: "from environment" });
  assert.equal(dataFrom([]), "from environment");
  assert.equal(dataFrom(["--data", "from flag"]), "from flag");
});

test("switches come from the environment, too", () => {
  assert.match(command([]).helpInformation(), /--no-record +\(env: KIBITZER_RECORD\)/);
  const parsed = command([]);
  applyEnvironment(parsed, { KIBITZER_ALLOW_INSECURE: "1", KIBITZER_RECORD: "false" });
  assert.equal(parsed.opts()["allowInsecure"], true);
  assert.equal(parsed.opts()["record"], false);

  const flagged = command(["--no-record"]);
  applyEnvironment(flagged, { KIBITZER_RECORD: "true" });
  assert.equal(flagged.opts()["record"], false);
  const wrong = { KIBITZER_RECORD: "perhaps", KIBITZER_ALLOW_INSECURE: "maybe" };
  const places = applyEnvironment(command([]), wrong).map(({ place }) => place);
  assert.deepEqual(places, ["KIBITZER_ALLOW_INSECURE", "KIBITZER_RECORD"]);
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

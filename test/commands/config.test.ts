/** `kibitz config`: what is said of settings, and where each comes from. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { exitCodes } from "../../src/commands/exit-codes.ts";
import { createProgram } from "../../src/commands/program.ts";
import { problemText } from "../../src/settings/problem.ts";
import { strangersIn } from "../../src/settings/strange-variables.ts";
import { Scratch } from "../settings/scratch.ts";
import { captureOutput } from "./captured-output.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function config(...args: readonly string[]): Promise<Ended> {
  const captured = captureOutput();
  let code: number | null = null;
  const program = createProgram(captured.output, (ended) => {
    code = ended;
  });
  await program.parseAsync(["config", ...args], { from: "user" });
  return { code, stdout: await captured.stdout(), stderr: captured.stderr() };
}

function environment(context: TestContext, name: string, value: string): void {
  process.env[name] = value;
  context.after(() => delete process.env[name]);
}

test("show prints a configuration file, and where each value comes from", async (context) => {
  const scratch = new Scratch(context);
  const file = scratch.write("a.yaml", "data: d\nretainBytes: 1073741824\nlogLevel: warn\n");
  environment(context, "KIBITZER_LISTEN", "ws://127.0.0.1:1,ws://127.0.0.1:2");
  const args = ["show", "--config", file, "--log-level", "error"];
  const { code, stdout } = await config(...args, "--origin");
  assert.equal(code, exitCodes.ok);
  const lines = stdout.split("\n");
  assert.ok(lines.includes(`data: "d"  # ${file}:1`));
  assert.ok(lines.includes(`retainBytes: "1GiB"  # ${file}:2`));
  assert.ok(lines.includes('logLevel: "error"  # --log-level'));
  assert.ok(lines.includes('replaceAfter: "10m"  # default'));
  assert.ok(
    lines.includes('listen: ["ws://127.0.0.1:1","ws://127.0.0.1:2"]  # KIBITZER_LISTEN'),
    stdout,
  );

  const shown = (await config(...args)).stdout;
  const copy = scratch.write("b.yaml", shown);
  delete process.env["KIBITZER_LISTEN"];
  assert.equal((await config("show", "--config", copy)).stdout, shown);
  const told = JSON.parse((await config(...args, "--origin", "--json")).stdout);
  assert.deepEqual(told.data, { value: "d", origin: "file", place: `${file}:1` });
});

test("check tells what start would end by, and misspelt variables beside it", async (context) => {
  const scratch = new Scratch(context);
  const node = `{"data":"${scratch.path}/d","id":"a","listen":"ws://127.0.0.1:1","bootstrap":"r"}`;
  const good = scratch.write("a.json", node);
  const ok = await config("check", "--config", good);
  assert.deepEqual([ok.code, ok.stdout], [exitCodes.ok, `ok  ${good}\n`]);
  const wrong = scratch.write("b.yaml", "dtaa: d\nkv: 1\n");
  environment(context, "KIBITZER_KV", "perhaps");
  environment(context, "KIBITZER_RETIAN_BYTES", "1");
  const { code, stdout, stderr } = await config("check", "--config", wrong);
  assert.deepEqual([code, stdout], [exitCodes.usage, ""]);
  const heads = stderr
    .trim()
    .split("\n")
    .map((line) => line.replace(/: [A-Z].*/, ""));
  const file = [`${wrong}:1: "dtaa"`, `${wrong}:2: "kv"`];
  assert.deepEqual(heads, ["KIBITZER_KV", ...file, "--data", "KIBITZER_RETIAN_BYTES"], stderr);

  const ended = await config("check", "--no-config", "--json", "--tls-cert", good);
  assert.equal(ended.code, exitCodes.usage);
  const { ok: isOk, file: none, problems, strangers } = JSON.parse(ended.stdout);
  assert.deepEqual([isOk, none, problems.length, strangers.length], [false, null, 3, 1]);
  assert.deepEqual(Object.keys(problems[0]), ["key", "place", "message"]);
});

test("variables that look like misspelt settings are told of; those of others are not", () => {
  const found = strangersIn({
    KIBITZER_RETIAN_BYTES: "1",
    KIBITZER_SERVICE_HOST: "",
    KIBITZER_TOKEN: "x",
  });
  assert.deepEqual(found.map(problemText), [
    "KIBITZER_RETIAN_BYTES: This is no setting of a node. Did you mean KIBITZER_RETAIN_BYTES?",
  ]);
});

test("schema prints JSON", async () => {
  const { code, stdout } = await config("schema");
  assert.equal(code, exitCodes.ok);
  assert.equal(JSON.parse(stdout).properties.logLevel.default, "info");
});

/** What `kibitz start` refuses before it opens anything, and `kibitz config check` tells. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { CommandError } from "../../src/commands/command-error.ts";
import { addSettings } from "../../src/commands/setting-options.ts";
import { examineStart, refuse } from "../../src/commands/start-examination.ts";
import { nodeSettings } from "../../src/settings/node-settings.ts";
import { problemText } from "../../src/settings/problem.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { Scratch } from "../settings/scratch.ts";

interface Told {
  readonly texts: readonly string[];
  readonly keys: readonly (string | null)[];
  /** How `kibitz start` ends; null when it would go on. */
  readonly exitCode: number | null;
}

async function told(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Told> {
  const command = addSettings(new Command("test").exitOverride(), nodeSettings);
  command.parse(args, { from: "user" });
  const { problems } = await examineStart(command, environment);
  const [texts, keys] = [problems.map(problemText), problems.map(({ key }) => key)];
  try {
    refuse(problems);
    return { texts, keys, exitCode: null };
  } catch (error) {
    assert.ok(error instanceof CommandError);
    for (const text of texts) assert.ok(error.message.includes(text));
    return { texts, keys, exitCode: error.exitCode };
  }
}

/** Of a first start that is well. */
function whole(scratch: Scratch, ...more: readonly string[]): readonly string[] {
  const listen = ["--listen", "ws://127.0.0.1:1"];
  const data = ["--data", join(scratch.path, "new")];
  return ["--no-config", ...data, "--id", "a", ...listen, "--bootstrap", "r", ...more];
}

async function nodeIn(path: string, republic: string | null): Promise<void> {
  const { files, chance } = nodeWorld();
  await using made = await DataDirectory.open({ files, path, chance, id: "a", listen: [] });
  if (republic === null) return;
  await made.belongTo({ name: republic, identity: "0123456789abcdef" }, null);
  await made.rememberPeers([
    { id: "a", cookie: made.record.cookie, url: "ws://a:1", properties: {} },
  ]);
}

test("all that is wrong is told at once: where it comes from, and what to do", async (context) => {
  const scratch = new Scratch(context);
  const file = scratch.write(
    "a.yaml",
    "silenceAfter: 60ms\nadvertise: nowhere\nretainAge: 3 weeks\nparliamentSize: 3\n",
  );
  const args = ["--config", file, "--bootstrap", "r", "--join", "ws://a:1", "--id", "No Id"];
  const wrong = ["--ping-every", "1s", "--recording-bytes", "1", "--retain-bytes", "much"];
  const environment = { KIBITZER_KV: "perhaps", KIBITZER_SNAPSHOT_BYTES: "0" };
  for (const [name, value] of Object.entries(environment)) {
    process.env[name] = value;
    context.after(() => delete process.env[name]);
  }
  const { texts, keys, exitCode } = await told([...args, ...wrong], environment);
  assert.equal(exitCode, 2);
  const wanted: readonly (readonly [string, RegExp])[] = [
    ["kv", /^KIBITZER_KV: Wanted true or false\. Found "perhaps"\.$/],
    ["id", /^--id: Wanted an id .* Found "No Id"\.$/],
    ["recordingBytes", /^--recording-bytes: Wanted 64KiB at least\. Found "1"\.$/],
    ["retainBytes", /^--retain-bytes: Wanted a size/],
    ["snapshotBytes", /^KIBITZER_SNAPSHOT_BYTES: Wanted 1 at least\. Found "0"\.$/],
    ["advertise", /a\.yaml:2: "advertise": Wanted an endpoint, got "nowhere"[^"]*$/],
    ["retainAge", /a\.yaml:3: "retainAge": Wanted an age like .*"30d"\. Found "3 weeks"\.$/],
    ["join", /^--join: Wanted one way into a republic\. Found --bootstrap and --join: /],
    [
      "silenceAfter",
      /a\.yaml:1: "silenceAfter": Wanted twice --ping-every at least, 2s\. Found 60/,
    ],
    ["data", /^--data: Wanted a directory .* Found none: give --data/],
  ];
  assert.deepEqual(
    keys,
    wanted.map(([key]) => key),
    texts.join("\n"),
  );
  for (const [at, [, words]] of wanted.entries()) assert.match(texts[at] ?? "", words);
});

test("a default that a setting does not go together with is told by its flag", async (context) => {
  const { texts } = await told(whole(new Scratch(context), "--ping-every", "1s"));
  assert.deepEqual(texts, [
    "--silence-after: Wanted twice --ping-every at least, 2s. Found 400ms, the default.",
  ]);
});

test("what a certificate and a token are read from is looked at, too", async (context) => {
  const scratch = new Scratch(context);
  const none = scratch.write("none", "nothing");
  const missing = join(scratch.path, "missing");
  const cases: readonly (readonly [readonly string[], string, RegExp, number])[] = [
    [["--tls-cert", none], "tlsCert", /Found only one of both: give --tls-key, too/, 2],
    [["--tls-key", none], "tlsKey", /give --tls-cert, too/, 2],
    [["--listen", "wss://127.0.0.1:2"], "listen", /a certificate to listen at wss:\S+2/, 2],
    [["--tls-ca", missing], "tlsCa", /missing: ENOENT/, 4],
    [["--tls-client-ca", none], "tlsClientCa", /wanted a PEM certificate/, 2],
    [["--tls-cert", none, "--tls-key", none], "tlsCert", /wanted a PEM certificate/, 2],
    [["--token-file", scratch.path], "tokenFile", /it is a directory/, 2],
    [["--tokens", none], "tokens", /line 1: wanted "NAME ROLE/, 2],
    [["--tokens", missing], "tokens", /ENOENT/, 4],
    [["--listen", "ws://0.0.0.0:1"], "listen", /--allow-insecure/, 6],
    [["--property", `zone=${"x".repeat(5000)}`], "property", /4096 bytes/, 2],
    [["--founders", "a,a", "--join", "ws://a:1"], "founders", /each once/, 2],
    [["--founders", "a,b"], "founders", /wanted --bootstrap with its name, too, and --join/, 2],
    [["--republic", "s"], "republic", /Wanted the republic that is founded, "r"/, 2],
  ];
  for (const [more, key, words, exitCode] of cases) {
    const found = await told(whole(scratch, ...more));
    assert.deepEqual([found.keys, found.exitCode], [[key], exitCode], more.join(" "));
    assert.match(found.texts[0] ?? "", words);
  }
  const { keys, texts } = await told(whole(scratch), { KIBITZER_TOKEN: "two words" });
  assert.deepEqual(keys, [null]);
  assert.ok(!texts.join().includes("two words"), "a secret is not shown");
  assert.equal((await told(whole(scratch))).exitCode, null);
});

test("others than this computer are let in only on demand", async (context) => {
  const scratch = new Scratch(context);
  const known = scratch.write("tokens", `a peer ${"0".repeat(64)}\n`);
  const open = whole(scratch, "--listen", "ws://0.0.0.0:1");
  assert.equal((await told([...open, "--tokens", known])).exitCode, null);
  assert.equal((await told([...open, "--allow-insecure"])).exitCode, null);
});

test("a directory is what a start can use, and its node the one that is meant", async (context) => {
  const scratch = new Scratch(context);
  const at = (name: string, ...more: readonly string[]): readonly string[] => {
    return ["--no-config", "--data", join(scratch.path, name), ...more];
  };
  const bare = await told(at("new"));
  assert.equal(bare.exitCode, 2);
  assert.match(
    bare.texts[0] ?? "",
    /no node in .*new yet.* --id ID, --listen URL, --bootstrap NAME or/,
  );
  scratch.write("file", "");
  assert.match((await told(at("file"))).texts[0] ?? "", /Found the file .*file/);
  assert.match((await told(at("file/new"))).texts[0] ?? "", /Found the file .*file/);

  await nodeIn(join(scratch.path, "lone"), null);
  assert.match((await told(at("lone"))).texts[0] ?? "", /belongs to no republic yet: add/);
  assert.equal((await told(at("lone", "--join", "ws://a:1"))).exitCode, null);
  await nodeIn(join(scratch.path, "citizen"), "r");
  const asked: readonly (readonly [readonly string[], number | null])[] = [
    [[], null],
    [["--republic", "r"], null],
    [["--republic", "x"], 5],
    [["--bootstrap", "r"], 5],
    [["--bootstrap", "r", "--if-new"], null],
    [["--join", "ws://a:1"], 5],
    [["--join", "ws://a:1", "--moved"], null],
    [["--id", "b"], 2],
    [["--id", "a"], null],
  ];
  for (const [more, exitCode] of asked) {
    const found = await told(at("citizen", ...more));
    assert.equal(found.exitCode, exitCode, `${more.join(" ")}: ${found.texts.join()}`);
  }
});

test("a file that cannot be read is told beside what is wrong with flags", async () => {
  const { texts, exitCode } = await told(["--config", "not-there.yaml", "--kv", "--id", "No Id"]);
  assert.match(texts[0] ?? "", /^--id: /);
  assert.match(texts[1] ?? "", /not-there\.yaml/);
  assert.equal(texts.length, 2);
  assert.equal(exitCode, 2);
});

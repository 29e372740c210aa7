/**
 * Stories of a few commands: whatever happens, every checker is content; and when one is not, the
 * story becomes small, readable, and tells itself again from its script.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { replayRecording } from "../../src/recording/replay.ts";
import { demand } from "../core/violation.ts";
import { stories } from "./arbitrary.ts";
import { evidenceOf } from "./evidence.ts";
import { formatScript, parseScript, ScriptError } from "./script.ts";
import { search } from "./search.ts";
import { resolved, type Story } from "./story.ts";
import { tell, type Objection } from "./tell.ts";

const command = join(import.meta.dirname, "run.ts");

function run(...args: readonly string[]): ReturnType<typeof spawnSync> {
  return spawnSync(process.execPath, [command, ...args], { encoding: "utf8" });
}

test("in every story the nodes agree, lose nothing, do nothing twice, and replay", async () => {
  let acknowledged = 0;
  const found = await search({
    seed: 20_261_121,
    runs: 12,
    onReport: (report) => {
      acknowledged += report.acknowledged;
      if (report.broken === null) assert.ok(report.replayed > 0, "its recordings were replayed");
    },
  });
  assert.equal(found, null, found?.shrunk.broken?.message);
  assert.ok(acknowledged > 100, "something happened");
});

/** Objects, for the sake of it, to three entries that are published after a crash. */
const noThreeAfterCrash: Objection = (told) => {
  const crash = told.findIndex(({ command: { kind } }) => kind === "kill" || kind === "unplug");
  if (crash === -1) return;
  const after = told.slice(crash).flatMap(({ command: each }) => {
    return each.kind === "publish" ? [each.count] : [];
  });
  const entries = after.reduce((sum, count) => sum + count, 0);
  demand(entries < 3, "Z1", () => `${entries} entries after a crash`);
};

const drawing = { seed: 2, runs: 100, lengthMax: 10 };

test("what breaks something becomes the smallest such story, and its script tells it", async () => {
  const objections = [noThreeAfterCrash];
  const found = await search({ ...drawing, objections });
  assert.ok(found !== null && found.drawn.commands.length > 2, "it was larger when it was drawn");
  const { story, broken, told } = found.shrunk;
  assert.equal(broken?.message, "Z1: 3 entries after a crash");
  assert.equal(story.nodes, 1);
  assert.deepEqual(
    told.map(({ command: { kind } }) => kind),
    ["kill", "publish"],
  );
  const script = formatScript(story);
  assert.match(script, /^nodes 1\nchance 0\nnetwork calm\n(kill|unplug) a\npublish a 3 0\n$/);

  const again = await search({ ...drawing, path: found.path, objections });
  assert.deepEqual(again?.shrunk.story, story, "seed and path lead to the same story");

  const { directory } = evidenceOf(found.shrunk);
  assert.ok(directory !== null);
  try {
    const kept = parseScript(readFileSync(join(directory, "story.txt"), "utf8"));
    assert.deepEqual(kept, plain(story));
    const retold = await tell(kept, { objections });
    assert.equal(retold.trace, found.shrunk.trace, "the same run, to the last line");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("of a story the disks of all nodes are kept, and their recordings open", async () => {
  const { directory } = evidenceOf(await tell(parseScript("publish b 2 9\nwait 100\n")));
  assert.ok(directory !== null);
  try {
    for (const id of ["a", "b", "c"]) {
      const { envelopes } = await replayRecording(join(directory, id, "data", "recording"));
      assert.ok(envelopes > 0, `the recording of ${id} opens`);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** The same data, without the prototypes that fast-check gives it. */
function plain(story: Story): unknown {
  return JSON.parse(JSON.stringify(story));
}

test("every story is its own script", () => {
  fc.assert(
    fc.property(stories(30), (drawn) => {
      const story = resolved(drawn);
      assert.deepEqual(parseScript(formatScript(story)), plain(story));
      const notes = story.commands.map((_, at) => `# at ${at}: publish a 1 1`);
      assert.deepEqual(parseScript(formatScript(story, notes)), plain(story));
    }),
  );
});

test("a command can be left out, and the places of the others stay small and valid", () => {
  fc.assert(
    fc.property(stories(30), fc.nat(29), (drawn, left) => {
      const commands = drawn.commands.filter((_, at) => at !== left);
      const story = resolved({ ...drawn, commands });
      assert.equal(story.commands.length, commands.length);
      assert.deepEqual(resolved(story), story);
    }),
  );
});

test("a script that cannot be played is refused with its line and what was wanted", () => {
  for (const [text, wanted] of [
    ["publish a 1", /line 1, "publish a 1": wanted a word more/],
    ["nodes 3\n\npublish d 1 1", /line 3, .*started by then \(a, b, c\), not "d"/],
    ["nodes 9", /line 1, "nodes 9": wanted a whole number from 1 to 5/],
    ["network wild", /wanted one of calm, slow, unruly/],
    ["wait 10\nnodes 3", /line 2, .*settings before the first command/],
    ["explode a", /line 1, "explode a": wanted nodes, chance, drift, network, or one of publish, /],
    ["heal all", /line 1, "heal all": wanted nothing after "heal"/],
    ["drift 91", /whole number from 0 to 90, not "91"/],
    ["transfer a nobody", /line 1, "transfer a nobody": wanted a node/],
  ] as const) {
    assert.throws(() => parseScript(text), { constructor: ScriptError, message: wanted });
  }
  const joined: Story = parseScript("join\npublish d 1 1 # the fourth\n");
  assert.deepEqual(joined.commands[1], { kind: "publish", node: 3, count: 1, bytes: 1 });
});

test("who is to be exiled before it is a member stays (found by seed 4242)", async () => {
  const report = await tell(parseScript("nodes 1\njoin\nwait 3\nexile a b"));
  assert.equal(report.broken, null, report.broken?.message);
  assert.equal(report.told.at(-1)?.outcome, "KBZ_NOT_FOUND");
});

test("the command tells a script, and the operators' work comes to an end", () => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-script-"));
  try {
    const file = join(directory, "story.txt");
    const lines = ["join", "wait 300", "publish d 2 9", "transfer a b", "wait 200"];
    const commands = [...lines, "exile c a", "wait 600", "publish c 1 9", "unplugAll"];
    writeFileSync(file, commands.join("\n"));
    const { status, stdout } = run("--script", file);
    assert.equal(status, 0, String(stdout));
    assert.match(String(stdout), /publish d 2 9 +# at 0\.300 s: acknowledged at 1…2\n/);
    assert.match(String(stdout), /exile c a +# at [\d.]+ s: a is exiled\n/);
    assert.match(String(stdout), /\n1 stories, 0 broken: 9 commands, 6 of 7 entries acknowledged/);
    writeFileSync(file, "publish z 1 1");
    const refused = run("--script", file);
    assert.equal(refused.status, 2);
    assert.match(String(refused.stderr), /line 1, "publish z 1 1": wanted a node/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the command says what it does, prints JSON, and refuses what it does not know", () => {
  const { status, stdout } = run("--runs", "1", "--seed", "5", "--length", "4", "--json");
  assert.equal(status, 0);
  assert.equal(JSON.parse(String(stdout)).summary.stories, 1);
  for (const args of [
    ["--runs", "0"],
    ["--path", "1:2"],
    ["--path", "x", "--seed", "1"],
    ["--x"],
  ]) {
    const wrong = run(...args);
    assert.equal(wrong.status, 2);
    assert.equal(wrong.stdout, "");
  }
});

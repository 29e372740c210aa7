/**
 * Runs every script in test/interactions against the real consensus code.
 *
 * `REWRITE=1 npm test` writes what happened in place of what was expected. Read the diff; commit it
 * only if you can say why each changed line is right. interactions/README.md has the vocabulary.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Scene } from "./scene.ts";

const directory = join(import.meta.dirname, "interactions");
const divider = "----";

type Verb = (scene: Scene, words: readonly string[]) => void;

function word(words: readonly string[], at: number): string {
  const found = words[at];
  if (found === undefined) throw new Error(`a word is missing in: ${words.join(" ")}`);
  return found;
}

/** `a>b` */
function link(words: readonly string[]): [string, string] {
  const [from, to] = word(words, 0).split(">");
  if (from === undefined || to === undefined) throw new Error("a link is written a>b");
  return [from, to];
}

const verbs = new Map<string, Verb>([
  ["found", (scene, words) => scene.found(words.slice(1), Number(word(words, 0)))],
  ["node", (scene, words) => scene.start(word(words, 0))],
  ["bootstrap", (scene, words) => scene.bootstrap(word(words, 0), 3)],
  ["admit", (scene, words) => scene.admit(word(words, 0), word(words, 1))],
  ["enqueue", (scene, words) => scene.enqueue(word(words, 0))],
  ["persist", (scene, words) => scene.persist(word(words, 0))],
  ["deliver", (scene, words) => scene.deliver(...link(words), word(words, 1))],
  ["duplicate", (scene, words) => scene.duplicate(...link(words), word(words, 1))],
  ["drop", (scene, words) => scene.drop(...link(words), word(words, 1))],
  ["settle", (scene) => scene.settle()],
  ["wait", (scene, words) => scene.wait(Number(word(words, 0)))],
  ["crash", (scene, words) => scene.crash(word(words, 0))],
  ["restart", (scene, words) => scene.start(word(words, 0))],
  ["cut", (scene, words) => scene.cut(word(words, 0), word(words, 1))],
  ["cut-one-way", (scene, words) => scene.cutOneWay(...link(words))],
  ["keep-only", (scene, words) => scene.keepOnly(words)],
  ["overtake", (scene, words) => scene.overtake(...link(words), word(words, 1))],
  ["impersonate", (scene, words) => scene.impersonate(...link(words), word(words, 1))],
  ["live", (scene, words) => scene.live(Number(word(words, 0)))],
  ["jam", (scene, words) => scene.jam(word(words, 0))],
  ["fill", (scene, words) => scene.room(word(words, 0), false)],
  ["free", (scene, words) => scene.room(word(words, 0), true)],
  ["freeze", (scene, words) => scene.freeze(Number(word(words, 0)))],
  ["back-up", (scene, words) => scene.backUp(word(words, 0))],
  ["roll-back", (scene, words) => scene.rollBack(word(words, 0))],
  ["lie", (scene, words) => scene.lie(word(words, 0))],
  ["immigrate", (scene, words) => scene.immigrate(word(words, 0), word(words, 1))],
  ["immigrate-anew", (scene, words) => scene.immigrateAnew(word(words, 0), word(words, 1))],
  [
    "batch",
    (scene, words) => {
      const [publisher = 0, sequence = 0, count = 1, checksum = sequence] = words
        .slice(1)
        .map(Number);
      scene.batch(word(words, 0), { publisher, sequence, count, checksum });
    },
  ],
  ["heal", (scene) => scene.heal()],
  ["show", (scene) => scene.show()],
  ["flight", (scene) => scene.flight()],
  ["disk", (scene, words) => scene.disk(word(words, 0))],
  [
    "lost",
    (scene, words) => {
      scene.step(word(words, 0), { kind: "sent", to: word(words, 1) });
    },
  ],
  [
    "barrier",
    (scene, words) => {
      scene.step(word(words, 0), { kind: "barrier", barrier: Number(word(words, 1)) });
    },
  ],
  [
    "transfer",
    (scene, words) => scene.step(word(words, 0), { kind: "transfer", to: words[1] ?? null }),
  ],
  ["exile", (scene, words) => scene.step(word(words, 0), { kind: "exile", id: word(words, 1) })],
  ["demote", (scene, words) => scene.step(word(words, 0), { kind: "demote", id: word(words, 1) })],
  [
    "promote",
    (scene, words) => {
      const insteadOf = words[2] ?? null;
      scene.step(word(words, 0), { kind: "promote", id: word(words, 1), insteadOf });
    },
  ],
  ["move", (scene, words) => scene.move(word(words, 0), word(words, 1))],
]);

function play(scene: Scene, command: string): void {
  const [verb = "", ...words] = command.split(" ");
  const action = verbs.get(verb);
  if (action === undefined) throw new Error(`no verb ${verb}`);
  action(scene, words);
}

/** Plays a script; returns it with what happened behind each divider, unless it was `quiet`. */
function run(script: string): string {
  const scene = new Scene();
  const stanzas = script.trimEnd().split("\n\n");
  const played = stanzas.map((stanza) => {
    const lines = stanza.split("\n");
    const end = lines.indexOf(divider);
    const head = end === -1 ? lines : lines.slice(0, end);
    for (const command of head.filter((line) => !line.startsWith("#"))) {
      const before = scene.take();
      play(scene, command.replace(/^quiet /, ""));
      if (command.startsWith("quiet ")) scene.take();
      scene.put(before);
    }
    const happened = scene.take();
    const isSilent = head.every((line) => line.startsWith("#") || line.startsWith("quiet "));
    if (isSilent) return head.join("\n");
    return [...head, divider, ...(happened.length > 0 ? happened : ["nothing"])].join("\n");
  });
  return `${played.join("\n\n")}\n`;
}

const files = readdirSync(directory).filter((file) => file !== "README.md");

test("the README lists every script with its claim, and explains every command", () => {
  const page = readFileSync(join(directory, "README.md"), "utf8");
  for (const file of files) {
    const [first = ""] = readFileSync(join(directory, file), "utf8").split("\n");
    const row = page.split("\n").find((line) => line.includes(`](${file})`)) ?? "";
    assert.ok(row.includes(`| ${first.slice(2)} `), `${file}: ${first}`);
  }
  const listed = [...page.matchAll(/\]\(([\w-]+\.txt)\)/g)].map(([, name = ""]) => name);
  assert.deepEqual(listed.toSorted(), files.toSorted(), "and no other");
  for (const verb of verbs.keys()) assert.match(page, new RegExp(`\`${verb}[ \`]`), verb);
});

for (const file of files.toSorted()) {
  test(file, () => {
    const path = join(directory, file);
    const expected = readFileSync(path, "utf8");
    assert.ok(expected.startsWith("# "), "a script opens with its claim");
    const actual = run(expected);
    if (process.env["REWRITE"] === "1") writeFileSync(path, actual);
    else assert.equal(actual, expected);
  });
}

/**
 * The power fails for the whole cluster, again and again, while entries stream in. Whatever was
 * acknowledged must be there afterwards, under its index, and nothing twice.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkReplay } from "../processes/checks.ts";
import { Cluster } from "../processes/cluster.ts";
import { Feed, upTo } from "../processes/feed.ts";
import { Kit } from "../processes/kit.ts";

const linesPerRound = 4000;

function linesOf(round: number): readonly string[] {
  return upTo(linesPerRound).map((number) => `round ${round} line ${number} ${"x".repeat(60)}`);
}

async function killAll(cluster: Cluster): Promise<void> {
  const exits = await Promise.all(cluster.ids.map(async (id) => await cluster.kill(id)));
  for (const { signal } of exits) assert.equal(signal, "SIGKILL");
}

async function restartAll(cluster: Cluster): Promise<void> {
  await Promise.all(cluster.ids.map(async (id) => await cluster.restart(id)));
}

async function textsOf(cluster: Cluster): Promise<readonly string[]> {
  const ran = await cluster.kit.ask(["tail", "--endpoints", cluster.endpoints]);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.lines;
}

test("kill -9 of all nodes under load: the publisher goes on, each line is in once", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const lines = linesOf(0);
  const strikes = [200, 1700, 3100];
  const feed = new Feed(kit, cluster.endpoints, lines, { strikes });
  for (const _ of strikes) {
    await feed.strike(async () => await killAll(cluster));
    await restartAll(cluster);
  }
  assert.deepEqual(await feed.ended(), upTo(lines.length), "each line once, in order");
  assert.deepEqual(await textsOf(cluster), lines);
});

test("P10 kill -9 of all nodes and the publisher: no line is missing or doubled", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const promised = new Map<number, string>();
  for (const [position, strikeAt] of [150, 1200, 2600].entries()) {
    const lines = linesOf(position + 1);
    const feed = new Feed(kit, cluster.endpoints, lines, { strikes: [strikeAt] });
    await feed.strike(async () => await killAll(cluster));
    for (const [at, index] of (await feed.kill()).entries()) {
      assert.ok(!promised.has(index), `index ${index} is given once`);
      promised.set(index, lines[at] ?? "");
    }
    await restartAll(cluster);
  }
  const { members } = await cluster.whole();
  const texts = await textsOf(cluster);
  for (const [index, line] of promised) assert.equal(texts[index - 1], line, `index ${index}`);
  assert.equal(new Set(texts).size, texts.length, "nothing is there twice");
  for (const round of [1, 2, 3]) {
    const found = texts.filter((text) => text.startsWith(`round ${round} `));
    assert.deepEqual(found, linesOf(round).slice(0, found.length), "in order, with no gap");
  }

  await killAll(cluster);
  for (const { id, hash } of members) {
    const result = await checkReplay(cluster, id);
    assert.equal(result.complete, false, "a killed node ends no recording");
    assert.ok(result.slot <= hash.slot);
    if (result.slot === hash.slot) assert.equal(result.hash, hash.value, `the recording of ${id}`);
  }
});

/** Bytes of one node's journal change while it is down: it gets back what was there by itself. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KibitzerClient } from "../../src/index.ts";
import { Cluster } from "./cluster.ts";
import { upTo } from "./feed.ts";
import { Kit } from "./kit.ts";

const integrity = 8;
const texts: readonly string[] = upTo(40).map((number) => `entry ${number} of a log that is whole`);

/** Changes the first letter of each of some entries, wherever the journal has them. */
function damage(data: string, chosen: readonly string[]): void {
  const journal = join(data, "journal");
  let found = 0;
  for (const name of readdirSync(journal).filter((name) => name.startsWith("segment-"))) {
    const bytes = readFileSync(join(journal, name));
    for (const text of chosen) {
      for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) {
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        found += 1;
      }
    }
    writeFileSync(join(journal, name), bytes);
  }
  assert.ok(found >= chosen.length, "the journal holds them");
}

test("P19 a damaged entry is fetched again, by the node itself or offline", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const leader = await cluster.leader();
  const [one, other] = cluster.ids.filter((id) => id !== leader);
  assert.ok(one !== undefined && other !== undefined);
  const asked = cluster.node(leader).url;
  {
    await using client = await KibitzerClient.connect([asked]);
    await Promise.all(texts.map(async (text) => await client.publish(text)));
  }
  await cluster.whole();
  const chosen = texts.filter((_, position) => position % 7 === 3);

  await cluster.kill(one);
  damage(cluster.node(one).data, chosen);
  const verified = await kit.ask(["log", "verify", cluster.node(one).data]);
  assert.equal(verified.code, integrity, verified.stderr);
  const restarted = cluster.startNode(one);
  await restarted.untilEvent("ready");
  assert.match(restarted.stderr, /"event":"repaired"/);
  await cluster.whole();

  await cluster.kill(other, "SIGTERM");
  const { data } = cluster.node(other);
  damage(data, chosen);
  const repaired = await kit.ask(["log", "repair", data, "--write", "--endpoints", asked]);
  assert.equal(repaired.code, 0, repaired.stderr);
  const again = await kit.ask(["log", "verify", data, "--json"]);
  assert.equal(again.code, 0, "what it held stands elsewhere");
  const { damagedSlots }: { damagedSlots?: unknown } = JSON.parse(again.lines[0] ?? "");
  assert.deepEqual(damagedSlots, [], "the bytes are damaged for good, what they held is not");
  await cluster.restart(other);
  await cluster.whole();
  for (const { url } of cluster.nodes) {
    const { lines } = await kit.ask(["tail", "--stale", "--endpoints", url]);
    assert.deepEqual(lines, texts);
  }
});

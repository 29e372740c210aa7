/**
 * The worst day of a cluster whose log was cut, with real processes: a backup that begins with a
 * snapshot, taken at a node that never had more, becomes a new republic with all of its map.
 */
import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import { test } from "node:test";
import { KibitzerClient } from "../../src/index.ts";
import { Kv } from "../../src/kv/index.ts";
import { Cluster } from "./cluster.ts";
import { Kit } from "./kit.ts";

const environment = { KIBITZER_KV: "true", KIBITZER_RETAIN_BYTES: "1MiB" };
const entryBytes = 512 * 1024;
const atOnce = 8;
/** Twice the log between two snapshots, and some more: by then the first segments must go. */
const loadBytesMax = 400 * 1024 * 1024;

/** Publishes until the first entry is gone from the node at `url`. */
async function untilCut(url: string): Promise<void> {
  await using client = await KibitzerClient.connect([url]);
  const entry = new Uint8Array(entryBytes).fill(7);
  for (let bytes = 0; bytes < loadBytesMax; bytes += atOnce * entryBytes) {
    await Promise.all(Array.from({ length: atOnce }, async () => await client.publish(entry)));
    const isThere = await client
      .entries({ from: 1, to: 1 })
      .next()
      .then(
        () => true,
        () => false,
      );
    if (!isThere) return;
  }
  assert.fail("the log was never cut");
}

test("P14 a cut log is backed up with its map, and restored", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { started: 1, process: () => ({ environment }) });
  const [a, b] = [cluster.node("a"), cluster.node("b")];
  await using early = await KibitzerClient.connect([a.url]);
  const { revision } = await new Kv(early).put("colour", "red");
  const publisher = { publisher: early.publisher ?? "", sequenceNext: early.sequenceNext };
  await untilCut(a.url);
  await cluster.join("b").untilEvent("ready");
  await cluster.whole();
  const put = await kit.ask(["kv", "put", "shape", "round", "--endpoints", b.url]);
  assert.equal(put.code, 0, put.stderr);

  const file = kit.path("cut.backup");
  const made = await kit.ask(["backup", file, "--endpoints", b.url, "--json"]);
  assert.equal(made.code, 0, made.stderr);
  const summary = JSON.parse(made.lines[0] ?? "");
  assert.ok(summary.indexFirst > revision && summary.slotFirst > 1, made.lines[0]);
  assert.equal(summary.bytes, statSync(file).size);
  const verified = await kit.ask(["backup", file, "--verify"]);
  const { indexFirst, index } = summary;
  assert.match(verified.lines[0] ?? "", new RegExp(`entries ${indexFirst} to ${index}, slots`));
  assert.match(verified.lines[0] ?? "", /after a snapshot/);
  const other = await kit.ask(["backup", "-", "--endpoints", a.url]);
  assert.equal(other.code, 0, other.stderr);
  assert.equal(other.stdout.toString("latin1", 0, 18), "kibitzer backup 2\n");

  await Promise.all(cluster.ids.map(async (id) => await cluster.kill(id)));
  for (const { data } of cluster.nodes) rmSync(data, { recursive: true, force: true });
  const place = ["--data", a.data, "--id", "a", "--listen", a.url];
  const restored = await kit.ask(["restore", file, ...place, "--json"]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(JSON.parse(restored.lines[0] ?? "").indexFirst, indexFirst);
  await cluster.restart("a");
  await cluster.join("b").untilEvent("ready");
  for (const { url } of [a, b]) {
    const got = await kit.ask(["kv", "get", "colour", "--json", "--endpoints", url]);
    const record = JSON.parse(got.lines[0] ?? "{}");
    assert.deepEqual([record.value, record.revision], ["red", revision]);
    const shape = await kit.ask(["kv", "get", "shape", "--endpoints", url]);
    assert.deepEqual(shape.lines, ["round"]);
  }
  await using again = await KibitzerClient.connect([b.url], { publisher });
  const next = await again.publish("more");
  assert.equal(next.index, index + 1);
  await using twin = await KibitzerClient.connect([a.url], { publisher });
  assert.deepEqual(await twin.publish("more"), next, "it is in already");
  await assert.rejects(early.publish("old"), { code: "KBZ_REPUBLIC" });
  const gone = await kit.ask(["tail", "--from", "1", "--endpoints", a.url]);
  assert.equal(gone.code, 4, "what was before the snapshot is told to be gone");
});

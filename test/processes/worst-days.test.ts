/**
 * The worst days, with real processes: a majority is lost for good and one survivor goes on; all is
 * lost and a backup, taken under load, becomes a new republic.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { test } from "node:test";
import { KibitzerClient, type BackupSummary } from "../../src/index.ts";
import { Cluster } from "./cluster.ts";
import { Feed, upTo } from "./feed.ts";
import { Kit } from "./kit.ts";

interface Watch {
  /** What the watcher was shown, in order. */
  readonly texts: string[];
  /** Resolves once it was shown as many as were wanted. */
  readonly reached: Promise<void>;
  /** Rejects with what ended it. */
  readonly ended: Promise<void>;
}

function watchAll(watcher: KibitzerClient, count: number): Watch {
  const texts: string[] = [];
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const watch = async (): Promise<void> => {
    for await (const entry of watcher.entries()) {
      texts.push(entry.text());
      if (texts.length === count) resolve();
    }
  };
  const ended = watch();
  ended.catch(() => undefined);
  return { texts, reached, ended };
}

async function textsAt(kit: Kit, endpoint: string): Promise<readonly string[]> {
  const ran = await kit.ask(["tail", "--endpoints", endpoint]);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.lines;
}

test("P7 a majority is lost: a survivor goes on, and old members are refused", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const lines = upTo(3000).map((number) => `line ${number}`);
  const feed = new Feed(kit, cluster.endpoints, lines, { strikes: [1000] });
  await feed.strike(async () => {
    await Promise.all(cluster.ids.map(async (id) => await cluster.kill(id)));
  });
  const { length: acknowledged } = await feed.kill();
  const [survivor, returning] = [cluster.node("b"), cluster.node("a")];
  const others = ["c"].map((id) => cluster.node(id));
  for (const { data } of others) rmSync(data, { recursive: true });

  const refused = await kit.ask(["recover", "--data", survivor.data, "--json"]);
  assert.equal(refused.code, 6, refused.stderr);
  const forced = await kit.ask(["recover", "--data", survivor.data, "--force-new-government"]);
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stderr, /"event":"recovered"/);
  const [seen] = refused.lines.map((line) => JSON.parse(line));
  assert.ok(existsSync(`${survivor.data}/before-${seen.before.identity}/journal/manifest`));

  await cluster.restart("b");
  const texts = await textsAt(kit, survivor.url);
  assert.equal(texts.length, seen.index, "all that the survivor held, and nothing else");
  assert.deepEqual(texts, lines.slice(0, texts.length), "in order, each at its index");
  // The feed never has more than a window under way, and the survivor lags by no more.
  assert.ok(texts.length >= acknowledged - 256, `${texts.length} of ${acknowledged}`);

  await cluster.join("c").untilEvent("ready");
  // A member of the lost majority comes back with what it held, and is told what to do.
  const old = cluster.startNode(returning.id);
  await old.untilSaid(/"event":"unreachable".*is over: it went on as .* without node a/);
  await cluster.child("b").untilSaid(/"event":"refused".*let it join with an empty one/);
  const ran = await kit.ask(["publish", "on", "--endpoints", survivor.url]);
  assert.deepEqual(ran.lines, [`${texts.length + 1}`]);
  const { government, members, refounded, republic } = await cluster.status("b");
  assert.ok(!members.some(({ id }) => id === "a"), "it is no member");
  assert.equal(government.leader, "b");
  assert.equal(refounded?.[0]?.cause, "recovered");
  assert.notEqual(republic.identity, seen.before.identity);

  await cluster.kill("a", "SIGTERM");
  rmSync(returning.data, { recursive: true });
  await cluster.join("a").untilEvent("ready");
  await cluster.whole();
  for (const { id, url } of cluster.nodes) {
    assert.deepEqual(await textsAt(kit, url), [...texts, "on"], `node ${id}`);
  }
  const inspected = await kit.ask(["log", "inspect", "--json", survivor.data]);
  assert.equal(inspected.code, 5, "its node runs");
});

test("P14 a backup is restored: nothing is missing, and who was there is refused", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  await using client = await KibitzerClient.connect([cluster.node("b").url]);
  const first = await client.publish("first");
  const lines = upTo(3000).map((number) => `line ${number} ${"x".repeat(100)}`);
  const feed = new Feed(kit, cluster.endpoints, lines, { strikes: [1200] });
  const file = kit.path("demo.backup");
  const summaries: BackupSummary[] = [];
  let before = 0;
  await feed.strike(async () => {
    before = Math.max(...feed.acknowledged);
    const ran = await kit.ask(["backup", file, "--endpoints", cluster.node("c").url, "--json"]);
    assert.equal(ran.code, 0, ran.stderr);
    summaries.push(JSON.parse(ran.lines[0] ?? ""));
  });
  assert.deepEqual(
    await feed.ended(),
    upTo(lines.length).map((number) => number + first.index),
  );
  const [summary] = summaries;
  assert.ok(summary !== undefined && summary.index >= before, "all that was acknowledged");
  assert.equal(summary.bytes, statSync(file).size);
  assert.ok(!existsSync(`${file}.tmp`));
  const verified = await kit.ask(["backup", file, "--verify", "--json"]);
  assert.equal(JSON.parse(verified.lines[0] ?? "").hash, summary.hash);
  const piped = await kit.ask(["backup", "-", "--endpoints", cluster.node("a").url]);
  assert.equal(piped.code, 0, piped.stderr);
  assert.equal(piped.stdout.toString("latin1", 0, 16), "kibitzer backup ");
  const later = { publisher: client.publisher ?? "", sequenceNext: client.sequenceNext };
  const all = await textsAt(kit, cluster.node("a").url);
  await using watcher = await KibitzerClient.connect(cluster.nodes.map(({ url }) => url));
  const watch = watchAll(watcher, all.length);
  await watch.reached;
  await Promise.all(cluster.ids.map(async (id) => await cluster.kill(id)));
  for (const { data } of cluster.nodes) rmSync(data, { recursive: true });

  const [a] = cluster.nodes;
  assert.ok(a !== undefined);
  const place = ["--data", a.data, "--id", "a", "--listen", a.url];
  const damaged = kit.write("damaged", readFileSync(file).fill(7, 5000, 5001));
  const refused = await kit.ask(["restore", damaged, ...place]);
  assert.equal(refused.code, 8, refused.stderr);
  const open = await kit.ask(["restore", file, ...place, "--listen", "ws://0.0.0.0:1"]);
  assert.equal(open.code, 6, open.stderr);
  assert.match(open.stderr, /--allow-insecure/);
  const restored = await kit.ask(["restore", file, ...place]);
  assert.equal(restored.code, 0, restored.stderr);
  const twice = await kit.ask(["restore", file, ...place]);
  assert.equal(twice.code, 5, "a node is there by now");
  await cluster.restart("a");
  assert.deepEqual(await textsAt(kit, a.url), all.slice(0, summary.index));
  await Promise.all(["b", "c"].map(async (id) => await cluster.join(id).untilEvent("ready")));
  await cluster.whole();
  // A publisher of before the backup goes on under its numbers, and is answered exactly once.
  await using again = await KibitzerClient.connect([cluster.node("c").url], { publisher: later });
  assert.deepEqual(await again.publish("more"), { index: summary.index + 1 });
  const repeated = { ...later };
  await using twin = await KibitzerClient.connect([cluster.node("b").url], { publisher: repeated });
  assert.deepEqual(await twin.publish("more"), { index: summary.index + 1 }, "it is in already");
  const texts = await textsAt(kit, cluster.node("c").url);
  assert.deepEqual(texts, [...all.slice(0, summary.index), "more"]);
  // Whoever was there before the restore goes on nowhere: its positions mean other entries now.
  await assert.rejects(watch.ended, { code: "KBZ_REPUBLIC" });
  assert.deepEqual(watch.texts, all, "nothing of the new republic was shown");
  await assert.rejects(watcher.publish("old"), { code: "KBZ_REPUBLIC" });
});

/** `kibitz kv` against real nodes: what it prints, and which exit codes scripts get. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";
import { Kit, type Ran } from "./kit.ts";

test("kibitz kv puts, compares, watches and deletes, at any node", async (t) => {
  const kit = Kit.open(t);
  const withMap = { environment: { KIBITZER_KV: "true" } };
  const cluster = await Cluster.start(kit, { process: () => withMap });
  let asked = 0;
  const kv = async (...args: readonly string[]): Promise<Ran> => {
    // Another node each time: they hold the same map.
    const { url } = cluster.nodes[asked % cluster.nodes.length] ?? cluster.node("a");
    asked += 1;
    return await kit.ask(["kv", ...args, "--endpoints", url]);
  };
  const watching = kit.start(
    ["kv", "watch", "colo", "--prefix", "--from", "0", "--limit", "3", "--json"].concat([
      "--endpoints",
      cluster.node("b").url,
    ]),
  );

  const put = await kv("put", "colour", "red", "--json");
  assert.equal(put.code, 0, put.stderr);
  const { revision } = JSON.parse(put.lines[0] ?? "");
  const got = await kv("get", "colour");
  assert.deepEqual([got.code, got.lines], [0, ["red"]]);
  const record = JSON.parse((await kv("get", "colour", "--json")).lines[0] ?? "");
  assert.deepEqual(record, { key: "colour", revision, created: revision, lease: 0, value: "red" });

  const late = await kv("cas", "colour", "0", "blue", "--json");
  assert.deepEqual([late.code, late.lines], [5, [JSON.stringify({ isSet: false, revision })]]);
  assert.equal((await kv("cas", "colour", String(revision), "blue")).code, 0);
  assert.deepEqual((await kv("list", "co")).lines, ["colour"]);
  assert.equal((await kv("delete", "colour", "--revision", String(revision))).code, 5);
  assert.equal((await kv("delete", "colour")).code, 0);
  const gone = await kv("get", "colour");
  assert.deepEqual([gone.code, gone.lines], [4, []]);
  assert.match(gone.stderr, /colour is not there/);
  assert.equal((await kv("delete", "colour")).code, 4);
  assert.equal((await kv("cas", "colour", "zero", "x")).code, 2);
  const before = Number((await kv("put", "other", "x")).lines[0]);
  for (const wrong of [
    ["get", ""],
    ["put", "", "x", "--ttl", "1m"],
    ["put", "x".repeat(1025), "x"],
    ["put", "colour", "x", "--ttl", "50ms"],
    ["watch", ""],
    ["delete", "colour", "--revision", "0"],
  ]) {
    const ran = await kv(...wrong);
    assert.equal(ran.code, 2, `${wrong.join(" ").slice(0, 40)}: ${ran.stderr}`);
  }
  assert.deepEqual((await kv("put", "other", "y")).lines, [`${before + 1}`], "nothing was written");

  assert.deepEqual((await watching.ended()).code, 0, watching.stderr);
  const events = watching.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ number, kind, key, value }) => [number, kind, key, value]),
    [
      [1, "put", "colour", "red"],
      [2, "put", "colour", "blue"],
      [3, "delete", "colour", ""],
    ],
  );
});

test("a node without the map says which flag is missing", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 1 });
  for (const args of [
    ["get", "a"],
    ["put", "a", "b"],
    ["watch", "a"],
  ]) {
    const ran = await kit.ask(["kv", ...args, "--endpoints", cluster.endpoints]);
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stderr, /KBZ_MACHINE/);
    assert.match(ran.stderr, /--kv/);
  }
  const log = await kit.ask(["tail", "--endpoints", cluster.endpoints]);
  assert.deepEqual(log.lines, [], "nothing was written");
});

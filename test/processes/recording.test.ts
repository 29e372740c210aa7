/**
 * What `kibitz replay` says of recordings of real nodes: whole ones, ones that were cut anywhere,
 * and ones that were changed anywhere.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { stopAndReplay } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import { Feed, upTo } from "./feed.ts";
import { Kit } from "./kit.ts";

/** Each run starts a process. */
const parameters = { numRuns: 10, endOnFailure: true } as const;

test("a recording replays whole, up to a cut, and not when a byte was changed", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const lines = upTo(2000).map((number) => `line ${number}`);
  const feed = new Feed(kit, cluster.endpoints, lines);
  await feed.untilAcknowledged(300);
  await cluster.kill(await cluster.leader(), "SIGTERM");
  await feed.ended();
  const stopped = cluster.ids.find((id) => !cluster.isRunning(id));
  assert.ok(stopped !== undefined);
  await cluster.restart(stopped);
  await stopAndReplay(cluster);

  const recording = join(cluster.node(stopped).data, "recording");
  const names = readdirSync(recording).toSorted();
  assert.equal(names.length, 2, "one part for each life");
  const name = names[0] ?? "";
  const bytes = readFileSync(join(recording, name));
  mkdirSync(kit.path("copy"));
  const replay = async (changed: Buffer): ReturnType<Kit["run"]> => {
    writeFileSync(kit.path("copy", name), changed);
    return await kit.ask(["replay", kit.path("copy"), "--json"]);
  };
  const whole = await replay(bytes);
  assert.equal(whole.code, 0, whole.stderr);
  const { envelopes, complete } = JSON.parse(whole.lines.at(-1) ?? "");
  assert.equal(complete, true);

  const cut = fc.integer({ min: 0, max: bytes.length - 1 });
  await fc.assert(
    fc.asyncProperty(cut, async (length) => {
      const ran = await replay(bytes.subarray(0, length));
      assert.equal(ran.code, 0, ran.stderr);
      const result = JSON.parse(ran.lines.at(-1) ?? "");
      assert.equal(result.complete, false);
      assert.ok(result.envelopes <= envelopes);
    }),
    { ...parameters, examples: [[0], [1], [bytes.length - 1]] },
  );

  const place = fc.integer({ min: 0, max: bytes.length - 1 });
  await fc.assert(
    fc.asyncProperty(place, fc.integer({ min: 0, max: 7 }), async (offset, bit) => {
      const flipped = Buffer.from(bytes);
      flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
      const ran = await replay(flipped);
      assert.equal(ran.code, 8, `byte ${offset}: ${ran.lines.join(" ")}${ran.stderr}`);
      assert.match(ran.stderr, new RegExp(`${name} .*byte \\d+`), "the place is named");
    }),
    {
      ...parameters,
      examples: [
        [0, 0],
        [bytes.length - 1, 7],
      ],
    },
  );
});

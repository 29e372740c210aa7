/**
 * Real data through a cluster whose leader dies in the midst of it. The publisher is one command,
 * fed through its standard input; what it is told and what every node gives back must be the file.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "./child.ts";
import { checkLogs, stopAndReplay } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import { Feed, upTo } from "./feed.ts";
import { Kit } from "./kit.ts";

const file = readFileSync(join(root, "test/data/commits.ndjson"));
const lines = file.toString().split("\n").slice(0, -1);

/**
 * After which acknowledgement the leader is killed, and which endpoint the publisher tries first.
 */
const places = [
  { killAt: 1, first: 0 },
  { killAt: 1500, first: 1 },
  { killAt: 3300, first: 0 },
];

// Two at a time: much of each is waiting.
describe("the real file", { concurrency: 2 }, () => {
  for (const { killAt, first } of places) {
    test(`kill -9 of the leader after line ${killAt} of ${lines.length}: all are in`, async (t) => {
      const kit = Kit.open(t);
      const cluster = await Cluster.start(kit);
      const leader = await cluster.leader();
      const urls = cluster.endpoints.split(",");
      const endpoints = [...urls.slice(first), ...urls.slice(0, first)].join(",");

      const feed = new Feed(kit, endpoints, lines, { strikes: [killAt] });
      await feed.strike(async () => {
        const { signal } = await cluster.kill(leader);
        assert.equal(signal, "SIGKILL");
      });
      await feed.untilAcknowledged(Math.min(killAt + 500, lines.length - 50));
      await cluster.restart(leader);

      assert.deepEqual(await feed.ended(), upTo(lines.length), "each line once, in order");
      const status = await cluster.whole();
      assert.equal(status.decided.index, lines.length);
      await checkLogs(cluster, file);
      await stopAndReplay(cluster, [leader]);
    });
  }
});

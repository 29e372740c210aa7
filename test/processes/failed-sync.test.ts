/**
 * A sync fails once, the next ones say ok: the trap of every disk. The node must stop with the
 * named error, the cluster must go on, and nothing acknowledged may be lost. The fault comes from
 * outside the node: from strace where that is installed, and from a module loaded before it
 * everywhere.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Child, ChildOptions } from "./child.ts";
import { checkLogs } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import { Feed, upTo } from "./feed.ts";
import { Kit } from "./kit.ts";

/** Behind those of the start, in the midst of the load. */
const strikeAt = 120;

interface Injector {
  readonly name: string;
  options(kit: Kit): Omit<ChildOptions, "log">;
  /** How often the fault fired. */
  fired(kit: Kit, child: Child): number;
}

const preload: Injector = {
  name: "a preloaded module",
  options: () => ({
    under: [],
    environment: {
      NODE_OPTIONS: `--import=${join(import.meta.dirname, "failing-sync.ts")}`,
      FAILING_SYNC_AT: String(strikeAt),
    },
  }),
  fired: (_, { stderr }) => stderr.split(`sync ${strikeAt} fails with EIO`).length - 1,
};

const fault = `inject=fsync,fdatasync:error=EIO:when=${strikeAt}`;

/** It counts by thread, so that file calls get one thread. */
const strace: Injector = {
  name: "strace",
  options: (kit) => ({
    under: `strace -f -o ${kit.path("strace.txt")} -e trace=fsync,fdatasync -e ${fault}`.split(" "),
    environment: { UV_THREADPOOL_SIZE: "1" },
  }),
  fired: (kit) => readFileSync(kit.path("strace.txt"), "utf8").split("(INJECTED)").length - 1,
};

const hasStrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
const injectors = hasStrace ? [preload, strace] : [preload];

for (const injector of injectors) {
  test(`a sync of the leader fails (${injector.name}): it stops, nothing is lost`, async (t) => {
    const kit = Kit.open(t);
    const cluster = await Cluster.start(kit, { founding: injector.options(kit) });
    assert.equal(await cluster.leader(), "a");
    const sick = cluster.child("a");
    const lines = upTo(4000).map((number) => `line ${number}`);
    const feed = new Feed(kit, cluster.endpoints, lines, { windowLines: 16 });

    const exit = await sick.ended();
    assert.equal(injector.fired(kit, sick), 1, "the fault fired");
    assert.deepEqual(exit, { code: 1, signal: null });
    assert.match(sick.stderr, /KBZ_JOURNAL_FAILED/);
    assert.match(sick.stderr, /EIO/);
    assert.ok(feed.acknowledged.length < lines.length, "it struck in the midst of the load");
    assert.deepEqual(await feed.ended(), upTo(lines.length), "each line once, in order");

    await cluster.restart("a");
    await cluster.whole();
    await checkLogs(cluster, Buffer.from(lines.map((line) => `${line}\n`).join("")));
  });
}

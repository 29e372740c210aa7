/**
 * A sync fails once, the next ones say ok: the trap of every disk. The node must stop with the
 * named error, the cluster must go on, and nothing acknowledged may be lost. The fault comes from
 * outside the node: from strace where that may be attached, and from a module loaded before it
 * everywhere.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { Child } from "./child.ts";
import { checkLogs } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import { Feed, upTo } from "./feed.ts";
import { Kit } from "./kit.ts";
import { Strace } from "./strace.ts";

/** After which acknowledgements a sync fails, and the node must have stopped. */
const strikeAt = 120;
const stoppedBy = 600;

interface Injector {
  readonly name: string;
  /** What a node is started with so that it can be struck later. */
  environment(kit: Kit, id: string): Readonly<Record<string, string>>;
  /** The next sync of this node fails; returns how to learn how often the fault fired. */
  strike(kit: Kit, id: string, child: Child): Promise<() => number>;
}

const preload: Injector = {
  name: "a preloaded module",
  environment: (kit, id) => ({
    NODE_OPTIONS: `--import=${join(import.meta.dirname, "failing-sync.ts")}`,
    FAILING_SYNC_ORDER: kit.path(`order-${id}`),
  }),
  async strike(kit, id, child) {
    kit.write(`order-${id}`, "");
    return await Promise.resolve(() => child.stderr.split("a sync fails with EIO").length - 1);
  },
};

/** It counts by thread, so that file calls get one thread. */
const strace: Injector = {
  name: "strace",
  environment: () => ({ UV_THREADPOOL_SIZE: "1" }),
  async strike(kit, _, child) {
    const inject = "fsync,fdatasync:error=EIO:when=1";
    const attached = await Strace.attach(child.pid, kit.path("strace.txt"), { inject });
    return () => attached.fired;
  },
};

/** Not everybody may trace a process that is not a child of the tracer. */
function canAttach(): boolean {
  const sleeper = spawn("sleep", ["0.2"]);
  return spawnSync("strace", ["-o", "/dev/null", "-p", String(sleeper.pid)]).status === 0;
}

const injectors = canAttach() ? [preload, strace] : [preload];

for (const injector of injectors) {
  test(`a sync of the leader fails (${injector.name}): it stops, nothing is lost`, async (t) => {
    const kit = Kit.open(t);
    const process = (id: string) => ({ environment: injector.environment(kit, id) });
    const cluster = await Cluster.start(kit, { process });
    const lines = upTo(1200).map((number) => `line ${number}`);
    const strikes = [strikeAt, stoppedBy];
    const feed = new Feed(kit, cluster.endpoints, lines, { windowLines: 16, strikes });

    let struck = "";
    const faults: (() => number)[] = [];
    await feed.strike(async () => {
      struck = await cluster.leader();
      faults.push(await injector.strike(kit, struck, cluster.child(struck)));
    });
    const sick = cluster.child(struck);
    await feed.strike(async () => {
      assert.deepEqual(await sick.ended(), { code: 1, signal: null });
    });
    assert.deepEqual(
      faults.map((fired) => fired() > 0),
      [true],
      "the fault fired",
    );
    assert.match(sick.stderr, /KBZ_JOURNAL_FAILED/);
    assert.match(sick.stderr, /EIO/);
    assert.deepEqual(await feed.ended(), upTo(lines.length), "each line once, in order");

    await cluster.restart(struck);
    await cluster.whole();
    await checkLogs(cluster, Buffer.from(lines.map((line) => `${line}\n`).join("")));
  });
}

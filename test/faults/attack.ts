/**
 * One attack from beginning to end: a scene is set, the attack strikes while clients work, all is
 * healed, the clients must get on, and then it is judged what they were told.
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/index.ts";
import { replayRecording } from "../../src/recording/replay.ts";
import { drawPage } from "../../simulations/history/page.ts";
import { Kit } from "../processes/kit.ts";
import type { History } from "./history.ts";
import { judge, judgeHistory, type Logged, type Verdict } from "./judge.ts";
import { Scene, type Layout } from "./scene.ts";

export interface Attack {
  readonly name: string;
  /** Their names in the list of faults: N network, K disk, X process, T clock, O operator,
   * V overload. */
  readonly faults: readonly string[];
  /** What is done, in one sentence. */
  readonly story: string;
  readonly layout?: Layout;
  /** What happens is drawn: some of the faults may not be among it. */
  readonly isMixed?: boolean;
  /** What was struck may have lost the end of its recording, or a part of it. */
  readonly losesRecordings?: boolean;
  strike(scene: Scene): Promise<void>;
}

export interface Result extends Verdict {
  readonly attack: string;
  readonly faults: readonly string[];
  readonly seed: string;
  readonly fired: Readonly<Record<string, number>>;
  readonly replayed: number;
  readonly seconds: number;
  /** Null for a good attack. */
  readonly kept: Kept | null;
}

/** What a bad attack leaves behind. */
export interface Kept {
  /** Logs and data of all nodes. */
  readonly directory: string;
  /** The history, unless not even a cluster came up. */
  readonly history: string | null;
  /** A page that draws what is wrong with the history, where something is. */
  readonly page: string | null;
}

export interface RoundOptions {
  /** Tells attacks at the same time apart; from 1. */
  readonly number: number;
  readonly seed: string;
  /** A directory that keeps the histories of good attacks, too; null: none does. */
  readonly histories: string | null;
}

const entriesAfter = 25;
const pageName = "history.html";

const nothing: Verdict = {
  operations: 0,
  acknowledged: 0,
  reads: 0,
  unknown: 0,
  failed: 0,
  lost: 0,
  doubled: 0,
  gapMs: 0,
  linearizability: "unknown",
  violations: [],
};

/** Never rejects: what goes wrong is a violation of the result. */
export async function carryOut(
  attack: Attack,
  { number, seed, histories }: RoundOptions,
): Promise<Result> {
  const begin = performance.now();
  const kit = Kit.make();
  const fired: Record<string, number> = {};
  const outcome = { verdict: nothing, replayed: 0 };
  const violations: string[] = [];
  try {
    await using scene = await Scene.open(kit, { ...attack.layout, number, seed });
    const { history } = scene.load;
    try {
      await strike(attack, scene).catch((error: unknown) => violations.push(told(error)));
      // Also when it came to nothing: what was lost says more than that something hangs.
      await scene.heal();
      scene.load.abandon();
      const logs = await logsOf(scene).catch((error: unknown) => void violations.push(told(error)));
      outcome.verdict = judgeAll(history, logs ?? new Map(), { title: attack.name, kit });
      outcome.replayed = await replayAll(attack, scene);
    } finally {
      Object.assign(fired, Object.fromEntries(scene.firedCounts));
      history.write(historyOf(kit));
      if (histories !== null) history.write(join(histories, `${attack.name}-${seed}.jsonl`));
    }
  } catch (error) {
    violations.push(told(error));
  }
  const { verdict, replayed } = outcome;
  const all = [...verdict.violations, ...violations];
  await kit.close({ keep: all.length > 0 });
  return {
    ...verdict,
    attack: attack.name,
    faults: attack.faults,
    seed,
    violations: all,
    fired,
    replayed,
    kept: all.length > 0 ? keptIn(kit) : null,
    seconds: (performance.now() - begin) / 1000,
  };
}

function historyOf(kit: Kit): string {
  return kit.path("history.jsonl");
}

function keptIn(kit: Kit): Kept {
  const [history, page] = [historyOf(kit), kit.path(pageName)];
  return {
    directory: kit.directory,
    history: existsSync(history) ? history : null,
    page: existsSync(page) ? page : null,
  };
}

/** The verdict of all that was seen. A history without an order leaves a page that draws why. */
function judgeAll(
  history: History,
  logs: ReadonlyMap<string, readonly Logged[]>,
  { title, kit }: { readonly title: string; readonly kit: Kit },
): Verdict {
  const { operations, strikes } = history.read();
  const report = judgeHistory(operations);
  if (report.problem !== null) {
    writeFileSync(kit.path(pageName), drawPage({ title, operations, strikes, report }));
  }
  return judge(operations, logs, report);
}

function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The attack, and the end of all faults: after it clients must get on. */
async function strike(attack: Attack, scene: Scene): Promise<void> {
  await attack.strike(scene);
  await scene.heal();
  await scene.load.more(entriesAfter);
  await scene.load.stop();
  await scene.settled();
  const { firedCounts } = scene;
  assert(firedCounts.size > 0, "the attack says which faults were there");
  for (const [what, count] of firedCounts) assert(count > 0, `the fault was there: ${what}`);
}

/**
 * The whole log of each survivor that runs, asked at the node itself; a good attack has all. These
 * are the last reads of the history.
 */
async function logsOf({
  cluster,
  survivors,
  load,
}: Scene): Promise<ReadonlyMap<string, readonly Logged[]>> {
  const logs = new Map<string, readonly Logged[]>();
  const read = async (id: string): Promise<void> => {
    const operation = load.history.invoke(`log of ${id}`, "read", { from: 1 });
    await using client = await KibitzerClient.connect([cluster.node(id).url]);
    await client.barrier();
    const log: Logged[] = [];
    for await (const entry of client.entries({ follow: false })) {
      const { index, publisher, sequence } = entry;
      log.push({ index, publisher, sequence, text: entry.text() });
    }
    logs.set(id, log);
    operation.ok(log.map(({ text }) => text));
  };
  await Promise.all(survivors.filter((id) => cluster.isRunning(id)).map(read));
  return logs;
}

/** Stops all; each recording of a survivor must replay. Returns how many envelopes did. */
async function replayAll(attack: Attack, { cluster, survivors }: Scene): Promise<number> {
  await Promise.all(cluster.ids.map((id) => cluster.child(id).kill("SIGTERM")));
  let sum = 0;
  for (const id of survivors) {
    try {
      const { envelopes } = await replayRecording(join(cluster.node(id).data, "recording"));
      assert(envelopes > 0, `the recording of ${id} holds envelopes`);
      sum += envelopes;
    } catch (error) {
      // A loss of power may take any part of what was not synced, and that is said.
      const isSaid = error instanceof KibitzerError && error.code === "KBZ_DAMAGED";
      if (attack.losesRecordings !== true || !isSaid) throw error;
    }
  }
  return sum;
}

/** Strikes the leader of a cluster again and again, and measures how long writing pauses. */
import assert from "node:assert/strict";
import { KibitzerClient } from "../../src/client.ts";
import type { Cluster } from "./cluster.ts";

export interface Gap {
  readonly before: string;
  readonly after: string;
  /** From the strike to the acknowledgement of an entry published after it. */
  readonly gapMs: number;
  /** Entries acknowledged in this round. */
  readonly entries: number;
}

const entriesBefore = 20;

export interface ProbeOptions {
  readonly strikes: number;
  readonly signal: "SIGKILL" | "SIGTERM";
  /** No strike begins after this moment of `performance.now()`. */
  readonly until?: number;
  /** Hears of each strike, and how many there were. */
  readonly told?: (done: number, gap: Gap) => void;
}

/** Strikes so often, with a whole cluster each time; restarts what it struck. */
export async function measureFailover(
  cluster: Cluster,
  { strikes, signal, until = Infinity, told }: ProbeOptions,
): Promise<readonly Gap[]> {
  const gaps: Gap[] = [];
  while (gaps.length < strikes && performance.now() < until) {
    const { government } = await cluster.whole();
    const before = government.leader;
    assert(before !== null);
    const gap = await strikeOnce(cluster, before, signal);
    gaps.push(gap);
    told?.(gaps.length, gap);
    await cluster.restart(before);
  }
  return gaps;
}

async function strikeOnce(
  cluster: Cluster,
  before: string,
  signal: "SIGKILL" | "SIGTERM",
): Promise<Gap> {
  const urls = cluster.nodes.filter(({ id }) => id !== before).map(({ url }) => url);
  await using client = await KibitzerClient.connect(urls);
  for (let entry = 0; entry < entriesBefore; entry += 1) await client.publish("before");
  const struck = performance.now();
  cluster.child(before).signal(signal);
  // At SIGTERM the old leader still answers for a moment: the longest pause is what counts.
  let gapMs = 0;
  let entries = entriesBefore;
  let last = struck;
  let after: string | null = before;
  while (after === before || after === null) {
    await client.publish("after");
    const now = performance.now();
    gapMs = Math.max(gapMs, now - last);
    last = now;
    entries += 1;
    after = (await client.status()).government.leader;
    last = performance.now();
  }
  await client.publish("after");
  gapMs = Math.max(gapMs, performance.now() - last);
  await cluster.child(before).ended();
  return { before, after, gapMs, entries: entries + 1 };
}

/**
 * Many republics of three members, hosted by three processes: what each costs at rest, and with
 * little to do.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { assert } from "../consensus/index.ts";
import { KibitzerClient } from "../src/index.ts";
import { Host } from "./load/republics-task.ts";
import type { Bench } from "./loads.ts";
import type { RepublicsPlan } from "./plan.ts";
import { cpuSeconds, residentMiBEach } from "./processes.ts";
import type { RepublicsRow } from "./result.ts";
import { inScratch } from "./scratch.ts";

const ids = ["a", "b", "c"] as const;
const pollMs = 100;

export async function measureRepublics(bench: Bench): Promise<readonly RepublicsRow[]> {
  const rows: RepublicsRow[] = [];
  for (const count of bench.plan.republics.counts) {
    bench.step(`kibitzer: ${count} republics in each of three processes`);
    rows.push(await measureSome(bench, count));
  }
  return rows;
}

async function measureSome({ plan, port }: Bench, republics: number): Promise<RepublicsRow> {
  return await inScratch(port, async ({ directory }) => {
    const hosts: Host[] = [];
    try {
      let founders: readonly string[] = [];
      for (const id of ids) {
        const host = new Host({ id, directory: join(directory, id), republics, founders });
        hosts.push(host);
        const endpoints = await host.endpoints();
        if (founders.length === 0) founders = endpoints;
      }
      for (const founder of founders) await untilWhole(founder);
      return { republics, ...(await measureHosts(hosts, plan.republics)) };
    } finally {
      for (const host of hosts) host.end();
    }
  });
}

/** First at rest, then with the load, which the first of them publishes. */
async function measureHosts(
  hosts: readonly Host[],
  { perSecond, seconds, warmUpSeconds, idleSeconds }: RepublicsPlan,
): Promise<Omit<RepublicsRow, "republics">> {
  const [first] = hosts;
  assert(first !== undefined, "somebody publishes");
  await pause(warmUpSeconds * 1000);
  const idle = await costOf(hosts, async () => await pause(idleSeconds * 1000));
  const pids = hosts.map(({ pid }) => pid);
  const sockets = pids.reduce((sum, pid) => sum + socketsOf(pid), 0);
  await first.play(perSecond, warmUpSeconds);
  const busy = await costOf(hosts, async () => await first.play(perSecond, seconds));
  const { acknowledged, p50, p99, ...took } = busy.result;
  const held = residentMiBEach(pids);
  return {
    sockets,
    rssMiBAll: held.reduce((sum, each) => sum + each, 0),
    idleCores: idle.cores,
    idleSyncs: idle.syncs,
    rate: acknowledged / took.seconds,
    p50,
    p99,
    cores: busy.cores,
    syncs: busy.syncs,
  };
}

/** A second. */
interface Cost<T> {
  readonly cores: number;
  readonly syncs: number;
  readonly result: T;
}

async function costOf<T>(hosts: readonly Host[], use: () => Promise<T>): Promise<Cost<T>> {
  const pids = hosts.map(({ pid }) => pid);
  const syncsNow = async (): Promise<number> => {
    const each = await Promise.all(hosts.map(async (host) => await host.syncs()));
    return each.reduce((sum, syncs) => sum + syncs, 0);
  };
  const syncsBefore = await syncsNow();
  const cpuBefore = cpuSeconds(pids);
  const begun = performance.now();
  const result = await use();
  const seconds = (performance.now() - begun) / 1000;
  const cores = (cpuSeconds(pids) - cpuBefore) / seconds;
  return { cores, syncs: ((await syncsNow()) - syncsBefore) / seconds, result };
}

/** Until everybody has a seat, and what is decided. */
async function untilWhole(endpoint: string): Promise<void> {
  await using client = await KibitzerClient.connect([endpoint]);
  for (;;) {
    const { government, members } = await client.status();
    if (government.parliament.length === ids.length && members.length === ids.length) return;
    await pause(pollMs);
  }
}

/** Connections, listeners included; each connection is counted at both of its ends. */
function socketsOf(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  const isSocket = (name: string): boolean => {
    try {
      return readlinkSync(join(directory, name)).startsWith("socket:");
    } catch {
      return false;
    }
  };
  return readdirSync(directory).filter(isSocket).length;
}

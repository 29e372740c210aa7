/**
 * A job that every process is to start at each tick, and one runs: `once` gives each tick to one
 * process at most, whatever crashes, sleeps or restarts.
 */
import { setTimeout } from "node:timers/promises";
import { KibitzerClient } from "kibitzer";
import { Kv } from "kibitzer/kv";
import { FencedStore, StaleFence } from "./fenced-store.ts";
import { endpoints, everyMs, owner, storePath, ttlMs, workMs } from "./settings.ts";

const kv = new Kv(await KibitzerClient.connect(endpoints));
const store = new FencedStore(storePath);

/** A scheduler of one line; any other one that tells the time of the tick will do. */
async function next(): Promise<Date> {
  const tick = (Math.floor(Date.now() / everyMs) + 1) * everyMs;
  await setTimeout(tick - Date.now());
  return new Date(tick);
}

async function report(tick: Date, fence: number): Promise<void> {
  try {
    store.read("report", fence);
    console.log(`runs ${tick.toISOString()} under ${fence}`);
    await setTimeout(workMs);
    store.write("report", fence, tick.toISOString());
    console.log(`done ${fence}`);
  } catch (error) {
    if (!(error instanceof StaleFence)) throw error;
    console.log(`refused ${fence}`);
  }
}

for (;;) {
  const tick = await next();
  await using run = await kv.once("report", tick, { ttlMs, owner });
  if (run !== null) await report(tick, run.token);
}

/**
 * A lock around something read, changed and written back. The store sees the fence at both ends:
 * who was overtaken in between is refused, and no count is lost.
 */
import { setTimeout } from "node:timers/promises";
import { KibitzerClient } from "kibitzer";
import { Kv } from "kibitzer/kv";
import { FencedStore, StaleFence } from "./fenced-store.ts";
import { endpoints, owner, storePath, ttlMs, workMs } from "./settings.ts";

const kv = new Kv(await KibitzerClient.connect(endpoints));
const store = new FencedStore(storePath);

for (;;) {
  await using lock = await kv.lock("counter", { ttlMs, owner });
  try {
    const count = Number(store.read("counter", lock.token) ?? 0);
    console.log(`counts from ${count} under ${lock.token}`);
    await setTimeout(workMs);
    store.write("counter", lock.token, `${count + 1}`);
    console.log(`done ${lock.token}`);
  } catch (error) {
    if (!(error instanceof StaleFence)) throw error;
    console.log(`refused ${lock.token}`);
  }
}

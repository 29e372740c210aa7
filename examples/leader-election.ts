/**
 * One leader among many processes: who has the lock leads, until its signal fires. What the leader
 * does carries its fence, so that one that was paused, and does not know yet, does no harm.
 */
import { setTimeout } from "node:timers/promises";
import { KibitzerClient } from "kibitzer";
import { Kv } from "kibitzer/kv";
import { FencedStore, StaleFence } from "./fenced-store.ts";
import { endpoints, owner, storePath, ttlMs, workMs } from "./settings.ts";

const kv = new Kv(await KibitzerClient.connect(endpoints));
const store = new FencedStore(storePath);

for (;;) {
  await using turn = await kv.lock("leader", { ttlMs, owner });
  console.log(`leads under ${turn.token}`);
  try {
    while (!turn.signal.aborted) {
      store.write("leader", turn.token, owner);
      await setTimeout(workMs);
    }
    console.log(`lost ${turn.token}`);
  } catch (error) {
    if (!(error instanceof StaleFence)) throw error;
    console.log(`refused ${turn.token}`);
  }
}

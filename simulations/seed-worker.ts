/** A thread that runs the seeds it is sent, one after the other; see seed-pool.ts. */
import { parentPort } from "node:worker_threads";
import { runSeed, type SeedOrder } from "./seed-run.ts";

parentPort?.on("message", (order: SeedOrder) => {
  // What goes wrong outside of a run ends the thread, and the pool with it.
  void runSeed(order).then((result) => parentPort?.postMessage(result));
});

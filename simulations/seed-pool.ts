/**
 * Runs seeds on several threads, and gives their results in the order of the seeds: what is printed
 * does not depend on how many there are.
 */
import { Worker } from "node:worker_threads";
import { assert } from "../consensus/assert.ts";
import { runSeed, type SeedOrder, type SeedResult } from "./seed-run.ts";

/** Results may be so many seeds ahead of the one that is waited for, for each thread. */
const aheadMax = 64;
const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";

/** @param threads From 1 on; a single one is this thread itself. */
export async function* runSeeds(
  orders: readonly SeedOrder[],
  threads: number,
): AsyncGenerator<SeedResult> {
  assert(Number.isSafeInteger(threads) && threads >= 1, "somebody runs the seeds");
  if (threads === 1 || orders.length === 1) {
    for (const order of orders) yield await runSeed(order);
    return;
  }
  const pool = new SeedPool(orders, Math.min(threads, orders.length));
  try {
    for (let at = 0; at < orders.length; at += 1) yield await pool.result(at);
  } finally {
    await pool.close();
  }
}

class SeedPool {
  readonly #orders: readonly SeedOrder[];
  readonly #results: (PromiseWithResolvers<SeedResult> | undefined)[] = [];
  readonly #workers: readonly Worker[];
  readonly #idle = new Set<Worker>();
  #next = 0;
  #wanted = 0;

  constructor(orders: readonly SeedOrder[], threads: number) {
    this.#orders = orders;
    this.#workers = Array.from({ length: threads }, () => this.#hire());
    for (const worker of this.#workers) this.#give(worker);
  }

  async result(at: number): Promise<SeedResult> {
    this.#wanted = at;
    for (const worker of this.#idle) this.#give(worker);
    const result = await this.#at(at).promise;
    this.#results[at] = undefined;
    return result;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => await worker.terminate()));
  }

  #hire(): Worker {
    const worker = new Worker(new URL(`seed-worker.${suffix}`, import.meta.url));
    worker.on("message", (result: SeedResult) => {
      const first = this.#orders[0]?.seed ?? 0;
      this.#at(result.report.seed - first).resolve(result);
      this.#give(worker);
    });
    worker.on("error", (error) => this.#at(this.#wanted).reject(error));
    return worker;
  }

  #give(worker: Worker): void {
    const order = this.#orders[this.#next];
    this.#idle.add(worker);
    if (order === undefined || this.#next > this.#wanted + aheadMax) return;
    this.#idle.delete(worker);
    this.#next += 1;
    worker.postMessage(order);
  }

  #at(at: number): PromiseWithResolvers<SeedResult> {
    return (this.#results[at] ??= Promise.withResolvers<SeedResult>());
  }
}

/**
 * Does tasks on several threads, and gives their results in the order of the tasks: what is printed
 * does not depend on how many threads there are. Knows nothing of what the tasks are.
 */
import { Worker, parentPort } from "node:worker_threads";
import { assert } from "../consensus/assert.ts";

/** Results may be so many tasks ahead of the one that is waited for. */
const aheadMax = 64;
/** Most of what a run makes is garbage at once: with more room for it, less is copied around. */
const resourceLimits = { maxYoungGenerationSizeMb: 96 };

export interface PoolOptions {
  /** The module that calls {@link serveTasks}, without its extension, beside `beside`. */
  readonly worker: string;
  /** The `import.meta.url` of whoever asks. */
  readonly beside: string;
  /** From 1 on. */
  readonly threads: number;
}

/** What a thread is sent; what the task is, its module knows. */
interface Job {
  readonly at: number;
  readonly task: never;
}

interface Done<Result> {
  readonly at: number;
  readonly result: Result;
}

/** Rejects when a thread fails; ends all threads when it is left. */
export async function* runTasks<Result>(
  tasks: readonly unknown[],
  options: PoolOptions,
): AsyncGenerator<Result> {
  const { threads } = options;
  assert(Number.isSafeInteger(threads) && threads >= 1, "somebody does the tasks");
  const pool = new Pool<Result>(tasks, options);
  try {
    for (let at = 0; at < tasks.length; at += 1) yield await pool.result(at);
  } finally {
    await pool.close();
  }
}

/** Does what this thread is sent, one after the other; nothing where nobody sends. */
export function serveTasks(run: (task: never) => unknown): void {
  const port = parentPort;
  port?.on("message", ({ at, task }: Job) => {
    // What goes wrong outside of a run ends the thread, and the pool with it.
    void (async () => {
      const done: Done<unknown> = { at, result: await run(task) };
      port.postMessage(done);
    })();
  });
}

class Pool<Result> {
  readonly #tasks: readonly unknown[];
  readonly #options: PoolOptions;
  readonly #results: (PromiseWithResolvers<Result> | undefined)[] = [];
  readonly #workers: readonly Worker[];
  readonly #idle = new Set<Worker>();
  #next = 0;
  #wanted = 0;

  constructor(tasks: readonly unknown[], options: PoolOptions) {
    this.#tasks = tasks;
    this.#options = options;
    const threads = Math.min(options.threads, tasks.length);
    this.#workers = Array.from({ length: threads }, () => this.#hire());
    for (const worker of this.#workers) this.#give(worker);
  }

  async result(at: number): Promise<Result> {
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
    const { worker: name, beside } = this.#options;
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`${name}.${extension}`, beside), { resourceLimits });
    worker.on("message", ({ at, result }: Done<Result>) => {
      this.#at(at).resolve(result);
      this.#give(worker);
    });
    worker.on("error", (error) => this.#at(this.#wanted).reject(error));
    return worker;
  }

  #give(worker: Worker): void {
    const at = this.#next;
    const task = this.#tasks[at];
    this.#idle.add(worker);
    if (at >= this.#tasks.length || at > this.#wanted + aheadMax) return;
    this.#idle.delete(worker);
    this.#next += 1;
    worker.postMessage({ at, task });
  }

  #at(at: number): PromiseWithResolvers<Result> {
    return (this.#results[at] ??= Promise.withResolvers<Result>());
  }
}

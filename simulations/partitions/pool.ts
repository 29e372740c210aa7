/** Spreads cases over threads, a few at a time; the results come in the order of the cases. */
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Case } from "./partition-run.ts";
import type { Result } from "./worker.ts";

/** Virtual time, in ET, of one message back and forth: keeps threads busy and news fresh. */
const chunkTimeouts = 400;

function chunked(cases: readonly Case[]): readonly (readonly Case[])[] {
  const chunks: Case[][] = [];
  let length = Infinity;
  for (const each of cases) {
    if (length >= chunkTimeouts) {
      chunks.push([]);
      length = 0;
    }
    chunks.at(-1)?.push(each);
    length += each.timeouts + 10;
  }
  return chunks;
}

/** Runs all `cases`; `progress` is told how many are done. Rejects when a thread fails. */
export async function runAll(
  cases: readonly Case[],
  progress: (done: number) => void,
): Promise<readonly Result[]> {
  const chunks = chunked(cases);
  const results: (readonly Result[])[] = chunks.map(() => []);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const path = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);
    const worker = new Worker(path);
    try {
      for (let at = next++; at < chunks.length; at = next++) {
        const chunk = chunks[at] ?? [];
        results[at] = await ask(worker, chunk);
        done += chunk.length;
        progress(done);
      }
    } finally {
      await worker.terminate();
    }
  };
  const threads = Math.min(availableParallelism(), chunks.length);
  await Promise.all(Array.from({ length: threads }, work));
  return results.flat();
}

async function ask(worker: Worker, cases: readonly Case[]): Promise<readonly Result[]> {
  return await new Promise((resolve, reject) => {
    const settle = (): void => {
      worker.off("error", failed);
      worker.off("message", answered);
    };
    const failed = (error: unknown): void => {
      settle();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const answered = (results: readonly Result[]): void => {
      settle();
      resolve(results);
    };
    worker.on("error", failed);
    worker.on("message", answered);
    worker.postMessage(cases);
  });
}

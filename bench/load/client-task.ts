/** Has a client process do some work, one load after the other, and returns what it measured. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { ClientOptions } from "../../src/index.ts";
import { endsWithThis } from "../way-out.ts";
import type { SystemName } from "../systems/system.ts";
import type { Measured, Work } from "./load.ts";

export interface ClientTask {
  readonly system: SystemName;
  readonly endpoints: readonly string[];
  /** The servers' processes, whose cost is measured. */
  readonly pids: readonly number[];
  readonly works: readonly Work[];
  /** How many publishers take turns, each a client with its own connection; default 1. */
  readonly publishers?: number;
  /** Files, for Kibitzer over TLS. */
  readonly tls?: NonNullable<ClientOptions["tls"]>;
}

const program = resolve(import.meta.dirname, "client-process.ts");
/** Beyond the time that the work itself takes. */
const patienceMs = 60_000;

/**
 * One result for each of `works`, told one by one.
 * @throws {Error} when the process fails, or hangs.
 */
export async function inClientProcess(
  task: ClientTask,
  told: (measured: Measured, at: number) => void = () => undefined,
): Promise<readonly Measured[]> {
  const seconds = task.works.reduce((sum, work) => sum + work.seconds + work.warmUpSeconds, 0);
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: seconds * 1000 + patienceMs,
  });
  endsWithThis(child);
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  const results: Measured[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const measured: Measured = JSON.parse(line);
    results.push(measured);
    told(measured, results.length - 1);
  }
  await ended;
  if (results.length === task.works.length) return results;
  const { system, works } = task;
  throw new Error(
    `the client of ${system} ended ${results.length} of ${works.length} loads, ` +
      `with ${child.signalCode ?? child.exitCode}`,
  );
}

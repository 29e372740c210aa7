/** Has a client process do some work, and returns what it measured. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { SystemName } from "../systems/system.ts";
import type { Measured, Work } from "./load.ts";

export interface ClientTask {
  readonly system: SystemName;
  readonly endpoints: readonly string[];
  /** The servers' processes, whose cost is measured. */
  readonly pids: readonly number[];
  readonly work: Work;
}

const program = resolve(import.meta.dirname, "client-process.ts");
/** Beyond the time that the work itself takes. */
const patienceMs = 60_000;

/** @throws {Error} when the process fails, or hangs. */
export async function inClientProcess(task: ClientTask): Promise<Measured> {
  const { seconds, warmUpSeconds } = task.work;
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(task)], {
    timeout: (seconds + warmUpSeconds) * 1000 + patienceMs,
  });
  const measured: Measured = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  return measured;
}

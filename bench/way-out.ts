/** What does not outlive this process, however it ends: other processes, and directories. */
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { constants } from "node:os";

/** After which who was killed is gone. */
const killedMs = 200;

const children = new Set<ChildProcess>();
const directories = new Set<string>();

/** Killed at the latest when this process ends; one that is detached with what it has started. */
export function endsWithThis(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Removed at the latest when this process ends; whoever removes it before says so. */
export function goesWithThis(directory: string): { isGone(): void } {
  directories.add(directory);
  return { isGone: () => void directories.delete(directory) };
}

process.on("exit", () => {
  if (children.size > 0) {
    for (const child of children) kill(child);
    // They may still be at their last writes.
    pauseSync(killedMs);
  }
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It leads no group.
    child.kill("SIGKILL");
  }
}

function pauseSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Runs a system in a directory of its own, and leaves nothing of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goesWithThis } from "./way-out.ts";
import type { Running, System, Where } from "./systems/system.ts";

export async function inScratch<T>(port: number, use: (where: Where) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "kibitzer-bench-"));
  const atTheLatest = goesWithThis(directory);
  try {
    return await use({ directory, port });
  } finally {
    await rm(directory, { recursive: true, force: true });
    atTheLatest.isGone();
  }
}

/** Runs it until `use` is done, whole from the beginning. */
export async function whileRunning<T>(
  system: System,
  port: number,
  use: (running: Running) => Promise<T>,
): Promise<T> {
  return await inScratch(port, async (where) => {
    const running = system.launch(where);
    try {
      await running.whole();
      return await use(running);
    } finally {
      await running.stop();
    }
  });
}

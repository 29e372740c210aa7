/**
 * What is kept of a failure, for people: the disks of all nodes with their recordings, and what the
 * caller adds, in one new directory. Nothing in here decides whether there was a failure.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SimulatedNode } from "./cluster.ts";

export interface Evidence {
  /** Null when it could not be made. */
  readonly directory: string | null;
  /** Why it is not there, or not whole; null when it is. */
  readonly problem: string | null;
}

/**
 * A full disk must not hide what was found: neither this failure, nor those that come next.
 * @param texts By the names of their files.
 */
export function keepEvidence(
  name: string,
  nodes: readonly Pick<SimulatedNode, "id" | "disk">[],
  texts: ReadonlyMap<string, string>,
): Evidence {
  let directory: string | null = null;
  try {
    directory = mkdtempSync(join(tmpdir(), `${name}-`));
    for (const { id, disk } of nodes) {
      for (const path of disk.paths()) {
        const target = join(directory, id, path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, disk.peek(path) ?? new Uint8Array());
      }
    }
    for (const [file, text] of texts) writeFileSync(join(directory, file), text);
    return { directory, problem: null };
  } catch (error) {
    return { directory, problem: error instanceof Error ? error.message : String(error) };
  }
}

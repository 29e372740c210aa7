/**
 * A small file that is kept twice, replaced whole one copy after the other: one damaged copy costs
 * nothing. Never takes a missing pair for an empty one.
 */
import { KibitzerError } from "../kibitzer-error.ts";
import type { FileSystem } from "../world.ts";
import { olderVersion } from "./damage.ts";
import type { Finding } from "./recovery.ts";
import { readWhole, replaceFile, seal, unseal, versionIn } from "./sealed-file.ts";

export interface Copies {
  readonly directory: string;
  /** The first is written first. */
  readonly names: readonly [string, string];
  readonly kind: string;
  readonly version: number;
}

/** What tells the later of two copies. */
export interface Counted {
  readonly counter: number;
}

/** Both copies are durable when this resolves; until then either holds this or the one before. */
export async function replaceBoth(
  files: FileSystem,
  { directory, names, kind, version }: Copies,
  document: Counted,
): Promise<void> {
  const bytes = seal(kind, version, document);
  for (const name of names) await replaceFile(files, directory, name, bytes);
}

/**
 * The later of the intact copies, and what is wrong with the other one; null when there is none.
 * @param check Refuses what is not such a document.
 * @throws {KibitzerError} `KBZ_DAMAGED` when there are copies and none is intact.
 */
export async function readLatest<Document extends Counted>(
  files: FileSystem,
  copies: Copies,
  check: (path: string, document: unknown) => Document,
): Promise<{ readonly document: Document; readonly findings: readonly Finding[] } | null> {
  const intact: Document[] = [];
  const missing: Finding[] = [];
  const findings: Finding[] = [];
  let failure: KibitzerError | null = null;
  for (const name of copies.names) {
    const path = `${copies.directory}/${name}`;
    const bytes = await readWhole(files, path);
    if (bytes === null) {
      missing.push({ path, offset: 0, text: "the file is missing" });
      continue;
    }
    try {
      const document = unseal(path, copies.kind, copies.version, bytes);
      const found = versionIn(bytes);
      if (found < copies.version) throw olderVersion(path, found, copies.version);
      intact.push(check(path, document));
    } catch (error) {
      if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
      failure ??= error;
      findings.push({ path, offset: 0, text: error.message });
    }
  }
  const [first, second] = intact;
  if (first === undefined) {
    if (failure === null) return null;
    throw failure;
  }
  const document = second !== undefined && second.counter > first.counter ? second : first;
  // Of the first version there may be one copy yet: whoever wrote it ended in between.
  return { document, findings: document.counter > 1 ? [...missing, ...findings] : findings };
}

/**
 * A small file that is kept twice, replaced whole: one damaged copy costs nothing. Never takes a
 * missing pair for an empty one.
 */
import { KibitzerError } from "../kibitzer-error.ts";
import type { FileSystem } from "../world.ts";
import { olderVersion } from "./damage.ts";
import type { Finding } from "./recovered.ts";
import { readWhole, replaceFiles, seal, unseal, versionIn } from "./sealed-file.ts";

export interface Copies {
  readonly directory: string;
  /** The first is put into its place first, unless only the second is missing. */
  readonly names: readonly [string, string];
  readonly kind: string;
  readonly version: number;
  /** Whether both are known to have been written: then a missing one is damage in any case. */
  readonly wereWritten?: boolean;
}

/** What tells the later of two copies. */
export interface Counted {
  readonly counter: number;
}

/**
 * Both copies are durable when this resolves; until then each holds this or the one before. A
 * second one that is not there yet is made before the first is of a version that tells of both.
 */
export async function replaceBoth(
  files: FileSystem,
  { directory, names, kind, version }: Copies,
  document: Counted,
): Promise<void> {
  const bytes = seal(kind, version, document);
  const [first, second] = names;
  const isFirstAlone =
    (await files.exists(`${directory}/${first}`)) &&
    !(await files.exists(`${directory}/${second}`));
  await replaceFiles(files, directory, isFirstAlone ? [second, first] : names, bytes);
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
  const found: Copy<Document>[] = [];
  for (const name of copies.names) {
    found.push(await readCopy(files, `${copies.directory}/${name}`, copies, check));
  }
  const intact = found.flatMap(({ document }) => (document === null ? [] : [document]));
  const [first, second] = intact;
  const failure = found.find((copy) => copy.failure !== null)?.failure ?? null;
  if (first === undefined) {
    if (failure === null) return null;
    throw failure;
  }
  const document = second !== undefined && second.counter > first.counter ? second : first;
  const findings = found.flatMap(({ path, isMissing, failure: damage }, at): Finding[] => {
    if (damage !== null) return [{ path, offset: 0, text: damage.message }];
    // Of the first version the second copy may not be there yet: its writer ended in between.
    const wasThere = at === 0 || document.counter > 1 || copies.wereWritten === true;
    const isDamage = isMissing && wasThere;
    return isDamage ? [{ path, offset: 0, text: "the file is missing" }] : [];
  });
  return { document, findings };
}

interface Copy<Document> {
  readonly path: string;
  readonly document: Document | null;
  readonly isMissing: boolean;
  readonly failure: KibitzerError | null;
}

async function readCopy<Document>(
  files: FileSystem,
  path: string,
  { kind, version }: Copies,
  check: (path: string, document: unknown) => Document,
): Promise<Copy<Document>> {
  const bytes = await readWhole(files, path);
  if (bytes === null) return { path, document: null, isMissing: true, failure: null };
  try {
    const document = unseal(path, kind, version, bytes);
    const found = versionIn(bytes);
    if (found < version) throw olderVersion(path, found, version);
    return { path, document: check(path, document), isMissing: false, failure: null };
  } catch (failure) {
    if (!(failure instanceof KibitzerError) || failure.code !== "KBZ_DAMAGED") throw failure;
    return { path, document: null, isMissing: false, failure };
  }
}

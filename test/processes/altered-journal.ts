/**
 * Plants a divergence: writes the journal of a stopped node anew with another past, valid in every
 * checksum and in its chain of hashes, so that nothing but a comparison with its peers can tell.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { hashDecree, hashZero, type Decree, type Write } from "../../consensus/index.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { Bodies } from "../../src/storage/bodies.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import { Journal, type Recovered } from "../../src/storage/journal.ts";
import { nodeFiles } from "../../src/storage/node-files.ts";
import { systemChance } from "../../src/system/system-chance.ts";

/**
 * Alters the last batch that `path`'s node knows to be decided: it was published a moment later.
 */
export async function alterLastBatch(path: string): Promise<void> {
  const files = nodeFiles();
  await using directory = await DataDirectory.open({ files, path, chance: systemChance() });
  const { republic, id, cookie } = directory.record;
  assert(republic !== null);
  const quiet = { onPersisted: () => undefined, onFailed: fail };
  const { framed, recovered } = await readAll(directory, quiet);
  const target = framed.findLast(
    ({ decree }) => decree.value.kind === "batch" && decree.slot <= recovered.decided,
  );
  assert(target !== undefined, "there is a decided batch to alter");

  rmSync(join(path, "journal"), { recursive: true });
  for (const copy of ["promise-1", "promise-2"]) rmSync(join(path, copy));
  const identity = { republic: republic.identity, id, cookie };
  const options = { files, directory: path, identity, expected: false, ...quiet };
  const { journal } = await Journal.open(options);
  await using _closed = journal;
  const bodies = new Bodies();
  for (const { decree, body } of framed) {
    if (decree.value.kind === "batch" && body !== null) bodies.set(decree.value, body);
  }
  journal.append(writeOf(chained(framed, target.decree.slot), recovered), bodies);
}

async function readAll(
  directory: DataDirectory,
  quiet: { readonly onPersisted: () => void; readonly onFailed: (error: Error) => void },
): Promise<{ readonly framed: readonly FramedDecree[]; readonly recovered: Recovered }> {
  const { journal, recovered } = await directory.openJournal(quiet);
  await using _closed = journal;
  const framed: FramedDecree[] = [];
  for await (const one of journal.scan(1, recovered.length)) framed.push(one);
  return { framed, recovered };
}

/** The decrees with that of `slot` altered, and the hashes from there on as if it always was so. */
function chained(framed: readonly FramedDecree[], slot: number): readonly Decree[] {
  let before = hashZero;
  return framed.map(({ decree }) => {
    const { hash: _, ...fields } = decree;
    const kept = decree.slot === slot ? { ...fields, when: fields.when + 1 } : fields;
    before = hashDecree(before, kept);
    return { ...kept, hash: before };
  });
}

function writeOf(decrees: readonly Decree[], recovered: Recovered): Write {
  const { promised, accepted, decided, heard, writeLast } = recovered;
  const number = writeLast + 1;
  return { number, promised, accepted, slotFirst: 1, decrees, decided, heard, lostUpTo: 0 };
}

function fail(error: Error): void {
  throw error;
}

/**
 * Whether the files that stand for the past of a log are what was written: snapshots, and the
 * places of older slots. Writes nothing.
 */
import type { Manifest } from "../storage/manifest.ts";
import { archiveName } from "../storage/archive-file.ts";
import type { Finding } from "../storage/recovered.ts";
import { SlotArchive } from "../storage/slot-archive.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import type { FileSystem } from "../world.ts";

/** @param directory The data directory. */
export async function snapshotFindings(
  files: FileSystem,
  directory: string,
  { republic, starts }: Manifest,
): Promise<readonly Finding[]> {
  const snapshots = new SnapshotFiles(files, directory);
  const findings: Finding[] = [];
  const slots = new Set([...starts.map(({ slot }) => slot), ...(await snapshots.list())]);
  for (const slot of slots) {
    if ((await snapshots.wholeState(slot, republic)) !== null) continue;
    const path = snapshots.path(slot);
    findings.push({ path, offset: 0, text: "the snapshot is missing, or not what was written" });
  }
  return findings;
}

/** @param directory Of the journal. */
export async function archiveFindings(
  files: FileSystem,
  directory: string,
  { archives }: Manifest,
): Promise<readonly Finding[]> {
  const archive = new SlotArchive(archives, { files, directory, rebuild: async () => null });
  const findings: Finding[] = [];
  for (const each of archives) {
    if (await archive.isWhole(each)) continue;
    const path = `${directory}/${archiveName(each)}`;
    findings.push({ path, offset: 0, text: "it does not hold the places that were written" });
  }
  return findings;
}

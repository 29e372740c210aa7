/**
 * The rows of an archive again, from the segments that its slots are in. Which batches took indexes
 * depends on publishers before; it is inferred, and only its checksum says whether rightly.
 */
import { ballotZero, type Decree, type Slot } from "../../consensus/index.ts";
import type { FileSystem } from "../world.ts";
import type { ArchivedRow } from "./archive-file.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { openSegment, type OpenedFile } from "./journal-segments.ts";
import type { ArchivedSlots, ManifestBody, SegmentEntry } from "./manifest.ts";
import type { RecoveredGroup } from "./recovered.ts";
import { JournalScan } from "./recovery.ts";
import type { StorageIdentity } from "./segment.ts";
import type { Place } from "./slot-index.ts";

export interface RebuildOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly identity: StorageIdentity;
  readonly body: ManifestBody;
}

/** Where the log ends matters to nobody here. */
const nothingKnown = { accepted: ballotZero, length: 0, decided: 0, hash: null };

interface Found {
  readonly decree: Decree;
  readonly place: Place;
}

/** Null when a segment is not there, or still written to, or damaged. */
export async function rebuildRows(
  archive: ArchivedSlots,
  options: RebuildOptions,
): Promise<readonly ArchivedRow[] | null> {
  const generations = archive.segments.map(({ generation }) => generation);
  const [least, most] = [Math.min(...generations), Math.max(...generations)];
  // What was mended stands behind, in a segment that may be any later one.
  const entries = options.body.segments.filter(({ generation, closed }) => {
    return generation >= least && (generation <= most || closed !== null);
  });
  if (entries.length === 0 || entries[0]?.generation !== least) return null;
  const found = await readSlots(archive, entries, options);
  const slots = archive.slotLast - archive.slotFirst + 1;
  if (found.size !== slots) return null;
  return rowsOf(archive, found);
}

/** The last record of each slot. */
async function readSlots(
  { slotFirst, slotLast, segments }: ArchivedSlots,
  entries: readonly SegmentEntry[],
  { files, directory, identity, body }: RebuildOptions,
): Promise<ReadonlyMap<Slot, Found>> {
  const found = new Map<Slot, Found>();
  const opened: OpenedFile[] = [];
  const most = Math.max(...segments.map(({ generation }) => generation));
  try {
    for (const entry of entries) {
      opened.push(await openSegment(files, directory, identity, entry));
    }
    const first = body.segments.findIndex(({ generation }) => {
      return generation === entries[0]?.generation;
    });
    const before = body.segments[first - 1]?.closed?.group ?? body.removed;
    const known = { synced: before, before, extent: nothingKnown };
    const onGroup = ({ kind, segment, writes }: RecoveredGroup): void => {
      const generation = opened[segment]?.header.generation ?? 0;
      if (kind === "group" && generation > most) return;
      for (const { records } of writes) {
        for (const { framed, offset, size } of records) {
          const { slot } = framed.decree;
          if (slot < slotFirst || slot > slotLast) continue;
          found.set(slot, { decree: framed.decree, place: { generation, offset, size } });
        }
      }
    };
    // What is lost is not in what is found: then the rows are not all there.
    const handlers = { onGroup, onLost: async () => {} };
    const { unmarked } = await new JournalScan(opened, identity.republic, known, handlers).run();
    // Nothing after it says so, but what is in an archive was synced.
    if (unmarked !== null) onGroup(unmarked);
    return found;
  } catch (error) {
    if (error instanceof KibitzerError && error.code === "KBZ_DAMAGED") return new Map();
    throw error;
  } finally {
    for (const { file } of opened) await file?.close();
  }
}

/**
 * A batch takes indexes when it comes next for its publisher. The first of a publisher is taken to
 * do so; a checksum over all rows tells whether it did.
 */
function rowsOf(
  { slotFirst, slotLast, government: governmentFirst }: ArchivedSlots,
  found: ReadonlyMap<Slot, Found>,
): readonly ArchivedRow[] {
  const next = new Map<number, number>();
  const rows: ArchivedRow[] = [];
  let taken = 0;
  let government = governmentFirst;
  for (let slot = slotFirst; slot <= slotLast; slot += 1) {
    const one = found.get(slot);
    if (one === undefined) break;
    const { value } = one.decree;
    rows.push({ ...one.place, taken, government });
    if (value.kind === "succession" || value.kind === "refounding") {
      government = value.government;
    }
    if (value.kind !== "batch") continue;
    const { publisher, sequence, count } = value;
    if ((next.get(publisher) ?? sequence) !== sequence) continue;
    next.set(publisher, sequence + count);
    taken += count;
  }
  return rows;
}

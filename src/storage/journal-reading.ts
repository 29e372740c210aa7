/**
 * Reads a journal back, once: from the newest snapshot that can be read on, or from its beginning.
 * Places, promises and the replicated state come of the same groups. Writes nothing.
 */
import type { RepublicState, Slot } from "../../consensus/index.ts";
import type { FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import { EntryIndex } from "./entry-index.ts";
import {
  applyRead,
  checkPresent,
  openSegment,
  scanSegments,
  type OpenedFile,
} from "./journal-segments.ts";
import { LogState } from "./log-state.ts";
import { manifestName, type ArchivedSlots, type Manifest, type SegmentEntry } from "./manifest.ts";
import type { LogEnd, ReadStart } from "./read-start.ts";
import { RecoveredLog } from "./recovered-log.ts";
import type { ScanResult } from "./recovery.ts";
import type { StorageIdentity } from "./segment.ts";
import { snapshotName } from "./snapshot-name.ts";

export interface JournalPlace {
  readonly files: FileSystem;
  /** The data directory; the journal is in `journal/` below it. */
  readonly directory: string;
  readonly identity: StorageIdentity;
  /** Whether a journal must be there: then a missing one is damage, never a fresh start. */
  readonly expected: boolean;
  /** Bytes of the first segment of this life. */
  readonly segmentBytesFirst: number;
  /** The replicated state in the snapshot after `slot`; null when that cannot be read. */
  snapshot(slot: Slot): Promise<RepublicState | null>;
}

const nothingRead: ScanResult = { unmarked: null, synced: 0, ends: [], torn: false };

/** What a journal's files amount to. */
export interface ReadBack {
  readonly log: LogState;
  readonly entries: EntryIndex;
  readonly folded: RecoveredLog;
  readonly ends: Map<number, LogEnd>;
  readonly scan: ScanResult;
  /** So many segments at the front were not read. */
  readonly skipped: number;
  readonly starts: readonly ReadStart[];
  readonly archives: readonly ArchivedSlots[];
}

/**
 * Reads what follows the newest snapshot that can be read, or all of it, once: places, promises and
 * the replicated state come of the same groups.
 */
export async function readBack(
  place: JournalPlace,
  path: string,
  manifest: Manifest | null,
): Promise<ReadBack> {
  const entries = new EntryIndex();
  if (manifest === null) {
    const nothing = { log: new LogState(), entries, folded: new RecoveredLog(null, entries) };
    return { ...nothing, ends: new Map(), scan: nothingRead, skipped: 0, starts: [], archives: [] };
  }
  const { starts, state } = await chooseStart(place, path, manifest);
  const start = starts.at(-1) ?? null;
  const log = new LogState(start);
  const folded = new RecoveredLog(state, entries);
  const isSkipped = ({ generation }: SegmentEntry): boolean =>
    generation < (start?.generation ?? 0);
  const skipped = manifest.segments.filter(isSkipped);
  for (const entry of skipped) await checkPresent(place.files, path, entry);
  const tail = manifest.segments.slice(skipped.length);
  const ends = new Map<number, LogEnd>();
  const scan = await readTail(place.files, path, { manifest, start, tail, log, folded, ends });
  const slot = state?.slot ?? 0;
  const archives = manifest.archives.filter(({ slotLast }) => slotLast <= slot);
  return { log, entries, folded, ends, scan, skipped: skipped.length, starts, archives };
}

/** The newest start whose snapshot is whole comes last; none, when the whole log is there. */
async function chooseStart(
  place: JournalPlace,
  path: string,
  { starts, removed }: Manifest,
): Promise<{ readonly starts: readonly ReadStart[]; readonly state: RepublicState | null }> {
  for (let count = starts.length; count > 0; count -= 1) {
    const slot = starts[count - 1]?.slot ?? 0;
    const state = await place.snapshot(slot);
    if (state !== null) return { starts: starts.slice(0, count), state };
  }
  if (removed === 0) return { starts: [], state: null };
  const slots = starts.map(({ slot }) => slot).join(" and ");
  throw damaged(
    `${path}/${manifestName}`,
    0,
    `the log before slot ${(starts[0]?.slot ?? 0) + 1} was removed, and no snapshot that stands ` +
      `for it can be read: those after slot ${slots}`,
  );
}

async function readTail(
  files: FileSystem,
  path: string,
  read: {
    readonly manifest: Manifest;
    readonly start: ReadStart | null;
    readonly tail: readonly SegmentEntry[];
    readonly log: LogState;
    readonly folded: RecoveredLog;
    readonly ends: Map<number, LogEnd>;
  },
): Promise<ScanResult> {
  const { manifest, start, tail, log, folded, ends } = read;
  const before = start?.group ?? manifest.removed;
  const opened: OpenedFile[] = [];
  let ended = 0;
  const endBefore = (segment: number, group: number): void => {
    for (; ended < segment; ended += 1) {
      ends.set(tail[ended]?.generation ?? 0, log.end(group));
    }
  };
  try {
    for (const entry of tail) opened.push(await openSegment(files, path, manifest, entry));
    const scan = await scanSegments(opened, manifest, {
      synced: manifest.synced,
      before,
      onGroup: (group) => {
        endBefore(group.segment, group.number - 1);
        applyRead(opened, group, log);
        for (const { write, records } of group.writes) {
          folded.take(
            write,
            records.map(({ framed }) => framed),
          );
        }
      },
    });
    endBefore(tail.length, scan.synced);
    return scan;
  } finally {
    for (const segment of opened) await segment.file.close();
  }
}

/** Folds what is known decided; a snapshot that was installed is needed where the log begins. */
export async function settleState(place: JournalPlace, { log, folded }: ReadBack): Promise<void> {
  const { missing } = folded;
  if (missing !== null) {
    const state = await place.snapshot(missing);
    if (state === null) {
      const path = `${place.directory}/snapshots/${snapshotName(missing)}`;
      throw damaged(path, 0, "the log goes on from this snapshot, and it cannot be read");
    }
    folded.install(state);
  }
  if (log.index.length < folded.slot) {
    const path = `${place.directory}/journal/${manifestName}`;
    throw damaged(path, 0, `expected a log through slot ${folded.slot}, found ${log.index.length}`);
  }
  folded.decide(Math.max(log.decided, folded.slot));
  if (folded.slot > log.index.base) log.index.settle(folded.base);
}

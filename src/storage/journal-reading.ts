/**
 * Reads a journal back, once: from the newest snapshot that can be read on, or from its beginning.
 * Places, promises and the replicated state come of the same groups. Writes nothing.
 */
import type { RepublicState, Slot } from "../../consensus/index.ts";
import type { FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import { EntryIndex } from "./entry-index.ts";
import {
  checkPresent,
  openSegment,
  scanSegments,
  type OpenedFile,
  type Scanned,
} from "./journal-segments.ts";
import { LogState } from "./log-state.ts";
import { manifestName, type ArchivedSlots, type Manifest, type SegmentEntry } from "./manifest.ts";
import type { LogEnd, ReadStart } from "./read-start.ts";
import { RecoveredLog } from "./recovered-log.ts";
import type { Finding } from "./recovered.ts";
import { encodeSegmentHeader, type StorageIdentity } from "./segment.ts";
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

const nothingRead: Scanned = {
  unmarked: null,
  synced: 0,
  ends: [],
  torn: false,
  findings: [],
  counts: new Map(),
};

/** What a journal's files amount to. */
export interface ReadBack {
  readonly log: LogState;
  readonly entries: EntryIndex;
  readonly folded: RecoveredLog;
  readonly ends: Map<number, LogEnd>;
  readonly scan: Scanned;
  /** So many segments at the front were not read. */
  readonly skipped: number;
  readonly starts: readonly ReadStart[];
  readonly archives: readonly ArchivedSlots[];
  readonly findings: readonly Finding[];
  /** What stands in a snapshot, whole or not, was decided. */
  readonly decidedLeast: Slot;
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
    const from = { skipped: 0, starts: [], archives: [], findings: [], decidedLeast: 0 };
    return { ...nothing, ends: new Map(), scan: nothingRead, ...from };
  }
  const chosen = await chooseStart(place, manifest);
  const { starts, state } = chosen;
  const start = starts.at(-1) ?? null;
  const log = new LogState(start);
  const isMissing = start !== null && state === null;
  const folded = new RecoveredLog(state, entries, isMissing ? start.slot : null);
  const isSkipped = ({ generation }: SegmentEntry): boolean =>
    generation < (start?.generation ?? 0);
  const skipped = manifest.segments.filter(isSkipped);
  const findings = [...chosen.findings];
  for (const entry of skipped) findings.push(...(await checkPresent(place.files, path, entry)));
  const tail = manifest.segments.slice(skipped.length);
  const ends = new Map<number, LogEnd>();
  const scan = await readTail(place.files, path, { manifest, start, tail, log, folded, ends });
  findings.push(...scan.findings);
  const slot = start?.slot ?? 0;
  const archives = manifest.archives.filter(({ slotLast }) => slotLast <= slot);
  const decidedLeast = manifest.starts.at(-1)?.slot ?? 0;
  const from = { skipped: skipped.length, starts, archives, findings, decidedLeast };
  return { log, entries, folded, ends, scan, ...from };
}

/**
 * The newest start whose snapshot is whole comes last; none, when the whole log is there. Where
 * neither is here the state is null: a snapshot must come from elsewhere.
 */
async function chooseStart(
  place: JournalPlace,
  { starts, removed }: Manifest,
): Promise<{
  readonly starts: readonly ReadStart[];
  readonly state: RepublicState | null;
  readonly findings: readonly Finding[];
}> {
  const findings: Finding[] = [];
  for (let count = starts.length; count > 0; count -= 1) {
    const slot = starts[count - 1]?.slot ?? 0;
    const state = await place.snapshot(slot);
    if (state !== null) return { starts: starts.slice(0, count), state, findings };
    findings.push(notWhole(place, slot));
  }
  return { starts: removed === 0 ? [] : starts, state: null, findings };
}

function notWhole({ directory }: JournalPlace, slot: Slot): Finding {
  const path = `${directory}/snapshots/${snapshotName(slot)}`;
  return { path, offset: 0, text: "the snapshot is missing, or not what was written" };
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
): Promise<Scanned> {
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
      log,
      before,
      onGroup: (group) => {
        endBefore(group.segment, group.number - 1);
        folded.takeGroup(group);
      },
      onLost: () => folded.stop(),
    });
    endBefore(tail.length, scan.synced);
    for (const segment of opened) {
      const isThere = segment.file !== null;
      if (isThere && !segment.isHeaderIntact) await rewriteHeader(files, segment, manifest);
    }
    return scan;
  } finally {
    for (const segment of opened) await segment.file?.close();
  }
}

/** What a segment's first sector holds is known from elsewhere. */
async function rewriteHeader(
  files: FileSystem,
  { path, header }: OpenedFile,
  identity: StorageIdentity,
): Promise<void> {
  const file = await files.open(path, "write");
  try {
    await file.write([encodeSegmentHeader(identity, header.generation, header.size).bytes], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Folds what is known decided, as far as that is whole. A snapshot that was installed is needed
 * where the log begins; tells when that is not whole.
 */
export async function settleState(
  place: JournalPlace,
  { log, folded, starts, decidedLeast }: ReadBack,
): Promise<readonly Finding[]> {
  const { missing } = folded;
  if (missing !== null) {
    const isKnown = starts.at(-1)?.slot === missing;
    const state = isKnown ? null : await place.snapshot(missing);
    if (state === null) return isKnown ? [] : [notWhole(place, missing)];
    folded.install(state);
  }
  const least = Math.max(folded.slot, decidedLeast);
  if (log.index.length < least) {
    const path = `${place.directory}/journal/${manifestName}`;
    throw damaged(path, 0, `expected a log through slot ${least}, found ${log.index.length}`);
  }
  folded.decide(Math.max(log.decided, folded.slot, decidedLeast));
  log.settle(folded.base);
  return [];
}

/**
 * Opens the segments of a journal for reading, and applies what they hold to a log. Shared by the
 * node's start and by inspection, so that both judge the same files alike. Writes nothing.
 */
import type { FileHandle, FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import type { LogState } from "./log-state.ts";
import type { SegmentEntry } from "./manifest.ts";
import {
  JournalScan,
  type OpenedSegment,
  type RecoveredGroup,
  type ScanResult,
} from "./recovery.ts";
import {
  decodeSegmentHeader,
  sectorBytes,
  segmentName,
  SegmentWindow,
  type StorageIdentity,
} from "./segment.ts";

/** A segment whose file is open; the caller closes it. */
export interface OpenedFile extends OpenedSegment {
  readonly file: FileHandle;
}

/**
 * Opens the segment that `entry` of the manifest names.
 * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`, `KBZ_REPUBLIC`.
 */
export async function openSegment(
  files: FileSystem,
  directory: string,
  identity: StorageIdentity,
  entry: SegmentEntry,
): Promise<OpenedFile> {
  const path = `${directory}/${segmentName(entry.generation)}`;
  if (!(await files.exists(path))) throw damaged(path, 0, "the segment is missing");
  const file = await files.open(path, "read");
  try {
    const window = new SegmentWindow(file);
    const first = await window.at(0, sectorBytes);
    const header = decodeSegmentHeader(path, first, identity, entry.generation);
    const least = entry.closed?.end ?? entry.size;
    const size = await file.size();
    if (size < least) throw damaged(path, size, `expected ${least} bytes`);
    if (header.size !== entry.size) throw damaged(path, 16, `expected size ${entry.size}`);
    return { path, header, window, closed: entry.closed, file };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What a scan is to know, and whom it tells. */
export interface ScanOptions {
  /** Groups up to this one were synced, says the manifest. */
  readonly synced: number;
  /** Groups up to this one are not in the segments. */
  readonly before: number;
  /** Told of each synced group, in order. */
  onGroup(group: RecoveredGroup): void;
}

/**
 * Scans segments, and hands on what was synced.
 * @throws {KibitzerError} `KBZ_DAMAGED`.
 */
export async function scanSegments(
  segments: readonly OpenedSegment[],
  { republic }: StorageIdentity,
  options: ScanOptions,
): Promise<ScanResult> {
  const scan = new JournalScan(segments, republic, options, (group) => options.onGroup(group));
  return await scan.run();
}

/**
 * That a segment which is not read now is there, and not cut.
 * @throws {KibitzerError} `KBZ_DAMAGED`.
 */
export async function checkPresent(
  files: FileSystem,
  directory: string,
  entry: SegmentEntry,
): Promise<void> {
  const path = `${directory}/${segmentName(entry.generation)}`;
  if (!(await files.exists(path))) throw damaged(path, 0, "the segment is missing");
  const file = await files.open(path, "read");
  try {
    const least = entry.closed?.end ?? entry.size;
    const size = await file.size();
    if (size < least) throw damaged(path, size, `expected ${least} bytes`);
  } finally {
    await file.close();
  }
}

/**
 * Applies the writes of a group that was read back.
 * @throws {KibitzerError} `KBZ_DAMAGED` when they do not continue `log`.
 */
export function applyRead(
  segments: readonly OpenedSegment[],
  group: RecoveredGroup,
  log: LogState,
): void {
  const segment = segments[group.segment];
  if (segment === undefined) return;
  for (const { write, records } of group.writes) {
    const objection = log.objection(write);
    if (objection !== null) throw damaged(segment.path, group.offset, `found ${objection}`);
    log.apply(write, segment.header.generation, records);
  }
}

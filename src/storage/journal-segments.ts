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

/**
 * Scans all segments and applies what was synced to `log`.
 * @param synced Groups up to this one were synced, says the manifest.
 * @throws {KibitzerError} `KBZ_DAMAGED`.
 */
export async function scanSegments(
  segments: readonly OpenedSegment[],
  { republic }: StorageIdentity,
  synced: number,
  log: LogState,
): Promise<ScanResult> {
  const scan = new JournalScan(segments, republic, synced, (group) => {
    applyRead(segments, group, log);
  });
  return await scan.run();
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

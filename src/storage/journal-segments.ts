/**
 * Opens the segments of a journal for reading, and applies what they hold to a log. Shared by the
 * node's start and by inspection, so that both judge the same files alike. Writes nothing.
 */
import type { FileHandle, FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import type { LogState } from "./log-state.ts";
import type { Manifest, SegmentEntry } from "./manifest.ts";
import { JournalScan } from "./recovery.ts";
import type {
  Finding,
  LostGroups,
  OpenedSegment,
  RecoveredGroup,
  ScanResult,
} from "./recovered.ts";
import { salvage } from "./salvage.ts";
import {
  encodeSegmentHeader,
  refuseSegmentHeader,
  sectorBytes,
  segmentName,
  SegmentWindow,
  type StorageIdentity,
} from "./segment.ts";

/** A segment whose file is open; the caller closes it. */
export interface OpenedFile extends OpenedSegment {
  /** Null when the file is gone. */
  readonly file: FileHandle | null;
  /** Whether the first sector is what it was made as. */
  readonly isHeaderIntact: boolean;
  /** What is wrong with the file itself. */
  readonly findings: readonly Finding[];
}

const emptyFile: Pick<FileHandle, "read"> = { read: async () => 0 };

/**
 * Opens the segment that `entry` of the manifest names; all that is in its first sector is known
 * from there.
 * @throws {KibitzerError} `KBZ_VERSION`, `KBZ_REPUBLIC` when it is whole and somebody else's.
 */
export async function openSegment(
  files: FileSystem,
  directory: string,
  identity: StorageIdentity,
  entry: SegmentEntry,
): Promise<OpenedFile> {
  const path = `${directory}/${segmentName(entry.generation)}`;
  const { bytes, header } = encodeSegmentHeader(identity, entry.generation, entry.size);
  const { closed } = entry;
  if (!(await files.exists(path))) {
    const findings = [{ path, offset: 0, text: "the segment is missing" }];
    const window = new SegmentWindow(emptyFile);
    const parts = { path, header, window, closed, file: null, findings };
    return { ...parts, isWhole: false, isHeaderIntact: false };
  }
  const file = await files.open(path, "read");
  try {
    const window = new SegmentWindow(file);
    const first = await window.at(0, sectorBytes);
    const isHeaderIntact = first.every((byte, at) => byte === bytes[at]);
    if (!isHeaderIntact) refuseSegmentHeader(path, first, identity);
    const findings: Finding[] = [];
    if (!isHeaderIntact) {
      const offset = first.findIndex((byte, at) => byte !== bytes[at]);
      findings.push({ path, offset, text: "the segment's header is not what was written" });
    }
    const least = closed?.end ?? entry.size;
    const size = await file.size();
    const isWhole = size >= least;
    if (!isWhole) findings.push({ path, offset: size, text: `expected ${least} bytes` });
    return { path, header, window, closed, file, isWhole, isHeaderIntact, findings };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What was found, and is not what was written. */
export interface Scanned extends ScanResult {
  readonly findings: readonly Finding[];
  /** What is whole in each segment, by its generation. */
  readonly counts: ReadonlyMap<number, { readonly groups: number; readonly records: number }>;
}

/**
 * Scans all segments and applies what was synced to `log`, damaged slots included.
 * @param onGroup Is shown each group that was read whole and synced.
 * @throws {KibitzerError} `KBZ_DAMAGED` when it cannot be told what was lost.
 */
export async function scanSegments(
  segments: readonly OpenedFile[],
  { republic, synced, extent }: Manifest,
  log: LogState,
  onGroup?: (group: RecoveredGroup) => void,
): Promise<Scanned> {
  const findings = segments.flatMap((segment) => segment.findings);
  const counts = new Map<number, { groups: number; records: number }>();
  const scan = new JournalScan(
    segments,
    republic,
    { synced, extent },
    {
      onGroup: (group) => {
        applyRead(segments, group, log);
        countGroup(counts, segments, group);
        onGroup?.(group);
      },
      onLost: async (lost) => {
        findings.push(lost.finding);
        await applyLost(segments, lost, log);
      },
    },
  );
  const result = await scan.run();
  if (result.unmarked !== null) countGroup(counts, segments, result.unmarked);
  return { ...result, findings, counts };
}

function countGroup(
  counts: Map<number, { groups: number; records: number }>,
  segments: readonly OpenedSegment[],
  { segment, writes }: RecoveredGroup,
): void {
  const generation = segments[segment]?.header.generation ?? 0;
  const known = counts.get(generation) ?? { groups: 0, records: 0 };
  known.groups += 1;
  for (const { records } of writes) known.records += records.length;
  counts.set(generation, known);
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
  const { generation } = segment.header;
  for (const { write, records } of group.writes) {
    if (group.kind === "mend") {
      log.mend(write, generation, records);
      continue;
    }
    const objection = log.objection(write);
    if (objection !== null) throw damaged(segment.path, group.offset, `found ${objection}`);
    log.apply(write, generation, records);
  }
}

async function applyLost(
  segments: readonly OpenedSegment[],
  { regions, slotLow, after }: LostGroups,
  log: LogState,
): Promise<void> {
  const salvaged = [];
  for (const region of regions) {
    const segment = segments[region.segment];
    if (segment !== undefined) salvaged.push(...(await salvage(segment, region)));
  }
  log.loseGroups(slotLow, after, salvaged);
}

/**
 * What of a journal may be removed, and what is left then: reckoned from its manifest alone.
 * Removes nothing itself.
 */
import type { Slot } from "../../consensus/index.ts";
import type { ArchivedSlots, ManifestBody, SegmentEntry } from "./manifest.ts";

/** What may go: each bound by itself; null for none. */
export interface Retention {
  /** Bytes of closed segments that are kept at least. */
  readonly bytes: number | null;
  /** Milliseconds of log time for which entries are kept at least. */
  readonly ageMs: number | null;
}

/** So many snapshots are relied on: if one is damaged, the other and the log make it good. */
export const startsKept = 2;

/** Whole segments from the front that only the retention keeps, if any, and does not any more. */
export function removableSegments(
  { segments, starts, archives }: ManifestBody,
  known: {
    readonly retention: Retention;
    /** Log time now. */
    readonly time: number;
    /** The first slot that can be read. */
    readonly slotFirst: Slot;
  },
): readonly SegmentEntry[] {
  const [start] = starts;
  if (start === undefined) return [];
  const { bytes, ageMs } = known.retention;
  const mayTruncate = starts.length === startsKept;
  let kept = segments.reduce((sum, { closed }) => sum + (closed?.end ?? 0), 0);
  let count = 0;
  for (const segment of segments) {
    if (segment.generation >= start.generation || segment.closed === null) break;
    kept -= segment.closed.end;
    const isTooMuch = bytes !== null && kept >= bytes;
    const isTooOld = ageMs !== null && timeOf(segment, archives) < known.time - ageMs;
    const mayGo = mayTruncate && (isTooMuch || isTooOld);
    if (!mayGo && holdsSlots(segment, archives, known.slotFirst)) break;
    count += 1;
  }
  return segments.slice(0, count);
}

/** The first slot that is in `segment` or a later one. @param base What no archive holds yet. */
export function slotAfter(
  { archives }: ManifestBody,
  base: Slot,
  segment: SegmentEntry | undefined,
): Slot {
  let slot = archives[0]?.slotFirst ?? base + 1;
  for (const { segments } of archives) {
    for (const each of segments) {
      if (each.generation < (segment?.generation ?? 0)) slot = Math.max(slot, each.slotLast + 1);
    }
  }
  return slot;
}

/** Whether any slot is read from a closed segment: others, or a snapshot, may have them all. */
function holdsSlots(
  { generation }: SegmentEntry,
  archives: readonly ArchivedSlots[],
  slotFirst: Slot,
): boolean {
  return archives.some(({ segments, slotLast }) => {
    const isIn = segments.some((each) => each.generation === generation);
    return isIn && slotLast >= slotFirst;
  });
}

/** Log time after the last slot of a segment, or a little later. */
function timeOf({ generation }: SegmentEntry, archives: readonly ArchivedSlots[]): number {
  const archive = archives.findLast(({ segments }) => {
    return segments.some((each) => each.generation <= generation);
  });
  return archive?.time ?? Infinity;
}

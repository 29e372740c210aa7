/** What reading a journal back tells: groups, what was lost between them, where segments end. */
import type { Slot } from "../../consensus/index.ts";
import type { Extent } from "./extents.ts";
import type { ReadWrite } from "./group-reader.ts";
import type { Region } from "./salvage.ts";
import type { SegmentHeader, SegmentWindow } from "./segment.ts";

/** A segment as recovery sees it. */
export interface OpenedSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly window: SegmentWindow;
  readonly closed: { readonly end: number; readonly group: number } | null;
  /** Whether the file has all its bytes; those that it lacks read as zero. */
  readonly isWhole: boolean;
}

export interface RecoveredGroup {
  readonly kind: "group" | "mend";
  readonly number: number;
  readonly writes: readonly ReadWrite[];
  /** The position of its segment in the list. */
  readonly segment: number;
  readonly offset: number;
}

/** Groups that were synced and cannot be read any more. */
export interface LostGroups {
  readonly first: number;
  readonly last: number;
  /** The lowest slot that they touched; null when nothing tells. */
  readonly slotLow: Slot | null;
  /** Where the log ended after them. */
  readonly after: Extent;
  /** What is left of them. */
  readonly regions: readonly Region[];
  readonly finding: Finding;
}

export interface ScanResult {
  /** The last intact group, when nothing says that it was synced. */
  readonly unmarked: RecoveredGroup | null;
  /** Groups up to this one were synced, and were handed over. */
  readonly synced: number;
  /** Where each segment ends, and the last synced group up to there. */
  readonly ends: readonly { readonly end: number; readonly group: number }[];
  /** Whether a torn group was dropped. */
  readonly torn: boolean;
}

/** Something that is not what was written. */
export interface Finding {
  readonly path: string;
  readonly offset: number;
  readonly text: string;
  /** Whether a loss of power leaves it so, too: then nothing that was durable is gone. */
  readonly mayBeTorn?: boolean;
}

export interface ScanHandlers {
  onGroup(group: RecoveredGroup): void;
  onLost(lost: LostGroups): Promise<void>;
}

/** What the manifest says of the groups before it was written. */
export interface KnownSynced {
  readonly synced: number;
  readonly extent: Extent;
  /** Groups up to this one are not in the segments that are read. */
  readonly before: number;
}

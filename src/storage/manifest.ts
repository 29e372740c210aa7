/**
 * Names the segments of a journal, so that a missing, foreign or left-over file is noticed.
 * Replaced whole when a segment is added; never tells of a group that is not synced yet. Kept
 * twice: it alone knows which files there must be.
 */
import type { Index, Slot } from "../../consensus/index.ts";
import type { FileSystem } from "../world.ts";
import { damaged, foreign } from "./damage.ts";
import type { Extent } from "./extents.ts";
import { readLatest, replaceBoth, type Copies } from "./sealed-copies.ts";
import type { Finding } from "./recovered.ts";
import { extentShape, isReadStart, type ReadStart } from "./read-start.ts";
import { describe, type StorageIdentity } from "./segment.ts";
import {
  isHexText,
  isIdText,
  isWhole,
  listOf,
  matches,
  nullOr,
  type Check,
} from "../codec/shapes.ts";

export interface SegmentEntry {
  readonly generation: number;
  /** Bytes of the file when it was made. */
  readonly size: number;
  /** Where its last group ends, and the last group up to there; null while it may be written to. */
  readonly closed: { readonly end: number; readonly group: number } | null;
}

/** Slots whose places stand in a file of their own, `index-` and the first of them. */
export interface ArchivedSlots {
  readonly slotFirst: Slot;
  readonly slotLast: Slot;
  /** The last index before them, and with them. */
  readonly indexBefore: Index;
  readonly indexLast: Index;
  /** The number of the government in force at the first of them. */
  readonly government: number;
  /** Log time at the last of them. */
  readonly time: number;
  /** Of all rows of the file. */
  readonly checksum: number;
  /** The segments that they are in, and the last slot in each of those. */
  readonly segments: readonly { readonly generation: number; readonly slotLast: Slot }[];
}

/** What a manifest says, and a node changes while it runs. */
export interface ManifestBody {
  readonly segments: readonly SegmentEntry[];
  /** One for each snapshot that is relied on, oldest first. */
  readonly starts: readonly ReadStart[];
  /** In order, without a hole; up to the slot of the last start. */
  readonly archives: readonly ArchivedSlots[];
  /** Segments were removed that held the groups up to this one; 0 when none was. */
  readonly removed: number;
}

export interface Manifest extends StorageIdentity, ManifestBody {
  /** Rises with each version; tells the later copy. */
  readonly counter: number;
  /** Groups up to this one were synced. */
  readonly synced: number;
  /** Where the log ended after that group. */
  readonly extent: Extent;
  /** Write numbers of this life begin after this one. */
  readonly writeBase: number;
}

export const manifestName = "manifest";
export const manifestVersion = 2;
const manifestNames = [manifestName, "manifest-2"] as const;

/** Both copies are durable when this resolves; a segment may be used from then on only. */
export async function writeManifest(
  files: FileSystem,
  directory: string,
  manifest: Manifest,
): Promise<void> {
  await replaceBoth(files, copiesIn(directory), manifest);
}

/**
 * Null when there is none.
 * @param expected Whether a journal was made: then both copies were there.
 * @throws {KibitzerError} `KBZ_DAMAGED` when no copy is intact, `KBZ_VERSION`, or `KBZ_REPUBLIC`
 *   when it is another's.
 */
export async function readManifest(
  files: FileSystem,
  directory: string,
  identity: StorageIdentity,
  expected: boolean,
): Promise<{ readonly manifest: Manifest; readonly findings: readonly Finding[] } | null> {
  const copies = { ...copiesIn(directory), wereWritten: expected };
  const latest = await readLatest(files, copies, (path, document) => {
    if (!isManifest(document)) throw damaged(path, 0, "its fields are not those of a manifest");
    if (describe(document) !== describe(identity)) {
      throw foreign(path, describe(identity), describe(document));
    }
    return document;
  });
  return latest === null ? null : { manifest: latest.document, findings: latest.findings };
}

function copiesIn(directory: string): Copies {
  return { directory, names: manifestNames, kind: "manifest", version: manifestVersion };
}

const ownerShape: Readonly<Record<string, Check>> = {
  republic: isHexText,
  id: isIdText,
  cookie: isHexText,
};

/** Whether a document names its owner. */
export function isStorageIdentity(value: unknown): value is StorageIdentity {
  return matches(value, ownerShape);
}

const manifestShape: Readonly<Record<string, Check>> = {
  ...ownerShape,
  segments: listOf((entry) =>
    matches(entry, {
      generation: isWhole,
      size: isWhole,
      closed: nullOr((closed) => matches(closed, { end: isWhole, group: isWhole })),
    }),
  ),
  starts: listOf(isReadStart),
  archives: listOf((archive) =>
    matches(archive, {
      slotFirst: isWhole,
      slotLast: isWhole,
      indexBefore: isWhole,
      indexLast: isWhole,
      government: isWhole,
      time: isWhole,
      checksum: isWhole,
      segments: listOf((one) => matches(one, { generation: isWhole, slotLast: isWhole })),
    }),
  ),
  removed: isWhole,
  counter: isWhole,
  synced: isWhole,
  extent: (extent) => matches(extent, extentShape),
  writeBase: isWhole,
};

function isManifest(value: unknown): value is Manifest {
  return matches(value, manifestShape);
}

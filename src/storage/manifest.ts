/**
 * Names the segments of a journal, so that a missing, foreign or left-over file is noticed.
 * Replaced whole when a segment is added; never tells of a group that is not synced yet.
 */
import type { Index, Slot } from "../../consensus/index.ts";
import type { FileSystem } from "../world.ts";
import { damaged, foreign } from "./damage.ts";
import { readWhole, replaceFile, seal, unseal } from "./sealed-file.ts";
import { describe, type StorageIdentity } from "./segment.ts";
import { isReadStart, type ReadStart } from "./read-start.ts";
import {
  isFields,
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
  /** Groups up to this one were synced. */
  readonly synced: number;
  /** Write numbers of this life begin after this one. */
  readonly writeBase: number;
}

export const manifestName = "manifest";
export const manifestVersion = 2;

export async function writeManifest(
  files: FileSystem,
  directory: string,
  manifest: Manifest,
): Promise<void> {
  await replaceFile(files, directory, manifestName, seal("manifest", manifestVersion, manifest));
}

/**
 * Null when there is none.
 * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`, or `KBZ_REPUBLIC` when it is another's.
 */
export async function readManifest(
  files: FileSystem,
  directory: string,
  identity: StorageIdentity,
): Promise<Manifest | null> {
  const path = `${directory}/${manifestName}`;
  const bytes = await readWhole(files, path);
  if (bytes === null) return null;
  const manifest = completed(unseal(path, "manifest", manifestVersion, bytes));
  if (!isManifest(manifest)) throw damaged(path, 0, "its fields are not those of a manifest");
  if (describe(manifest) !== describe(identity)) {
    throw foreign(path, describe(identity), describe(manifest));
  }
  return manifest;
}

/** Version 1 knew no snapshots. */
function completed(document: unknown): unknown {
  const before = { starts: [], archives: [], removed: 0 };
  return isFields(document) ? { ...before, ...document } : document;
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
  synced: isWhole,
  writeBase: isWhole,
};

function isManifest(value: unknown): value is Manifest {
  return matches(value, manifestShape);
}

/**
 * Names the segments of a journal, so that a missing, foreign or left-over file is noticed.
 * Replaced whole when a segment is added; never tells of a group that is not synced yet.
 */
import type { FileSystem } from "../world.ts";
import { damaged, foreign } from "./damage.ts";
import { readWhole, replaceFile, seal, unseal } from "./sealed-file.ts";
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

export interface Manifest extends StorageIdentity {
  readonly segments: readonly SegmentEntry[];
  /** Groups up to this one were synced. */
  readonly synced: number;
  /** Write numbers of this life begin after this one. */
  readonly writeBase: number;
}

export const manifestName = "manifest";
export const manifestVersion = 1;

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
  const manifest = unseal(path, "manifest", manifestVersion, bytes);
  if (!isManifest(manifest)) throw damaged(path, 0, "its fields are not those of a manifest");
  if (describe(manifest) !== describe(identity)) {
    throw foreign(path, describe(identity), describe(manifest));
  }
  return manifest;
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
  synced: isWhole,
  writeBase: isWhole,
};

function isManifest(value: unknown): value is Manifest {
  return matches(value, manifestShape);
}

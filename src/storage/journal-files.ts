/**
 * Opens the files of a journal: checks that the set is whole, reads it back, rewrites what nothing
 * says was synced to a fresh segment, and only then lets anybody write.
 */
import { assert, ballotZero, compareBallots, type Slot } from "../../consensus/index.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import { archiveName, isArchiveName } from "./archive-file.ts";
import { damaged } from "./damage.ts";
import { decreeBody } from "../codec/decree-codec.ts";
import {
  encodeGroup,
  groupHeaderBytes,
  placeRecords,
  roundUp,
  sizeOfGroup,
  type FramedWrite,
} from "./group.ts";
import type { Extent, Extents } from "./extents.ts";
import { readGroupHeader, type ReadWrite } from "./group-reader.ts";
import { HardState } from "./hard-state.ts";
import type { EntryIndex } from "./entry-index.ts";
import { readBack, settleState, type JournalPlace, type ReadBack } from "./journal-reading.ts";
import type { LogState } from "./log-state.ts";
import {
  manifestName,
  readManifest,
  writeManifest,
  type Manifest,
  type ManifestBody,
  type SegmentEntry,
} from "./manifest.ts";
import type { LogEnd } from "./read-start.ts";
import type { Finding } from "./recovered.ts";
import type { RecoveredLog } from "./recovered-log.ts";
import { temporarySuffix } from "./sealed-file.ts";
import { isOutOfSpace } from "./space.ts";
import {
  encodeSegmentHeader,
  generationOf,
  isSegmentName,
  refuseSegmentHeader,
  sectorBytes,
  segmentBytesLimit,
  SegmentDraft,
  segmentName,
  SegmentWindow,
  type SegmentHeader,
  type StorageIdentity,
} from "./segment.ts";

export interface ReadJournal {
  readonly log: LogState;
  readonly entries: EntryIndex;
  readonly folded: RecoveredLog;
  /** What the groups up to the end of each closed segment that was read amount to. */
  readonly ends: ReadonlyMap<number, LogEnd>;
  readonly hardState: HardState;
  readonly body: ManifestBody;
  readonly active: {
    readonly header: SegmentHeader;
    readonly file: FileHandle;
    readonly offset: number;
  };
  readonly groupLast: number;
  readonly writeBase: number;
  readonly torn: boolean;
  /** What stands in a snapshot, whole or not, was decided. */
  readonly decidedLeast: Slot;
  /** What was not as it was written; the slots that this cost are the holes of `log`. */
  readonly findings: readonly Finding[];
  /** Of the manifest that was written last. */
  readonly counter: number;
}

/** Lives are this far apart in write numbers, so that a lost write's number is not used again. */
const writesPerLife = 2 ** 20;

/** @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`, `KBZ_REPUBLIC`. */
export async function openJournal(place: JournalPlace): Promise<ReadJournal> {
  const { files, identity } = place;
  const path = `${place.directory}/journal`;
  const { manifest, hardState, damage } = await openSmallFiles(place, path);
  await files.makeDirectory(path);

  const found = manifest?.segments ?? [];
  const read = await readBack(place, path, manifest);
  const { log, scan } = read;
  const groupLast = scan.unmarked?.number ?? scan.synced;
  const strays = await findStrays(files, path, { manifest, identity, groupLast });
  const generations = [0, ...found.map((entry) => entry.generation), ...strays.generations];
  const generation = Math.max(...generations) + 1;
  const active = await freshSegment(place, path, generation, read);
  try {
    // With this manifest the old life is closed; a crash before it repeats all of this.
    const kept = keptEntries(found, read);
    kept.push({ generation, size: active.header.size, closed: null });
    const writeBase = nextWriteBase(manifest, log);
    const counter = (manifest?.counter ?? 0) + 1;
    const { starts, archives } = read;
    const removed = removedBy(manifest, kept, scan.synced);
    const body: ManifestBody = { segments: kept, starts, archives, removed };
    const news = { counter, synced: groupLast, extent: log.extent, writeBase };
    await writeManifest(files, path, { ...identity, ...body, ...news });
    await tidy(files, path, found, { kept, leftOver: strays.names });
    await settlePromise(hardState, log);
    const snapshots = await settleState(place, read);
    const findings = [...damage, ...read.findings, ...snapshots];
    const { entries, folded, ends } = read;
    const { torn } = scan;
    const opened = { log, entries, folded, ends, hardState, body, active, groupLast };
    const { decidedLeast } = read;
    return { ...opened, writeBase, torn, decidedLeast, findings, counter };
  } catch (error) {
    await active.file.close();
    throw error;
  }
}

/** What is beside the segments; a journal that must be there is missed here. */
async function openSmallFiles(
  { files, directory, identity, expected }: JournalPlace,
  path: string,
): Promise<{
  readonly manifest: Manifest | null;
  readonly hardState: HardState;
  readonly damage: readonly Finding[];
}> {
  const read = await readManifest(files, path, identity, expected);
  if (read === null && expected) throw listMissing(path);
  const hardState = await HardState.open(files, directory, identity, read !== null);
  // Who has promised had a journal.
  const hasPromised = compareBallots(hardState.promised, ballotZero) > 0;
  if (read === null && hasPromised) throw listMissing(path);
  return {
    manifest: read?.manifest ?? null,
    hardState,
    damage: [...(read?.findings ?? []), ...hardState.findings],
  };
}

function listMissing(path: string): KibitzerError {
  return damaged(`${path}/${manifestName}`, 0, "the journal's list of segments is missing");
}

/** The old segments, closed where they end. Those that were never written to are dropped. */
function keptEntries(entries: readonly SegmentEntry[], read: ReadBack): SegmentEntry[] {
  const { scan, skipped } = read;
  return entries.flatMap((entry, at) => {
    if (at < skipped) return [entry];
    const position = at - skipped;
    const closed = scan.ends[position];
    assert(closed !== undefined, "each segment was read to its end");
    const isUsed = scan.torn || closed.end > sectorBytes || scan.unmarked?.segment === position;
    return entry.closed === null && !isUsed ? [] : [{ ...entry, closed }];
  });
}

/** The last group that is in no segment any more. */
function removedBy(
  manifest: Manifest | null,
  kept: readonly SegmentEntry[],
  synced: number,
): number {
  if (manifest === null) return 0;
  const [first] = kept;
  const at = manifest.segments.findIndex(({ generation }) => generation === first?.generation);
  if (at === -1) return synced;
  return manifest.segments[at - 1]?.closed?.group ?? manifest.removed;
}

function nextWriteBase(manifest: Manifest | null, log: LogState): number {
  if (manifest === null) return 0;
  const found = Math.max(log.writeLast, manifest.writeBase);
  return (Math.floor(found / writesPerLife) + 2) * writesPerLife;
}

/** All files that a manifest names. */
function namesIn(manifest: Manifest | null): ReadonlySet<string> {
  if (manifest === null) return new Set();
  const { segments, archives } = manifest;
  const names = segments.map(({ generation }) => segmentName(generation));
  return new Set([...names, ...archives.map(archiveName)]);
}

/**
 * Whether a segment was dropped, and its file was not gone for good when the power failed. Nothing
 * says so but its number: one of which no group was left drops without a trace in `removed`.
 */
function wasRemoved(manifest: Manifest | null, name: string): boolean {
  return generationOf(name) < (manifest?.segments[0]?.generation ?? 0);
}

interface StrayOptions {
  readonly manifest: Manifest | null;
  readonly identity: StorageIdentity;
  readonly groupLast: number;
}

/**
 * Removes what was never in use any more or yet: temporary files, indexes and segments that the
 * manifest has dropped. Finds segments that nobody names and that hold nothing.
 */
async function findStrays(
  files: FileSystem,
  path: string,
  { manifest, identity, groupLast }: StrayOptions,
): Promise<{ readonly names: readonly string[]; readonly generations: readonly number[] }> {
  const known = namesIn(manifest);
  const names: string[] = [];
  const generations: number[] = [];
  for (const name of (await files.exists(path)) ? await files.list(path) : []) {
    if (known.has(name)) continue;
    const isSegment = isSegmentName(name);
    const isGone = isSegment ? wasRemoved(manifest, name) : isArchiveName(name);
    if (name.endsWith(temporarySuffix) || isGone) await files.remove(`${path}/${name}`);
    if (!isSegment || isGone) continue;
    if (!(await isSpare(files, `${path}/${name}`, identity, groupLast))) {
      throw damaged(`${path}/${name}`, 0, "the journal's list of segments does not name this file");
    }
    names.push(name);
    generations.push(generationOf(name));
  }
  return { names, generations };
}

/** Whether a segment holds no group, or only a copy that an interrupted recovery made. */
async function isSpare(
  files: FileSystem,
  path: string,
  identity: StorageIdentity,
  groupLast: number,
): Promise<boolean> {
  const file = await files.open(path, "read");
  try {
    const window = new SegmentWindow(file);
    const size = await file.size();
    if (size % sectorBytes !== 0 || size > segmentBytesLimit) return false;
    const { bytes, header: segment } = encodeSegmentHeader(identity, generationOf(path), size);
    const first = await window.at(0, sectorBytes);
    refuseSegmentHeader(path, first, identity);
    if (!first.every((byte, at) => byte === bytes[at])) return false;
    const sector = await window.at(sectorBytes, sectorBytes);
    const { republic } = identity;
    const group = readGroupHeader(sector, { segment, republic, offset: sectorBytes });
    // The original may be gone since: it was read from the page cache, and then the power failed.
    const isCopy = group !== null && group.number <= groupLast + 1;
    const from = sectorBytes + (isCopy ? group.size : 0);
    return (await window.firstNonZero(from, size)) === null;
  } finally {
    await file.close();
  }
}

/** The first segment of a life is so many times smaller where there is no space for its size. */
const shrinking = [1, 4, 16];

/** Makes the segment that this life begins with, as large as there is space for. */
async function freshSegment(
  place: JournalPlace,
  path: string,
  generation: number,
  from: Pick<ReadBack, "scan" | "log" | "folded">,
): Promise<ReadJournal["active"]> {
  let shortage: unknown = null;
  for (const shrunk of shrinking) {
    const segmentBytesFirst = roundUp(place.segmentBytesFirst / shrunk);
    try {
      return await makeSegment({ ...place, segmentBytesFirst }, path, generation, from);
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      shortage = error;
    }
  }
  throw shortage;
}

/** Opens with a copy of the unmarked group. */
async function makeSegment(
  place: JournalPlace,
  path: string,
  generation: number,
  { scan, log, folded }: Pick<ReadBack, "scan" | "log" | "folded">,
): Promise<ReadJournal["active"]> {
  const { unmarked } = scan;
  if (unmarked === null) {
    const encoded = encodeSegmentHeader(place.identity, generation, place.segmentBytesFirst);
    const file = await fillSegment(place.files, path, encoded, []);
    return { header: encoded.header, file, offset: sectorBytes };
  }
  const writes = unmarked.writes.map(frame);
  const size = Math.max(place.segmentBytesFirst, roomFor(writes));
  const encoded = encodeSegmentHeader(place.identity, generation, size);
  const { header } = encoded;
  const { republic } = place.identity;
  const { kind, number } = unmarked;
  const extent = log.extent;
  const at = { segment: header, republic, offset: sectorBytes, number, extent };
  const after = kind === "mend" ? extent : extentAfter(log.extents(), writes);
  const group = encodeGroup(writes, at, { kind, after });
  const file = await fillSegment(place.files, path, encoded, group.pieces);
  applyGroup(log, { kind, writes }, header, sectorBytes);
  folded.takeGroup(unmarked);
  return { header, file, offset: sectorBytes + group.size };
}

/** Bytes of a segment for one group: header, group, and a mark behind it. */
function roomFor(writes: readonly FramedWrite[]): number {
  return sectorBytes + sizeOfGroup(writes) + sectorBytes;
}

/** Where the log ends after `writes`; `extents` are moved on. */
export function extentAfter(extents: Extents, writes: readonly FramedWrite[]): Extent {
  for (const { write } of writes) extents.apply(write);
  return extents.now;
}

async function fillSegment(
  files: FileSystem,
  path: string,
  encoded: ReturnType<typeof encodeSegmentHeader>,
  first: readonly Uint8Array[],
): Promise<FileHandle> {
  const draft = await SegmentDraft.create(files, path, encoded, first);
  try {
    return await draft.finish();
  } catch (error) {
    // A smaller one may be tried in its place.
    if (isOutOfSpace(error)) await draft.discard();
    else await draft.abandon();
    throw error;
  }
}

function frame({ write, records }: ReadWrite): FramedWrite {
  const bodies = records.map(({ framed }) => decreeBody(framed.decree, framed.body));
  return { write, bodies };
}

/** Applies the writes of one group, which begins at `offset` of its segment. */
export function applyGroup(
  log: LogState,
  { kind, writes }: { readonly kind: "group" | "mend"; readonly writes: readonly FramedWrite[] },
  segment: SegmentHeader,
  offset: number,
): void {
  let at = offset + groupHeaderBytes;
  for (const framed of writes) {
    const places: { readonly offset: number; readonly size: number }[] = [];
    at = placeRecords(framed, at, (record, size) => places.push({ offset: record, size }));
    if (kind === "mend") log.mend(framed.write, segment.generation, places);
    else log.apply(framed.write, segment.generation, places);
  }
}

/** Cuts off what follows the last group of each closed segment, and removes the rest. */
async function tidy(
  files: FileSystem,
  path: string,
  before: readonly SegmentEntry[],
  now: { readonly kept: readonly SegmentEntry[]; readonly leftOver: readonly string[] },
): Promise<void> {
  const ends = new Map(now.kept.map((entry) => [entry.generation, entry.closed?.end]));
  for (const entry of before) {
    const name = `${path}/${segmentName(entry.generation)}`;
    const end = ends.get(entry.generation);
    // One that is gone is known to be lost.
    if (!(await files.exists(name))) continue;
    if (end === undefined) await files.remove(name);
    else if (entry.closed === null) await cut(files, name, end);
  }
  for (const name of now.leftOver) await files.remove(`${path}/${name}`);
}

async function cut(files: FileSystem, path: string, end: number): Promise<void> {
  const file = await files.open(path, "write");
  try {
    await file.truncate(end);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** The highest promise that stands anywhere, kept twice again before anybody is told of it. */
async function settlePromise(state: HardState, log: LogState): Promise<void> {
  const promised = [log.promised, log.accepted].reduce(
    (left, right) => (compareBallots(right, left) > 0 ? right : left),
    state.promised,
  );
  if (compareBallots(promised, state.promised) > 0) await state.write(promised);
}

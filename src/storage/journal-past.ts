/**
 * What of a journal is behind the newest snapshots: settles where its slots stand, says from where
 * the log may be read, and removes segments that nothing needs. What is removed stands in a
 * snapshot that is durable and readable, and in an older one, too (S3).
 */
import {
  assert,
  ballotZero,
  hashZero,
  type Applied,
  type Index,
  type RepublicState,
  type Slot,
} from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { FileSystem } from "../world.ts";
import type { ArchivedRow } from "./archive-file.ts";
import { rebuildRows } from "./archive-rebuild.ts";
import type { EntryIndex, IndexedBatch } from "./entry-index.ts";
import type { ManifestKeeper } from "./manifest-keeper.ts";
import type { SegmentEntry } from "./manifest.ts";
import type { LogEnd, ReadStart } from "./read-start.ts";
import { segmentName, type StorageIdentity } from "./segment.ts";
import { removableSegments, slotAfter, startsKept, type Retention } from "./retention.ts";
import { SlotArchive } from "./slot-archive.ts";
import type { LogState } from "./log-state.ts";
import type { Place } from "./slot-index.ts";

export interface JournalPastOptions {
  readonly files: FileSystem;
  /** Of the journal. */
  readonly directory: string;
  readonly identity: StorageIdentity;
  readonly manifest: ManifestKeeper;
  readonly log: LogState;
  readonly entries: EntryIndex;
  /** What the groups up to the end of each closed segment that was read amount to. */
  readonly ends: ReadonlyMap<number, LogEnd>;
}

/** A snapshot was installed while another was to be relied on: that one is of no use any more. */
export class Overtaken extends Error {
  override readonly name = "Overtaken";
}

export class JournalPast {
  readonly #options: JournalPastOptions;
  readonly #archive: SlotArchive;
  readonly #ends: Map<number, LogEnd>;
  /** Reads under way: what they have looked up is not removed before they end. */
  readonly #reads = new Set<Promise<unknown>>();
  /** Files that the list names no more, or will not once it could be written. */
  readonly #unlisted: string[] = [];
  #slotFirst: Slot;
  #indexFirst: Index;

  constructor(options: JournalPastOptions) {
    this.#options = options;
    this.#ends = new Map(options.ends);
    const { files, directory, identity, manifest, entries } = options;
    const { index } = options.log;
    const { archives } = manifest.body;
    this.#archive = new SlotArchive(archives, {
      files,
      directory,
      rebuild: async (archive) =>
        await rebuildRows(archive, { files, directory, identity, body: manifest.body }),
    });
    this.#slotFirst = index.base + 1;
    this.#indexFirst = entries.indexBase + 1;
  }

  /** Finds out how far back the log can be read. */
  async open(): Promise<void> {
    const { manifest } = this.#options;
    const { index } = this.#options.log;
    // After an installed snapshot nothing leads to what was before.
    if (this.#archive.slotLast !== index.base) return;
    for (const archive of this.#archive.archives) {
      try {
        const slot = Math.max(
          slotAfter(manifest.body, index.base, manifest.body.segments[0]),
          archive.slotFirst,
        );
        if (slot > archive.slotLast) continue;
        this.#indexFirst = await this.#indexFrom(slot);
        this.#slotFirst = slot;
        return;
      } catch (error) {
        // Its slots are still in a snapshot; whoever asks for them is told that they are gone.
        if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
      }
    }
  }

  /** The first slot that can be read. */
  get slotFirst(): Slot {
    return this.#slotFirst;
  }

  /** The first index that can be read. */
  get indexFirst(): Index {
    return this.#indexFirst;
  }

  /** The files of the log, oldest first. */
  get segments(): readonly SegmentEntry[] {
    return this.#options.manifest.body.segments;
  }

  /** The last index decided by `slot`; null where that is not known without reading. */
  indexAt(slot: Slot): Index | null {
    const { entries } = this.#options;
    if (slot < this.base) return null;
    const row = entries.rowAfter(slot);
    return row < entries.rowEnd ? entries.at(row).index - 1 : entries.indexLast;
  }

  /** The slots of the snapshots that are relied on, oldest first. */
  get snapshots(): readonly Slot[] {
    return this.#options.manifest.body.starts.map(({ slot }) => slot);
  }

  /** The newest of them whose following slots can be read; none while a later one is installed. */
  get newestSnapshot(): Slot | undefined {
    const slot = this.snapshots.at(-1);
    return slot !== undefined && slot + 1 >= this.#slotFirst ? slot : undefined;
  }

  /** The last slot that is settled, or in an installed snapshot. */
  get base(): Slot {
    return this.#options.log.index.base;
  }

  /** The last index there is, and the last slot that was applied. */
  get indexLast(): Index {
    return this.#options.entries.indexLast;
  }
  get slotLast(): Slot {
    return this.#options.entries.slot;
  }

  note(applied: readonly Applied[]): void {
    for (const each of applied) this.#options.entries.note(each);
  }

  /** A snapshot was installed: what is before it cannot be read any more. */
  restart(from: { readonly slot: Slot; readonly index: Index }): void {
    this.#options.entries.restart(from);
    this.#slotFirst = from.slot + 1;
    this.#indexFirst = from.index + 1;
  }

  /** A segment is full; what its groups amount to. */
  close(generation: number, end: LogEnd): void {
    this.#ends.set(generation, end);
  }

  /** Where an older slot stands. */
  async place(slot: Slot): Promise<Place> {
    return await this.#archive.row(slot);
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED`. */
  async batches(index: Index, rowsMax: number): Promise<readonly IndexedBatch[]> {
    const { entries } = this.#options;
    if (index <= entries.indexBase) return await this.#archive.batches(index, rowsMax);
    const first = entries.rowOf(index);
    const end = Math.min(entries.rowEnd, first + rowsMax);
    return Array.from({ length: end - first }, (_, at) => entries.at(first + at));
  }

  /** Has truncation wait for `read`. */
  async during<Value>(read: Promise<Value>): Promise<Value> {
    this.#reads.add(read);
    try {
      return await read;
    } finally {
      this.#reads.delete(read);
    }
  }

  /**
   * From now on the snapshot of `state`, which is durable and was read back, stands for the log up
   * to its slot, all of which is durable, too.
   */
  async relyOn(state: Pick<RepublicState, "slot" | "index" | "time">): Promise<void> {
    const { manifest, log } = this.#options;
    const { index } = log;
    const { slot } = state;
    await this.#writeMoved();
    const isInstalled = slot === index.base && this.#archive.slotLast !== index.base;
    assert(slot <= index.length && slot >= index.base, "a snapshot is of a slot of the log");
    const gone = isInstalled ? this.#archive.archives : [];
    if (slot > index.base) await this.#settle(state);
    if (index.base > slot) throw new Overtaken();
    const start = this.#startOf(slot);
    const known = isInstalled ? [] : manifest.body.starts.filter((each) => each.slot < slot);
    const starts = [...known, start].slice(-startsKept);
    this.#unlisted.push(...this.#archive.drop(gone));
    manifest.change({ starts, archives: this.#archive.archives });
    // Whatever becomes of the list: where these slots stand is settled, and not to be again.
    if (slot > index.base) {
      index.settle(slot);
      this.#options.entries.settle(slot);
    }
    await manifest.save();
    await this.#removeUnlisted();
    for (const generation of this.#ends.keys()) {
      if (generation < (starts[0]?.generation ?? 0) - 1) this.#ends.delete(generation);
    }
  }

  /**
   * The snapshot of `state`, which is durable and was read back, stands for all that is damaged up
   * to its slot: the log goes on after it, and what is before cannot be read here any more. What
   * groups amount to is read from where it was.
   */
  async replaceBy(state: Pick<RepublicState, "slot" | "index">): Promise<void> {
    const { manifest, log, entries } = this.#options;
    const { slot, index } = state;
    assert(slot <= log.index.length, "what stands for the log is of a slot of it");
    const start = { ...this.#lastStart(), slot };
    this.#unlisted.push(...this.#archive.drop(this.#archive.archives));
    manifest.change({ starts: [start], archives: [] });
    log.settle(slot);
    entries.restart({ slot, index });
    this.#slotFirst = slot + 1;
    this.#indexFirst = index + 1;
    await manifest.save();
    await this.#removeUnlisted();
  }

  /** Writes down where settled slots stand that were mended. */
  async #writeMoved(): Promise<void> {
    const { log } = this.#options;
    const moved = log.moved;
    if (moved.size === 0) return;
    for (const archive of this.#archive.archives) {
      const isIn = (slot: Slot): boolean => slot >= archive.slotFirst && slot <= archive.slotLast;
      const rows = new Map([...moved].filter(([slot]) => isIn(slot)));
      if (rows.size > 0) await this.#archive.replace(archive, rows);
    }
    for (const slot of moved.keys()) log.forgetMove(slot);
  }

  /**
   * Removes whole segments from the front that only the retention keeps, if any, and does not any
   * more; and those that an installed snapshot has made unreachable. Returns how many.
   * @param waited Resolves when reads under way have had their time.
   */
  async truncate(retention: Retention, time: number, waited: () => Promise<void>): Promise<number> {
    const { manifest } = this.#options;
    const gone = removableSegments(manifest.body, { retention, time, slotFirst: this.#slotFirst });
    const last = gone.at(-1);
    if (last === undefined || last.closed === null) return 0;
    const slot = slotAfter(manifest.body, this.base, manifest.body.segments[gone.length]);
    const archives = this.#archive.archives.filter(({ slotLast }) => slotLast < slot);
    const { first, indexFirst } = await this.#readableFrom(Math.max(this.#slotFirst, slot));
    // Together, and before anything goes: who comes now is told so, who is reading is waited for.
    this.#slotFirst = Math.max(this.#slotFirst, first);
    this.#indexFirst = Math.max(this.#indexFirst, indexFirst);
    await Promise.race([Promise.allSettled(this.#reads), waited()]);
    const kept = manifest.body.archives.filter(({ slotLast }) => slotLast >= slot);
    // The list comes first: what it does not name is removed at the next start at the latest.
    const segments = manifest.body.segments.slice(gone.length);
    manifest.change({ segments, archives: kept, removed: last.closed.group });
    this.#unlisted.push(...this.#archive.drop(archives));
    this.#unlisted.push(...gone.map(({ generation }) => segmentName(generation)));
    await manifest.save();
    await this.#removeUnlisted();
    return gone.length;
  }

  /** Removes what the list on the disk does not name any more. */
  async #removeUnlisted(): Promise<void> {
    const { files, directory } = this.#options;
    for (let name = this.#unlisted[0]; name !== undefined; name = this.#unlisted[0]) {
      const path = `${directory}/${name}`;
      if (await files.exists(path)) await files.remove(path);
      this.#unlisted.shift();
    }
  }

  /** From `slot` on; a file of places that is damaged, and cannot be made again, is left out. */
  async #readableFrom(slot: Slot): Promise<{ readonly first: Slot; readonly indexFirst: Index }> {
    const { index } = this.#options.log;
    for (let first = slot; ;) {
      try {
        return { first, indexFirst: await this.#indexFrom(first) };
      } catch (error) {
        if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
        const archive = this.#archive.archives.find(({ slotLast }) => slotLast >= first);
        first = (archive?.slotLast ?? index.base) + 1;
      }
    }
  }

  async #indexFrom(slot: Slot): Promise<Index> {
    const archive = this.#archive.archives.find(({ slotLast }) => slotLast >= slot);
    if (archive === undefined) return this.#options.entries.indexBase + 1;
    const { taken } = await this.#archive.row(Math.max(slot, archive.slotFirst));
    return archive.indexBefore + taken + 1;
  }

  async #settle({
    slot,
    index,
    time,
  }: Pick<RepublicState, "slot" | "index" | "time">): Promise<void> {
    const { entries, log } = this.#options;
    const { index: places } = log;
    const slotFirst = places.base + 1;
    const government = entries.governmentAt(slotFirst);
    const indexBefore = entries.indexBase;
    const archive = { slotFirst, slotLast: slot, indexBefore, indexLast: index, government, time };
    await this.#archive.add(archive, this.#rows(slotFirst, slot));
  }

  *#rows(slotFirst: Slot, slotLast: Slot): Generator<ArchivedRow, void, void> {
    const { entries, log } = this.#options;
    const { index } = log;
    const { indexBase } = entries;
    let row = entries.rowAfter(slotFirst - 1);
    let taken = 0;
    for (let slot = slotFirst; slot <= slotLast; slot += 1) {
      if (index.base >= slot) throw new Overtaken();
      yield { ...index.get(slot), taken, government: entries.governmentAt(slot) };
      const batch = row < entries.rowEnd ? entries.at(row) : null;
      if (batch?.slot !== slot) continue;
      taken = batch.index + batch.count - 1 - indexBase;
      row += 1;
    }
  }

  /** From where the journal was read last, and can be again. */
  #lastStart(): Omit<ReadStart, "slot"> {
    const { segments, starts } = this.#options.manifest.body;
    return starts.at(-1) ?? { ...nothing, generation: segments[0]?.generation ?? 0 };
  }

  /** The end of the last segment before the one that the next slot is in. */
  #startOf(slot: Slot): ReadStart {
    const { manifest, log } = this.#options;
    const { index } = log;
    const { segments, starts } = manifest.body;
    const following = slot < index.length ? index.get(slot + 1) : null;
    // Where the next slot stood is damaged: what tells of that is read again.
    if (following?.size === 0) return { ...this.#lastStart(), slot };
    // The one after that may be made already.
    const active = segments.find(({ closed }) => closed === null);
    const next = following?.generation ?? active?.generation;
    const at = segments.findIndex(({ generation }) => generation === next);
    const before = segments[at - 1];
    assert(next !== undefined && at >= 0, "the log goes on in a segment");
    if (before === undefined) return { ...(starts[0] ?? nothing), slot, generation: next };
    return { ...this.#endOf(before), slot, generation: next };
  }

  /** What the groups up to the end of `segment` amount to. */
  #endOf(segment: SegmentEntry): LogEnd {
    const { starts } = this.#options.manifest.body;
    // Not by the segment that the start is in: that one is dropped where nothing was written to it.
    const same = starts.find(({ group }) => group === segment.closed?.group);
    const end = this.#ends.get(segment.generation) ?? same;
    assert(end !== undefined, "what a segment amounts to is known");
    return end;
  }
}

const nothing: LogEnd = {
  group: 0,
  length: 0,
  decided: 0,
  hash: hashZero,
  accepted: ballotZero,
  promised: ballotZero,
  writeLast: 0,
  heard: [],
};

/** Somebody asks for a slot that was removed. */
export function slotsGone(slot: Slot, first: Slot): KibitzerError {
  return new KibitzerError(
    "KBZ_TRUNCATED",
    `The slot ${slot} is gone from this node's log, which begins with slot ${first} now.`,
    { retryable: false, outcome: "none" },
  );
}

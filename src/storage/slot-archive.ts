/**
 * Where the records of older slots stand, and which indexes they took: in files, of which a bounded
 * number of blocks is kept in memory, however long the log is. A file that is missing or damaged is
 * made again of the segments, while the disk is full in memory only; what it says is never taken
 * without its checksums.
 */
import { assert, type Index, type Slot } from "../../consensus/index.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import {
  ArchiveBlock,
  ArchiveEncoder,
  archiveName,
  blockBytes,
  blocksOf,
  rowsPerBlock,
  type ArchivedRow,
} from "./archive-file.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { damaged } from "./damage.ts";
import type { IndexedBatch } from "./entry-index.ts";
import type { ArchivedSlots } from "./manifest.ts";
import { temporarySuffix } from "./sealed-file.ts";
import type { Place } from "./slot-index.ts";
import { isOutOfSpace } from "./space.ts";

export interface SlotArchiveOptions {
  readonly files: FileSystem;
  /** Of the journal. */
  readonly directory: string;
  /** The rows of `archive` again, from the segments; null when they cannot be told. */
  rebuild(archive: ArchivedSlots): Promise<readonly ArchivedRow[] | null>;
}

/** Blocks in memory: 2 MiB. */
const blocksMax = 512;
/** Rows between two pauses of the encoder. */
const blocksPerWrite = 32;

export class SlotArchive {
  readonly #options: SlotArchiveOptions;
  #archives: readonly ArchivedSlots[];
  /** By archive and number; the one used last is at the end. */
  readonly #blocks = new Map<string, ArchiveBlock>();
  readonly #mending = new Map<Slot, Promise<readonly ArchiveBlock[]>>();

  constructor(archives: readonly ArchivedSlots[], options: SlotArchiveOptions) {
    this.#archives = archives;
    this.#options = options;
  }

  get archives(): readonly ArchivedSlots[] {
    return this.#archives;
  }

  /** The first and last slot there is; 1 and 0 for none. */
  get slotFirst(): Slot {
    return this.#archives[0]?.slotFirst ?? 1;
  }
  get slotLast(): Slot {
    return this.#archives.at(-1)?.slotLast ?? 0;
  }

  /** Writes the rows of slots that follow those that are there; durable when this resolves. */
  async add(
    archive: Omit<ArchivedSlots, "checksum" | "segments">,
    rows: Iterable<ArchivedRow>,
  ): Promise<ArchivedSlots> {
    const segments = new Map<number, Slot>();
    const checksum = await this.#write(archive.slotFirst, rows, (slot, { generation }) => {
      segments.set(generation, slot);
    });
    const bounds = [...segments].map(([generation, slotLast]) => ({ generation, slotLast }));
    const added = { ...archive, checksum, segments: bounds };
    this.#archives = [...this.#archives, added];
    return added;
  }

  /** Whether the file of `archive` is what was written. */
  async isWhole(archive: ArchivedSlots): Promise<boolean> {
    const encoder = new ArchiveEncoder(archive.slotFirst);
    try {
      for (let slot = archive.slotFirst; slot <= archive.slotLast; slot += 1) {
        encoder.row(await this.row(slot));
      }
    } catch (error) {
      if (error instanceof KibitzerError && error.code === "KBZ_DAMAGED") return false;
      throw error;
    }
    encoder.end();
    const size = await this.#sizeOf(archive);
    return encoder.checksum === archive.checksum && size === blocksOf(archive) * blockBytes;
  }

  async #sizeOf(archive: ArchivedSlots): Promise<number> {
    const file = await this.#options.files.open(this.#path(archive), "read");
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }

  /** Some of the slots stand elsewhere now; durable when this resolves. */
  async replace(archive: ArchivedSlots, moved: ReadonlyMap<Slot, Place>): Promise<void> {
    const rows: ArchivedRow[] = [];
    for (let slot = archive.slotFirst; slot <= archive.slotLast; slot += 1) {
      rows.push({ ...(await this.row(slot)), ...moved.get(slot) });
    }
    const checksum = await this.#write(archive.slotFirst, rows, () => undefined);
    this.#forget(archive);
    this.#archives = this.#archives.map((each) =>
      each === archive ? { ...each, checksum } : each,
    );
  }

  /** Forgets the archives that `gone` names; returns the names of their files. */
  drop(gone: readonly ArchivedSlots[]): readonly string[] {
    this.#archives = this.#archives.filter((archive) => !gone.includes(archive));
    for (const archive of gone) this.#forget(archive);
    return gone.map(archiveName);
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED` when nothing tells where `slot` stands. */
  async row(slot: Slot): Promise<ArchivedRow> {
    const archive = this.#archiveOf((each) => each.slotLast >= slot);
    const position = slot - archive.slotFirst;
    assert(position >= 0 && slot <= archive.slotLast, "only slots of an archive are looked up");
    const number = Math.floor(position / rowsPerBlock);
    const block = this.#known(archive, number) ?? (await this.#block(archive, number));
    return block.row(position % rowsPerBlock);
  }

  /**
   * The batches from the one on that holds `index`, within `rowsMax` slots of one archive.
   * @throws {KibitzerError} `KBZ_DAMAGED`.
   */
  async batches(index: Index, rowsMax: number): Promise<readonly IndexedBatch[]> {
    const archive = this.#archiveOf((each) => each.indexLast >= index);
    const { slotFirst, slotLast, indexBefore, indexLast } = archive;
    assert(index > indexBefore && index <= indexLast, "only indexes of an archive are looked up");
    const first = await this.#slotOf(archive, index - indexBefore);
    const batches: IndexedBatch[] = [];
    let row = await this.row(first);
    const end = Math.min(slotLast, first + rowsMax - 1);
    for (let slot = first; slot <= end; slot += 1) {
      const next = slot < slotLast ? await this.row(slot + 1) : null;
      const count = (next?.taken ?? indexLast - indexBefore) - row.taken;
      const { government } = row;
      if (count > 0) batches.push({ index: indexBefore + row.taken + 1, count, slot, government });
      if (next === null) break;
      row = next;
    }
    assert(slotFirst <= first, "an archive holds its own slots");
    return batches;
  }

  /** The last slot before which fewer than `taken` indexes were taken. */
  async #slotOf(archive: ArchivedSlots, taken: number): Promise<Slot> {
    let low = archive.slotFirst;
    let high = archive.slotLast;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((await this.row(middle)).taken < taken) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #archiveOf(reaches: (archive: ArchivedSlots) => boolean): ArchivedSlots {
    let low = 0;
    let high = this.#archives.length - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const each = this.#archives[middle];
      if (each !== undefined && reaches(each)) high = middle;
      else low = middle + 1;
    }
    const found = this.#archives[low];
    assert(found !== undefined, "there is an archive");
    return found;
  }

  #known(archive: ArchivedSlots, number: number): ArchiveBlock | null {
    const block = this.#blocks.get(`${archive.slotFirst}/${number}`);
    if (block === undefined) return null;
    this.#remember(archive, number, block);
    return block;
  }

  async #block(archive: ArchivedSlots, number: number): Promise<ArchiveBlock> {
    const block = (await this.#read(archive, number)) ?? (await this.#mend(archive))[number];
    assert(block !== undefined, "an archive has all its blocks");
    this.#remember(archive, number, block);
    return block;
  }

  #remember({ slotFirst }: ArchivedSlots, number: number, block: ArchiveBlock): void {
    const used = `${slotFirst}/${number}`;
    this.#blocks.delete(used);
    this.#blocks.set(used, block);
    for (const key of this.#blocks.keys()) {
      if (this.#blocks.size <= blocksMax) break;
      this.#blocks.delete(key);
    }
  }

  async #read(archive: ArchivedSlots, number: number): Promise<ArchiveBlock | null> {
    const { files } = this.#options;
    const path = this.#path(archive);
    if (!(await files.exists(path))) return null;
    const file = await files.open(path, "read");
    try {
      const bytes = new Uint8Array(blockBytes);
      const count = await file.read(bytes, number * blockBytes);
      return count < blockBytes ? null : ArchiveBlock.read(bytes, archive.slotFirst, number);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EIO") return null;
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Makes the file again, all its blocks; one who needs it waits for another that does so. */
  async #mend(archive: ArchivedSlots): Promise<readonly ArchiveBlock[]> {
    const known = this.#mending.get(archive.slotFirst);
    if (known !== undefined) return await known;
    const mending = this.#rebuild(archive);
    this.#mending.set(archive.slotFirst, mending);
    try {
      return await mending;
    } finally {
      this.#mending.delete(archive.slotFirst);
    }
  }

  async #rebuild(archive: ArchivedSlots): Promise<readonly ArchiveBlock[]> {
    const { slotFirst, checksum } = archive;
    const rows = await this.#options.rebuild(archive);
    const encoder = new ArchiveEncoder(slotFirst);
    const encoded = (rows ?? []).map((row) => encoder.row(row));
    const written = [...encoded, encoder.end()].filter((block) => block !== null);
    if (rows === null || encoder.checksum !== checksum) {
      const text = "it does not hold the rows that were written, and nothing else does";
      throw damaged(this.#path(archive), 0, text);
    }
    assert(blocksOf(archive) === written.length, "it has all its rows");
    try {
      await this.#write(slotFirst, rows, () => undefined);
    } catch (error) {
      // Who reads needs the rows, not the file: it is made when it is looked for the next time.
      if (!isOutOfSpace(error)) throw error;
    }
    const blocks = written.map((block) => new ArchiveBlock(block));
    for (const [number, block] of blocks.entries()) this.#remember(archive, number, block);
    return blocks;
  }

  /** Replaces the file as a whole; returns the checksum of its rows. */
  async #write(
    slotFirst: Slot,
    rows: Iterable<ArchivedRow>,
    onRow: (slot: Slot, row: ArchivedRow) => void,
  ): Promise<number> {
    const { files, directory } = this.#options;
    const path = this.#path({ slotFirst });
    const temporary = path + temporarySuffix;
    if (await files.exists(temporary)) await files.remove(temporary);
    const encoder = new ArchiveEncoder(slotFirst);
    const file = await files.open(temporary, "create");
    try {
      await this.#fill(file, encoder, this.#told(slotFirst, rows, onRow));
      await file.datasync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, path);
    await files.syncDirectory(directory);
    return encoder.checksum;
  }

  *#told(
    slotFirst: Slot,
    rows: Iterable<ArchivedRow>,
    onRow: (slot: Slot, row: ArchivedRow) => void,
  ): Generator<ArchivedRow, void, void> {
    let slot = slotFirst;
    for (const row of rows) {
      onRow(slot, row);
      yield row;
      slot += 1;
    }
  }

  async #fill(
    file: FileHandle,
    encoder: ArchiveEncoder,
    rows: Iterable<ArchivedRow>,
  ): Promise<void> {
    let position = 0;
    let blocks: Uint8Array[] = [];
    const flush = async (): Promise<void> => {
      if (blocks.length === 0) return;
      await file.write(blocks, position);
      position += blocks.length * blockBytes;
      blocks = [];
    };
    for (const row of rows) {
      const block = encoder.row(row);
      if (block !== null) blocks.push(block);
      // Writing is a pause, too: other work of the node goes on meanwhile.
      if (blocks.length === blocksPerWrite) await flush();
    }
    const last = encoder.end();
    if (last !== null) blocks.push(last);
    await flush();
  }

  #forget({ slotFirst }: ArchivedSlots): void {
    for (const key of this.#blocks.keys()) {
      if (key.startsWith(`${slotFirst}/`)) this.#blocks.delete(key);
    }
  }

  #path(archive: Pick<ArchivedSlots, "slotFirst">): string {
    return `${this.#options.directory}/${archiveName(archive)}`;
  }
}

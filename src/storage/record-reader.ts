/**
 * Reads records of known places, neighbours in one piece, and checks each before it is given out.
 * Keeps a bounded number of segments open. Never writes.
 */
import { assert, type Slot } from "../../consensus/index.ts";
import { DecodeError, viewOf } from "../codec/bytes.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import { readRecord } from "./group-reader.ts";
import { decodeSegmentHeader, sectorBytes, segmentName, type StorageIdentity } from "./segment.ts";
import type { Place } from "./slot-index.ts";

/** A slot that is still in memory, or where it stands. */
export type Wanted =
  | { readonly slot: Slot; readonly framed: FramedDecree; readonly place?: never }
  | { readonly slot: Slot; readonly place: Place; readonly framed?: never };

interface OnDisk {
  readonly slot: Slot;
  readonly place: Place;
}

/** Reading over a gap of this many bytes is cheaper than a second read. */
const gapBytesMax = 16 * 1024;
const openMax = 16;

interface OpenSegment {
  readonly file: FileHandle;
  readonly seed: number;
}

export class RecordReader {
  readonly #files: FileSystem;
  readonly #directory: string;
  readonly #identity: StorageIdentity;
  /** By generation; the one used last is at the end. */
  readonly #open = new Map<number, Promise<OpenSegment>>();
  readonly #uses = new Map<number, number>();
  #isClosed = false;

  constructor(files: FileSystem, directory: string, identity: StorageIdentity) {
    this.#files = files;
    this.#directory = directory;
    this.#identity = identity;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED`. */
  async read(wanted: readonly Wanted[]): Promise<readonly FramedDecree[]> {
    const found: FramedDecree[] = [];
    let run: OnDisk[] = [];
    for (const next of wanted) {
      const { slot, place } = next;
      const last = run.at(-1);
      if (last !== undefined && (place === undefined || !isNear(last.place, place))) {
        await this.#readRun(run, found);
        run = [];
      }
      if (place === undefined) found.push(next.framed);
      else run.push({ slot, place });
    }
    if (run.length > 0) await this.#readRun(run, found);
    return found;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const opening of this.#open.values()) {
      // One that could not be opened has told its reader so.
      const segment = await opening.catch(() => null);
      await segment?.file.close();
    }
    this.#open.clear();
  }

  async #readRun(run: readonly OnDisk[], found: FramedDecree[]): Promise<void> {
    const first = run[0]?.place;
    const last = run.at(-1)?.place;
    assert(first !== undefined && last !== undefined, "a run has a record");
    const bytes = new Uint8Array(last.offset + last.size - first.offset);
    const path = `${this.#directory}/${segmentName(first.generation)}`;
    const seed = await this.#fill(bytes, first, path);
    const view = viewOf(bytes);
    for (const { slot, place } of run) {
      try {
        const at = place.offset - first.offset;
        const framed = readRecord(bytes, view, at, { offset: place.offset, seed, group: null });
        if (framed.decree.slot !== slot) {
          throw new DecodeError(place.offset, `expected slot ${slot}, found ${framed.decree.slot}`);
        }
        found.push(framed);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        throw damaged(path, error.offset, error.message);
      }
    }
  }

  /** Reads from `place` on; returns the seed of the segment's checksums. */
  async #fill(bytes: Uint8Array, place: Place, path: string): Promise<number> {
    assert(!this.#isClosed, "nothing is read from a closed journal");
    const { generation } = place;
    this.#uses.set(generation, (this.#uses.get(generation) ?? 0) + 1);
    try {
      const { file, seed } = await this.#segment(generation, path);
      await file.read(bytes, place.offset);
      return seed;
    } catch (error) {
      const isUnreadable = error instanceof Error && "code" in error && error.code === "EIO";
      throw isUnreadable ? damaged(path, place.offset, "it cannot be read", error) : error;
    } finally {
      this.#uses.set(generation, (this.#uses.get(generation) ?? 1) - 1);
    }
  }

  async #segment(generation: number, path: string): Promise<OpenSegment> {
    const known = this.#open.get(generation);
    this.#open.delete(generation);
    const opening = known ?? this.#openFile(generation, path);
    this.#open.set(generation, opening);
    try {
      const segment = await opening;
      if (known === undefined) await this.#evict();
      return segment;
    } catch (error) {
      this.#open.delete(generation);
      throw error;
    }
  }

  async #openFile(generation: number, path: string): Promise<OpenSegment> {
    const file = await this.#files.open(path, "read");
    try {
      const header = new Uint8Array(sectorBytes);
      await file.read(header, 0);
      const { seed } = decodeSegmentHeader(path, header, this.#identity, generation);
      return { file, seed };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #evict(): Promise<void> {
    for (const [generation, opening] of this.#open) {
      if (this.#open.size <= openMax) return;
      if ((this.#uses.get(generation) ?? 0) > 0) continue;
      this.#open.delete(generation);
      const segment = await opening;
      await segment.file.close();
    }
  }
}

function isNear(left: Place, right: Place): boolean {
  const gap = right.offset - (left.offset + left.size);
  return left.generation === right.generation && gap >= 0 && gap <= gapBytesMax;
}

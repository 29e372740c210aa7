/**
 * Reads records of known places, neighbours in one piece, and checks each before it is given out.
 * Keeps a bounded number of segments open. Never writes.
 */
import { assert, type Slot } from "../../consensus/index.ts";
import { DecodeError, LaterVersionError, viewOf } from "../codec/bytes.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import { damaged, laterDecree } from "./damage.ts";
import { readRecord } from "./group-reader.ts";
import { segmentName } from "./segment.ts";
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

/** The record of a slot is not what was written. */
export type OnDamaged = (slot: Slot, error: KibitzerError) => void;

export class RecordReader {
  readonly #files: FileSystem;
  readonly #directory: string;
  readonly #seedOf: (generation: number) => number;
  /** By generation; the one used last is at the end. */
  readonly #open = new Map<number, Promise<FileHandle>>();
  readonly #uses = new Map<number, number>();
  #isClosed = false;

  /** @param seedOf What seeds the checksums of a segment. */
  constructor(files: FileSystem, directory: string, seedOf: (generation: number) => number) {
    this.#files = files;
    this.#directory = directory;
    this.#seedOf = seedOf;
  }

  /** What is whole of `wanted`, in order; `onDamaged` is told of the others. */
  async read(wanted: readonly Wanted[], onDamaged: OnDamaged): Promise<readonly FramedDecree[]> {
    const found: FramedDecree[] = [];
    let run: OnDisk[] = [];
    for (const next of wanted) {
      const { slot, place } = next;
      const last = run.at(-1);
      if (last !== undefined && (place === undefined || !isNear(last.place, place))) {
        await this.#readRun(run, found, onDamaged);
        run = [];
      }
      if (place === undefined) found.push(next.framed);
      else run.push({ slot, place });
    }
    if (run.length > 0) await this.#readRun(run, found, onDamaged);
    return found;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const opening of this.#open.values()) {
      // One that could not be opened has told its reader so.
      const file = await opening.catch(() => null);
      await file?.close();
    }
    this.#open.clear();
  }

  async #readRun(
    run: readonly OnDisk[],
    found: FramedDecree[],
    onDamaged: OnDamaged,
  ): Promise<void> {
    const first = run[0]?.place;
    const last = run.at(-1)?.place;
    assert(first !== undefined && last !== undefined, "a run has a record");
    const bytes = new Uint8Array(last.offset + last.size - first.offset);
    const path = `${this.#directory}/${segmentName(first.generation)}`;
    const seed = this.#seedOf(first.generation);
    const failure = await this.#fill(bytes, first, path);
    if (failure !== null) {
      for (const { slot } of run) onDamaged(slot, failure);
      return;
    }
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
        if (error instanceof LaterVersionError) throw laterDecree(path, error);
        if (!(error instanceof DecodeError)) throw error;
        onDamaged(slot, damaged(path, error.offset, error.message));
      }
    }
  }

  /** Reads from `place` on; returns why that cannot be read, or null. */
  async #fill(bytes: Uint8Array, place: Place, path: string): Promise<KibitzerError | null> {
    assert(!this.#isClosed, "nothing is read from a closed journal");
    const { generation } = place;
    this.#uses.set(generation, (this.#uses.get(generation) ?? 0) + 1);
    try {
      const file = await this.#segment(generation, path);
      await file.read(bytes, place.offset);
      return null;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code === "EIO") return damaged(path, place.offset, "it cannot be read", error);
      if (code === "ENOENT") return damaged(path, place.offset, "it is missing", error);
      throw error;
    } finally {
      this.#uses.set(generation, (this.#uses.get(generation) ?? 1) - 1);
    }
  }

  async #segment(generation: number, path: string): Promise<FileHandle> {
    const known = this.#open.get(generation);
    this.#open.delete(generation);
    const opening = known ?? this.#files.open(path, "read");
    this.#open.set(generation, opening);
    try {
      const file = await opening;
      if (known === undefined) await this.#evict();
      return file;
    } catch (error) {
      this.#open.delete(generation);
      throw error;
    }
  }

  async #evict(): Promise<void> {
    for (const [generation, opening] of this.#open) {
      if (this.#open.size <= openMax) return;
      if ((this.#uses.get(generation) ?? 0) > 0) continue;
      this.#open.delete(generation);
      const file = await opening;
      await file.close();
    }
  }
}

function isNear(left: Place, right: Place): boolean {
  const gap = right.offset - (left.offset + left.size);
  return left.generation === right.generation && gap >= 0 && gap <= gapBytesMax;
}

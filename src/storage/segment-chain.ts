/**
 * The segment being written, and the one that is filled with zeros for later, in small steps paced
 * by what is appended, so that it is ready in time and never holds a group up for long.
 */
import { assert } from "../../consensus/index.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import type { Extent } from "./extents.ts";
import { writeManifest, type SegmentEntry } from "./manifest.ts";
import {
  encodeSegmentHeader,
  sectorBytes,
  SegmentDraft,
  segmentBytesLimit,
  type SegmentHeader,
  type StorageIdentity,
} from "./segment.ts";
import { roundUp } from "./group.ts";

export interface ChainOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly identity: StorageIdentity;
  readonly segmentBytesMax: number;
  /** Groups up to this one are synced, and where the log ends after it. */
  groupSynced(): { readonly number: number; readonly extent: Extent };
  onFailed(error: unknown): void;
}

interface Ready {
  readonly header: SegmentHeader;
  readonly file: FileHandle;
}

/** Each segment is so many times as large as the one before, up to the limit. */
const growth = 4;
const fillBytesMin = 64 * 1024;
/** Filled a little faster than needed, so that no group waits at the end of a segment. */
const fillLead = 1.5;

export class SegmentChain {
  readonly #options: ChainOptions;
  #entries: SegmentEntry[];
  readonly #writeBase: number;
  /** Of the manifest that was written last. */
  #counter: number;
  #generationLast: number;
  #active: Ready;
  #offset: number;
  #draft: SegmentDraft | null = null;
  #next: Ready | null = null;
  #filling: Promise<void> | null = null;
  #budget = 0;
  #failure: { readonly error: unknown } | null = null;
  #isClosed = false;

  constructor(
    opened: {
      readonly entries: readonly SegmentEntry[];
      readonly active: Ready & { readonly offset: number };
      readonly writeBase: number;
      readonly counter: number;
    },
    options: ChainOptions,
  ) {
    this.#options = options;
    this.#entries = [...opened.entries];
    this.#active = opened.active;
    this.#offset = opened.active.offset;
    this.#generationLast = opened.active.header.generation;
    this.#writeBase = opened.writeBase;
    this.#counter = opened.counter;
  }

  /** Bytes of a segment when it was made; null for one that is none of the journal's. */
  sizeOf(generation: number): number | null {
    return this.#entries.find((entry) => entry.generation === generation)?.size ?? null;
  }

  /** Where the next group goes, unless `room` moves it. */
  place(): { readonly segment: SegmentHeader; readonly offset: number } {
    return { segment: this.#active.header, offset: this.#offset };
  }

  /** Where a group of `size` bytes goes: in the next segment when it does not fit here. */
  async room(size: number): Promise<{ readonly segment: SegmentHeader; readonly offset: number }> {
    // The sector behind it is for its mark.
    while (this.#offset + size + sectorBytes > this.#active.header.size) {
      await this.#filling;
      // What failed in the background is as final as what fails here (contract C4).
      if (this.#failure !== null) throw this.#failure.error;
      while (this.#next === null) await this.#prepare(size + 2 * sectorBytes, Infinity);
      await this.#advance();
    }
    return this.place();
  }

  async write(pieces: readonly Uint8Array[], size: number): Promise<void> {
    await this.#active.file.write(pieces, this.#offset);
    this.#offset += size;
  }

  /** Writes where the next group will go. */
  async overwrite(bytes: Uint8Array): Promise<void> {
    await this.#active.file.write([bytes], this.#offset);
  }

  async sync(): Promise<void> {
    await this.#active.file.datasync();
  }

  /** Goes on filling the next segment, in step with the `bytes` that were appended. */
  fillAhead(bytes: number): void {
    if (this.#next !== null || this.#isClosed) return;
    const ratio = this.#sizeNext(0) / this.#active.header.size;
    this.#budget += bytes * ratio * fillLead;
    if (this.#filling !== null || this.#budget < fillBytesMin) return;
    this.#filling = this.#fill();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#filling;
    await this.#draft?.abandon();
    await this.#next?.file.close();
    await this.#active.file.close();
  }

  async #fill(): Promise<void> {
    try {
      while (this.#budget >= fillBytesMin && this.#next === null && !this.#isClosed) {
        const step = Math.min(Math.floor(this.#budget), 1024 * 1024);
        this.#budget -= step;
        await this.#prepare(0, step);
      }
    } catch (error) {
      this.#failure = { error };
      this.#options.onFailed(error);
    }
    this.#filling = null;
  }

  #sizeNext(least: number): number {
    const grown = Math.min(this.#active.header.size * growth, this.#options.segmentBytesMax);
    return Math.min(roundUp(Math.max(grown, least)), segmentBytesLimit);
  }

  /** Fills `bytes` more of the next segment; publishes it once it is full. */
  async #prepare(sizeLeast: number, bytes: number): Promise<void> {
    const { files, directory, identity } = this.#options;
    if (this.#draft === null) {
      this.#generationLast += 1;
      const size = this.#sizeNext(sizeLeast);
      const encoded = encodeSegmentHeader(identity, this.#generationLast, size);
      this.#draft = await SegmentDraft.create(files, directory, encoded, []);
    }
    const draft = this.#draft;
    await draft.fill(bytes);
    if (draft.missing > 0 && bytes !== Infinity) return;
    const file = await draft.finish();
    this.#draft = null;
    this.#budget = 0;
    const entry = { generation: draft.header.generation, size: draft.header.size, closed: null };
    this.#entries.push(entry);
    // Only what the manifest names is read back, so it must name the segment before its first use.
    const { number: synced, extent } = this.#options.groupSynced();
    this.#counter += 1;
    await writeManifest(files, directory, {
      ...identity,
      counter: this.#counter,
      segments: this.#entries,
      synced,
      extent,
      writeBase: this.#writeBase,
    });
    this.#next = { header: draft.header, file };
  }

  async #advance(): Promise<void> {
    const next = this.#next;
    assert(next !== null, "a segment is ready before it is needed");
    const { generation } = this.#active.header;
    const closed = { end: this.#offset, group: this.#options.groupSynced().number };
    this.#entries = this.#entries.map((entry) =>
      entry.generation === generation ? { ...entry, closed } : entry,
    );
    await this.#active.file.close();
    this.#active = next;
    this.#offset = sectorBytes;
    this.#next = null;
  }
}

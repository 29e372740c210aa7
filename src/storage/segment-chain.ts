/**
 * The segment being written, and the one that is filled with zeros for later, in small steps paced
 * by what is appended, so that it is ready in time and never holds a group up for long. A disk
 * without space for that is no failure: what is left of the segment is the reserve, and the rest
 * waits.
 */
import { assert } from "../../consensus/index.ts";
import { fsync, traced, type Traced } from "../diagnostics/channels.ts";
import { now, StorageMeter } from "../metrics/meter.ts";
import type { Clock, FileHandle, FileSystem, Timer } from "../world.ts";
import type { ManifestKeeper } from "./manifest-keeper.ts";
import {
  encodeSegmentHeader,
  sectorBytes,
  SegmentDraft,
  segmentBytesLimit,
  type SegmentHeader,
  type StorageIdentity,
} from "./segment.ts";
import { roundUp } from "./group.ts";
import { isOutOfSpace } from "./space.ts";

export interface ChainOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly identity: StorageIdentity;
  readonly segmentBytesMax: number;
  readonly manifest: ManifestKeeper;
  /** Groups up to this one are synced. */
  groupSynced(): { readonly number: number };
  /** Nothing is written to this segment any more. */
  onClosed(generation: number): void;
  onFailed(error: unknown): void;
  /** Whether there is space for what comes after the segment being written. */
  onSpace(hasSpace: boolean): void;
  /** Tells when to look for space again; without it a full disk is a failure. */
  readonly clock: Clock | undefined;
  readonly meter: StorageMeter | undefined;
}

interface Ready {
  readonly header: SegmentHeader;
  readonly file: FileHandle;
}

/** There was no space: the next look is at the timer, or when all is to be closed. */
interface Shortage {
  readonly error: Error;
  readonly timer: Timer;
  readonly over: PromiseWithResolvers<void>;
}

/** Each segment is so many times as large as the one before, up to the limit. */
const growth = 4;
const fillBytesMin = 64 * 1024;
/** Filled a little faster than needed, so that no group waits at the end of a segment. */
const fillLead = 1.5;
/** A small segment is filled in so many steps at least. */
const fillStepsMin = 4;
const lookAgainMs = 500;

export class SegmentChain {
  readonly #options: ChainOptions;
  readonly #meter: StorageMeter;
  #generationLast: number;
  #active: Ready;
  #offset: number;
  #draft: SegmentDraft | null = null;
  /** Filled, but not named by the manifest yet. */
  #made: Ready | null = null;
  #next: Ready | null = null;
  #shortage: Shortage | null = null;
  #hasSpace = true;
  #filling: Promise<void> | null = null;
  #budget = 0;
  #failure: { readonly error: unknown } | null = null;
  #isClosed = false;

  constructor(
    opened: { readonly active: Ready & { readonly offset: number } },
    options: ChainOptions,
  ) {
    this.#options = options;
    this.#meter = options.meter ?? new StorageMeter();
    this.#active = opened.active;
    this.#offset = opened.active.offset;
    this.#generationLast = opened.active.header.generation;
  }

  /** Where the next group goes, unless `room` moves it. */
  place(): { readonly segment: SegmentHeader; readonly offset: number } {
    return { segment: this.#active.header, offset: this.#offset };
  }

  /** Bytes that can be written without asking the disk for space. */
  get reserveBytes(): number {
    const here = Math.max(0, this.#active.header.size - this.#offset - sectorBytes);
    return here + (this.#next?.header.size ?? 0);
  }

  /** Where a group of `size` bytes goes: in the next segment when it does not fit here. */
  async room(size: number): Promise<{ readonly segment: SegmentHeader; readonly offset: number }> {
    // The sector behind it is for its mark.
    while (this.#offset + size + sectorBytes > this.#active.header.size) {
      await this.#filling;
      // What failed in the background is as final as what fails here (contract C4).
      if (this.#failure !== null) throw this.#failure.error;
      if (this.#shortage !== null) await this.#shortage.over.promise;
      else if (this.#next !== null) await this.#advance();
      else await this.#prepare(size + 2 * sectorBytes, Infinity);
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
    const began = now();
    const { file, header } = this.#active;
    const where = (): Traced => ({
      segment: header.generation,
      directory: this.#options.directory,
    });
    await traced(fsync, where, () => file.datasync());
    this.#meter.syncs.observe(now() - began);
  }

  /** Goes on filling the next segment, in step with the `bytes` that were appended. */
  fillAhead(bytes: number): void {
    if (this.#next !== null || this.#isClosed || this.#shortage !== null) return;
    const size = this.#sizeNext(0);
    this.#budget += (bytes * size * fillLead) / this.#active.header.size;
    const step = Math.min(fillBytesMin, Math.floor(size / fillStepsMin));
    if (this.#filling !== null || this.#budget < step) return;
    this.#filling = this.#fill(step);
  }

  /** Whoever waits for space is told that there is none, unless there is some now. */
  endWaiting(): void {
    this.#isClosed = true;
    this.#lookAgain();
  }

  async close(): Promise<void> {
    this.endWaiting();
    await this.#filling;
    await this.#draft?.abandon();
    await this.#made?.file.close();
    await this.#next?.file.close();
    await this.#active.file.close();
  }

  /** Spends the budget, in steps of so many bytes at least. */
  async #fill(least: number): Promise<void> {
    try {
      while (this.#budget >= least && this.#next === null && !this.#isClosed) {
        const step = Math.min(Math.floor(this.#budget), 1024 * 1024);
        this.#budget -= step;
        await this.#prepare(0, step);
        if (this.#shortage !== null) break;
      }
    } catch (error) {
      // Whoever closes does without the next segment.
      if (!this.#isClosed || !isOutOfSpace(error)) {
        this.#failure = { error };
        this.#options.onFailed(error);
      }
    }
    this.#filling = null;
  }

  #lookAgain(): void {
    const shortage = this.#shortage;
    if (shortage === null) return;
    this.#shortage = null;
    shortage.timer.cancel();
    // Without any pace: everything waits for this.
    this.#budget = Infinity;
    if (!this.#isClosed) this.#filling = this.#fill(0);
    shortage.over.resolve();
  }

  #sizeNext(least: number): number {
    const grown = Math.min(this.#active.header.size * growth, this.#options.segmentBytesMax);
    return Math.min(roundUp(Math.max(grown, least)), segmentBytesLimit);
  }

  /** Fills `bytes` more of the next segment, as far as there is space. */
  async #prepare(sizeLeast: number, bytes: number): Promise<void> {
    const { clock } = this.#options;
    try {
      await this.#make(sizeLeast, bytes);
    } catch (error) {
      if (!isOutOfSpace(error) || clock === undefined || this.#isClosed) throw error;
      const timer = clock.after(lookAgainMs, () => this.#lookAgain());
      this.#shortage = { error, timer, over: Promise.withResolvers() };
    }
    const hasSpace = this.#shortage === null && (this.#hasSpace || this.#next !== null);
    if (hasSpace === this.#hasSpace) return;
    this.#hasSpace = hasSpace;
    this.#options.onSpace(hasSpace);
  }

  /** Goes on from wherever the last attempt has ended; makes the segment usable once it is full. */
  async #make(sizeLeast: number, bytes: number): Promise<void> {
    const { manifest } = this.#options;
    this.#made ??= await this.#draftOn(sizeLeast, bytes);
    if (this.#made === null) return;
    const { generation, size } = this.#made.header;
    const { segments } = manifest.body;
    // The last attempt may have ended in the very writing of the manifest.
    if (segments.at(-1)?.generation !== generation) {
      manifest.change({ segments: [...segments, { generation, size, closed: null }] });
    }
    // Only what the manifest names is read back, so it must name the segment before its first use.
    await manifest.save();
    this.#next = this.#made;
    this.#made = null;
  }

  /** The next segment once it is full, or null. */
  async #draftOn(sizeLeast: number, bytes: number): Promise<Ready | null> {
    const { files, directory, identity } = this.#options;
    const generation = this.#generationLast + 1;
    if (this.#draft === null) {
      const encoded = encodeSegmentHeader(identity, generation, this.#sizeNext(sizeLeast));
      this.#draft = await SegmentDraft.create(files, directory, encoded, []);
    }
    const draft = this.#draft;
    await draft.fill(bytes);
    if (draft.missing > 0 && bytes !== Infinity) return null;
    const file = await draft.finish();
    this.#generationLast = generation;
    this.#draft = null;
    this.#budget = 0;
    return { header: draft.header, file };
  }

  async #advance(): Promise<void> {
    const next = this.#next;
    assert(next !== null, "a segment is ready before it is needed");
    const { generation } = this.#active.header;
    const closed = { end: this.#offset, group: this.#options.groupSynced().number };
    const { manifest } = this.#options;
    const segments = manifest.body.segments.map((entry) =>
      entry.generation === generation ? { ...entry, closed } : entry,
    );
    manifest.change({ segments });
    this.#options.onClosed(generation);
    await this.#active.file.close();
    this.#active = next;
    this.#offset = sectorBytes;
    this.#next = null;
  }
}

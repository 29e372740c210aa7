/**
 * The journal: makes writes durable in their order, one sync for all that gathered during the one
 * before, and gives decided decrees back. After a failed write or sync nothing is ever reported
 * persisted again, and nothing is tried a second time (contract C4).
 */
import {
  assert,
  InvariantViolation,
  type RepublicState,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Clock, FileSystem, Timer } from "../world.ts";
import type { Bodies } from "./bodies.ts";
import { decreeBody } from "../codec/decree-codec.ts";
import {
  encodeGroup,
  encodeMark,
  recordHeaderBytes,
  sizeOfGroup,
  type FramedWrite,
} from "./group.ts";
import { DiskRoom } from "./disk-room.ts";
import type { HardState } from "./hard-state.ts";
import { applyGroup, openJournal, type ReadJournal } from "./journal-files.ts";
import { JournalPast, slotsGone } from "./journal-past.ts";
import type { LogState } from "./log-state.ts";
import { ManifestKeeper } from "./manifest-keeper.ts";
import { RecordReader, type Wanted } from "./record-reader.ts";
import type { OpenedJournal } from "./recovered.ts";
import { SegmentChain } from "./segment-chain.ts";
import { sectorBytes, type StorageIdentity } from "./segment.ts";
import { Tail } from "./tail.ts";
import { framedDecree, WriteQueue } from "./write-queue.ts";

export interface JournalOptions {
  readonly files: FileSystem;
  /** The data directory; it is locked by the caller. */
  readonly directory: string;
  readonly identity: StorageIdentity;
  /** Whether a journal was made here before: then a missing one is damage. */
  readonly expected: boolean;
  /** Every write up to this number is durable. Called in order; must not throw. */
  onPersisted(write: number): void;
  /** The journal has failed for good. Called once. */
  onFailed(error: KibitzerError): void;
  /**
   * Whether the disk has room for what is still to come; it has until this says otherwise: it is
   * full, or so slow that too much waits for it. What is appended then may wait, until there is
   * room or the journal is closed.
   */
  onRoom?(hasRoom: boolean, lack: "space" | "speed" | null): void;
  /**
   * Tells when the journal is idle, and when to look for space again; without it a mark is written
   * at `close` only, and a full disk is a failure.
   */
  readonly clock?: Clock;
  /** The replicated state in the snapshot after `slot`; null when there is none that is whole. */
  snapshot?(slot: Slot): Promise<RepublicState | null>;
  /** Bytes of the first segment of this life: small, so that the start is quick. Default 1 MiB. */
  readonly segmentBytesFirst?: number;
  /** Bytes that segments grow to. Default 64 MiB. */
  readonly segmentBytesMax?: number;
  /** With more than this waiting for the disk there is no room, down to half. Default 32 MiB. */
  readonly backlogBytesMax?: number;
}

const MiB = 1024 * 1024;
/** After so long without a write, the journal says that its last group was synced. */
const markDelayMs = 100;
const scanBytes = 1 * MiB;
/** The part of a segment's bytes that the tail in memory may take. */
const tailPart = 1 / 64;

export class Journal implements AsyncDisposable {
  readonly #options: JournalOptions;
  readonly #log: LogState;
  readonly #hardState: HardState;
  readonly #chain: SegmentChain;
  readonly #past: JournalPast;
  readonly #reader: RecordReader;
  readonly #tail: Tail;
  readonly #queue = new WriteQueue();
  readonly #room: DiskRoom;
  #groupLast: number;
  #groupMarked: number;
  #writeLast: number;
  readonly #writeBefore: number;
  #length: Slot;
  #running: Promise<void> | null = null;
  #markTimer: Timer | null = null;
  #isMarkDue = false;
  #failure: KibitzerError | null = null;
  #isClosed = false;

  private constructor(options: JournalOptions, opened: ReadJournal) {
    this.#options = options;
    this.#log = opened.log;
    this.#hardState = opened.hardState;
    this.#room = new DiskRoom({
      backlogBytesMax: options.backlogBytesMax ?? 32 * MiB,
      onRoom: (hasRoom, lack) => options.onRoom?.(hasRoom, lack),
    });
    this.#groupLast = opened.groupLast;
    // The manifest says so.
    this.#groupMarked = opened.groupLast;
    this.#writeLast = Math.max(opened.log.writeLast, opened.writeBase);
    this.#writeBefore = this.#writeLast;
    this.#length = opened.log.index.length;
    this.#reader = new RecordReader(
      options.files,
      `${options.directory}/journal`,
      options.identity,
    );
    const segmentBytesMax = options.segmentBytesMax ?? 64 * MiB;
    this.#tail = new Tail(segmentBytesMax * tailPart);
    const { files, identity } = options;
    const place = { files, directory: `${options.directory}/journal`, identity };
    const { body, writeBase } = opened;
    const groupSynced = (): number => this.#groupLast;
    const manifest = new ManifestKeeper(body, { ...place, writeBase, groupSynced });
    const { entries, ends } = opened;
    this.#past = new JournalPast({ ...place, manifest, index: opened.log.index, entries, ends });
    this.#chain = new SegmentChain(opened, {
      ...place,
      segmentBytesMax,
      manifest,
      groupSynced,
      onClosed: (generation) => this.#past.close(generation, this.#log.end(this.#groupLast)),
      onFailed: (error) => this.#fail(error),
      onSpace: (hasSpace) => this.#room.setSpace(hasSpace, this.#queue.bytes),
      clock: options.clock,
    });
  }

  /**
   * Reads the journal back, or makes one. What nothing says was synced is written again, to a fresh
   * segment, and synced before this resolves (contract C3).
   * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`, `KBZ_REPUBLIC`; or the system's error.
   */
  static async open(options: JournalOptions): Promise<OpenedJournal> {
    const segmentBytesFirst = options.segmentBytesFirst ?? MiB;
    const snapshot = async (slot: Slot): Promise<RepublicState | null> =>
      (await options.snapshot?.(slot)) ?? null;
    const opened = await openJournal({ ...options, segmentBytesFirst, snapshot });
    const { log, hardState, torn, folded } = opened;
    const { promised } = hardState;
    const journal = new Journal(options, opened);
    await journal.#past.open();
    const republic = folded.state();
    const undecided = folded.undecided();
    // One that was installed right before the last life ended.
    const isNew = folded.base > 0 && opened.body.starts.at(-1)?.slot !== folded.base;
    if (isNew) await journal.#past.relyOn({ ...republic, slot: folded.base });
    const { accepted, decided, heard } = log;
    const writeLast = journal.#writeLast;
    const length = log.index.length;
    return {
      journal,
      recovered: {
        promised,
        accepted,
        decided: Math.max(decided, republic.slot),
        heard,
        writeLast,
        length,
        torn,
        republic,
        undecided,
        tailBytes: folded.bytes,
      },
    };
  }

  /** What is behind the snapshots, and who may read it. */
  get past(): JournalPast {
    return this.#past;
  }

  /** The last write that was handed over. */
  get written(): number {
    return this.#writeLast;
  }

  /** Whether a write is durable; one of an earlier life is. */
  isSynced(write: number): boolean {
    return write <= this.#writeBefore || write <= this.#log.writeLast;
  }

  /** The highest slot handed over. */
  get length(): Slot {
    return this.#length;
  }

  /**
   * Takes a write over and returns at once; `onPersisted` tells when it is durable. Each batch of
   * its decrees must have its bytes in `bodies`.
   */
  append(write: Write, bodies: Bodies): void {
    assert(!this.#isClosed, "nothing is appended to a closed journal");
    assert(write.number > this.#writeLast, "write numbers rise");
    const isJoined = write.slotFirst >= 1 && write.slotFirst <= this.#length + 1;
    assert(isJoined || write.base !== null, "the log has no hole");
    // What follows a failure is lost, like what a crash takes; its caller was told.
    if (this.#failure !== null) return;
    const framed = write.decrees.map((decree, position) => {
      assert(decree.slot === write.slotFirst + position, "a write's slots follow one another");
      const { value } = decree;
      return decreeBody(decree, value.kind === "batch" ? bodies.get(value) : null);
    });
    this.#queue.add({ write, bodies: framed });
    this.#writeLast = write.number;
    this.#length = write.slotFirst + write.decrees.length - 1;
    this.#start();
    this.#room.look(this.#queue.bytes);
  }

  /**
   * The decrees from `slotFirst` on, up to `slotLast` or until `bytesMax` is reached, at least one.
   * @throws {KibitzerError} `KBZ_DAMAGED` when a record is not what was written.
   */
  async read(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<readonly FramedDecree[]> {
    assert(slotFirst >= 1 && slotLast <= this.#length, "only slots of the journal are read");
    if (slotFirst < this.#past.slotFirst) throw slotsGone(slotFirst, this.#past.slotFirst);
    return await this.#past.during(this.#read(slotFirst, slotLast, bytesMax));
  }

  async #read(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<readonly FramedDecree[]> {
    const wanted: Wanted[] = [];
    let bytes = 0;
    for (let slot = slotFirst; slot <= slotLast; slot += 1) {
      const { next, size } = this.#locate(slot) ?? (await this.#archived(slot));
      if (wanted.length > 0 && bytes + size > bytesMax) break;
      wanted.push(next);
      bytes += size;
    }
    return await this.#reader.read(wanted);
  }

  /** All decrees of `slotFirst … slotLast` in order, read in large pieces. */
  async *scan(slotFirst: Slot, slotLast: Slot): AsyncGenerator<FramedDecree, void, void> {
    let slot = slotFirst;
    while (slot <= slotLast) {
      const batch = await this.read(slot, slotLast, scanBytes);
      yield* batch;
      slot += batch.length;
    }
  }

  /**
   * Waits until everything handed over is durable (or the journal has failed: what waits for room
   * is given up), then says on the disk that it is, and closes the files.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#markTimer?.cancel();
    this.#chain.endWaiting();
    while (this.#running !== null) await this.#running;
    try {
      if (this.#failure === null) {
        await this.#mark();
        await this.#chain.sync();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      await this.#chain.close();
      await this.#reader.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #start(): void {
    if (this.#running !== null || this.#failure !== null) return;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    // Everything that is appended in this turn of the caller goes into one group.
    await Promise.resolve();
    while (this.#failure === null && (this.#queue.isWaiting || this.#isMarkDue)) {
      const group = this.#queue.take();
      try {
        if (group.length > 0) await this.#commit(group);
        else await this.#mark();
      } catch (error) {
        this.#fail(error);
      }
      // The failure may be one of a segment that was being filled: no less final.
      const last = group.at(-1);
      if (this.#failure === null && last !== undefined) {
        this.#options.onPersisted(last.write.number);
      }
    }
    this.#running = null;
    this.#markLater();
  }

  /** One write, one sync; then the promise, twice. */
  async #commit(group: readonly FramedWrite[]): Promise<void> {
    this.#isMarkDue = false;
    const { segment, offset } = await this.#chain.room(sizeOfGroup(group));
    const number = this.#groupLast + 1;
    const { republic } = this.#options.identity;
    const { pieces, size } = encodeGroup(group, { segment, republic, number, offset });
    await this.#chain.write(pieces, size);
    await this.#chain.sync();
    this.#groupLast = number;
    applyGroup(this.#log, group, segment, offset);
    for (const framed of group) this.#keep(framed);
    this.#queue.done();
    const promised = group.findLast(({ write }) => write.promised !== null)?.write.promised;
    if (promised !== undefined && promised !== null) await this.#hardState.write(promised);
    this.#chain.fillAhead(size);
    this.#room.look(this.#queue.bytes);
  }

  /** Says that the last group was synced; not synced itself, and overwritten by the next group. */
  async #mark(): Promise<void> {
    this.#isMarkDue = false;
    const place = this.#chain.place();
    const hasRoom = place.offset + sectorBytes <= place.segment.size;
    if (this.#groupMarked === this.#groupLast || !hasRoom) return;
    const { republic } = this.#options.identity;
    await this.#chain.overwrite(encodeMark({ ...place, republic, number: this.#groupLast }));
    this.#groupMarked = this.#groupLast;
  }

  #markLater(): void {
    const { clock } = this.#options;
    const isDone = this.#groupMarked === this.#groupLast || this.#isClosed;
    if (clock === undefined || isDone || this.#markTimer !== null) return;
    this.#markTimer = clock.after(markDelayMs, () => {
      this.#markTimer = null;
      if (this.#isClosed || this.#running !== null) return;
      this.#isMarkDue = true;
      this.#start();
    });
  }

  #keep({ write, bodies }: FramedWrite): void {
    for (const [position, decree] of write.decrees.entries()) {
      this.#tail.append(framedDecree(decree, bodies[position]));
    }
  }

  /** Null when it stands in the archive. */
  #locate(slot: Slot): { readonly next: Wanted; readonly size: number } | null {
    const framed = this.#queue.decreeAt(slot) ?? this.#tail.get(slot);
    if (framed !== null) {
      return { next: { slot, framed }, size: recordHeaderBytes + (framed.body?.length ?? 0) };
    }
    if (slot <= this.#log.index.base) return null;
    const place = this.#log.index.get(slot);
    return { next: { slot, place }, size: place.size };
  }

  async #archived(slot: Slot): Promise<{ readonly next: Wanted; readonly size: number }> {
    const place = await this.#past.place(slot);
    return { next: { slot, place }, size: place.size };
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    const isOurs = error instanceof InvariantViolation;
    this.#failure = new KibitzerError(
      isOurs ? "KBZ_INVARIANT" : "KBZ_JOURNAL_FAILED",
      `Writing the journal in ${this.#options.directory} failed: ${String(error)}. The node ` +
        "stops and tells nobody that they are durable. Check the disk, then start it again.",
      { retryable: false, outcome: "unknown", cause: error },
    );
    this.#options.onFailed(this.#failure);
  }
}

/**
 * The journal: makes writes durable in their order, one sync for all that gathered during the one
 * before, and gives decided decrees back. After a failed write or sync nothing is ever reported
 * persisted again, and nothing is tried a second time (contract C4).
 */
import {
  assert,
  type Hash,
  type RepublicState,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { Timer } from "../world.ts";
import type { Bodies } from "./bodies.ts";
import { decreeBody } from "../codec/decree-codec.ts";
import { encodeGroup, encodeMark, sizeOfGroup, type FramedWrite } from "./group.ts";
import { DiskRoom } from "./disk-room.ts";
import type { Extent, Extents } from "./extents.ts";
import type { HardState } from "./hard-state.ts";
import type { SlotRange } from "./holes.ts";
import { applyGroup, extentAfter, openJournal, type ReadJournal } from "./journal-files.ts";
import type { JournalOptions } from "./journal-options.ts";
import { JournalPast, slotsGone } from "./journal-past.ts";
import type { LogState } from "./log-state.ts";
import { ManifestKeeper } from "./manifest-keeper.ts";
import { framedDecree, Mends } from "./mends.ts";
import type { OpenedJournal } from "./opened-journal.ts";
import { RecordReader } from "./record-reader.ts";
import { SegmentChain } from "./segment-chain.ts";
import { sectorBytes, seedOf } from "./segment.ts";
import { SlotReader, type WholeDecrees } from "./slot-reader.ts";
import { Tail } from "./tail.ts";
import { WriteQueue } from "./write-queue.ts";
import { writingFailed } from "./writing-failed.ts";

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
  readonly #slots: SlotReader;
  readonly #tail: Tail;
  readonly #mends = new Mends();
  /** Where the log ends, of what was handed to the disk. */
  readonly #extents: Extents;
  readonly #queue = new WriteQueue();
  readonly #room: DiskRoom;
  #groupLast: number;
  #groupMarked: number;
  #writeLast: number;
  readonly #writeBefore: number;
  readonly #decidedLeast: Slot;
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
    this.#decidedLeast = opened.decidedLeast;
    this.#length = opened.log.index.length;
    this.#extents = opened.log.extents();
    const { files, identity } = options;
    const place = { files, directory: `${options.directory}/journal`, identity };
    const { body, counter, entries, ends, log, writeBase } = opened;
    const groupSynced = (): { readonly number: number; readonly extent: Extent } => {
      return { number: this.#groupLast, extent: log.extent };
    };
    const manifest = new ManifestKeeper(body, { ...place, writeBase, counter, groupSynced });
    this.#past = new JournalPast({ ...place, manifest, log, entries, ends });
    this.#reader = new RecordReader(files, place.directory, (generation) =>
      seedOf(identity, generation, manifest.sizeOf(generation)),
    );
    const segmentBytesMax = options.segmentBytesMax ?? 64 * MiB;
    this.#tail = new Tail(segmentBytesMax * tailPart);
    this.#slots = new SlotReader({
      directory: options.directory,
      log,
      reader: this.#reader,
      tail: this.#tail,
      pendingAt: (slot) => this.#queue.decreeAt(slot),
      archived: async (slot) => await this.#past.place(slot),
      mend: options.mend ?? null,
    });
    this.#chain = new SegmentChain(opened, {
      ...place,
      segmentBytesMax,
      manifest,
      groupSynced,
      onClosed: (generation) => this.#past.close(generation, log.end(this.#groupLast)),
      onFailed: (error) => this.#fail(error),
      onSpace: (hasSpace) => this.#room.setSpace(hasSpace, this.#queue.bytes),
      clock: options.clock,
      meter: options.meter,
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
    const { log, hardState, torn, findings, folded } = opened;
    const { promised } = hardState;
    const journal = new Journal(options, opened);
    await journal.#past.open();
    const republic = folded.state();
    // One that was installed right before the last life ended.
    const isNew = folded.base > 0 && opened.body.starts.at(-1)?.slot !== folded.base;
    if (isNew) await journal.#past.relyOn({ ...republic, slot: folded.base });
    const { accepted, decided, heard } = log;
    const least = Math.max(republic.slot, opened.decidedLeast);
    const known = { promised, accepted, decided: Math.max(decided, least), heard };
    const writeLast = journal.#writeLast;
    const length = log.index.length;
    const undecided = folded.isWhole ? folded.undecided() : null;
    const missing = folded.missing ?? 0;
    const found = { torn, findings, republic, undecided, missing, tailBytes: folded.bytes };
    return { journal, recovered: { ...known, writeLast, length, ...found } };
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

  /** Slots whose records are damaged, as far as that is known. */
  get damaged(): readonly SlotRange[] {
    return this.#log.holes.ranges();
  }

  /** How far the disk knows the log decided. */
  get decided(): Slot {
    return Math.max(this.#log.decided, this.#decidedLeast);
  }

  /** As `onRoom` told last. */
  get hasRoom(): boolean {
    return this.#room.isThere;
  }

  /** Why it has no room, and how many bytes it can write where the disk has no space. */
  get shortage(): { readonly lack: "space" | "speed" | null; readonly reserveBytes: number } {
    return { lack: this.#room.lack, reserveBytes: this.#chain.reserveBytes };
  }

  get failure(): KibitzerError | null {
    return this.#failure;
  }

  /** The hash that the damaged record of `slot` had, where something tells it. */
  hashOf(slot: Slot): Hash | null {
    return this.#log.holes.hashAt(slot);
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
    const { slotFirst, lostUpTo } = write;
    const isJoined = slotFirst >= 1 && slotFirst <= this.#length + 1;
    assert(isJoined || write.base !== null, "the log has no hole");
    assert(lostUpTo <= this.#length, "what was lost was there");
    // What follows a failure is lost, like what a crash takes; its caller was told.
    if (this.#failure !== null) return;
    const framed = write.decrees.map((decree, position) => {
      assert(decree.slot === write.slotFirst + position, "a write's slots follow one another");
      const { value } = decree;
      return decreeBody(decree, value.kind === "batch" ? bodies.get(value) : null);
    });
    this.#queue.add({ write, bodies: framed });
    this.#writeLast = write.number;
    this.#length = Math.max(slotFirst + write.decrees.length - 1, lostUpTo);
    this.#start();
    this.#room.look(this.#queue.bytes);
  }

  /**
   * Writes decrees whose records are damaged to another place; they must be what stood there.
   * Durable when this resolves.
   */
  async mend(decrees: readonly FramedDecree[]): Promise<void> {
    assert(!this.#isClosed, "nothing is mended in a closed journal");
    if (this.#failure !== null) throw this.#failure;
    if (decrees.length === 0) return;
    const mended = this.#mends.add(decrees, this.#log.extent);
    this.#start();
    await mended;
  }

  /**
   * The decrees from `slotFirst` on, up to `slotLast` or until `bytesMax` is reached, at least one.
   * @throws {KibitzerError} `KBZ_DAMAGED` when a record is not what was written, and not mended.
   */
  async read(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<readonly FramedDecree[]> {
    assert(slotFirst >= 1 && slotLast <= this.#length, "only slots of the journal are read");
    if (slotFirst < this.#past.slotFirst) throw slotsGone(slotFirst, this.#past.slotFirst);
    return await this.#past.during(this.#slots.read(slotFirst, slotLast, bytesMax));
  }

  /** What is whole of a range, damaged slots named beside it; nothing is mended. */
  async readWhole(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<WholeDecrees> {
    const last = Math.min(slotLast, this.#length);
    const first = Math.max(slotFirst, this.#past.slotFirst);
    if (first > last) return { framed: [], damaged: [], slotLast: last };
    return await this.#past.during(this.#slots.readWhole(first, last, bytesMax));
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

  /**
   * Everything that is appended in this turn goes into one group; what the turn sends leaves first,
   * since others have further to go than to the own disk.
   */
  async #run(): Promise<void> {
    await Promise.resolve();
    const { clock } = this.#options;
    if (clock !== undefined) await new Promise<void>((resolve) => clock.soon(resolve));
    while (this.#failure === null && this.#hasWork()) {
      const mends = this.#mends.take();
      const group = mends.length > 0 ? [] : this.#queue.take();
      try {
        if (mends.length > 0) await this.#commitMends(mends);
        else if (group.length > 0) await this.#commit(group);
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

  #hasWork(): boolean {
    return this.#queue.isWaiting || this.#isMarkDue || this.#mends.isWaiting;
  }

  /** One write, one sync; then the promise, twice. */
  async #commit(group: readonly FramedWrite[]): Promise<void> {
    const size = await this.#writeGroup("group", group);
    for (const framed of group) this.#keep(framed);
    this.#queue.done();
    const promised = group.findLast(({ write }) => write.promised !== null)?.write.promised;
    if (promised !== undefined && promised !== null) await this.#hardState.write(promised);
    this.#chain.fillAhead(size);
    this.#room.look(this.#queue.bytes);
  }

  async #commitMends(group: readonly FramedWrite[]): Promise<void> {
    this.#chain.fillAhead(await this.#writeGroup("mend", group));
    this.#mends.done();
  }

  /** Durable when this resolves; returns how many bytes it took. */
  async #writeGroup(kind: "group" | "mend", group: readonly FramedWrite[]): Promise<number> {
    this.#isMarkDue = false;
    const { segment, offset } = await this.#chain.room(sizeOfGroup(group));
    const number = this.#groupLast + 1;
    const { republic } = this.#options.identity;
    const extent = this.#extents.now;
    const after = kind === "mend" ? extent : extentAfter(this.#extents, group);
    const place = { segment, republic, number, offset, extent };
    const { pieces, size } = encodeGroup(group, place, { kind, after });
    await this.#chain.write(pieces, size);
    await this.#chain.sync();
    this.#groupLast = number;
    applyGroup(this.#log, { kind, writes: group }, segment, offset);
    return size;
  }

  /** Says that the last group was synced; not synced itself, and overwritten by the next group. */
  async #mark(): Promise<void> {
    this.#isMarkDue = false;
    const place = this.#chain.place();
    const hasRoom = place.offset + sectorBytes <= place.segment.size;
    if (this.#groupMarked === this.#groupLast || !hasRoom) return;
    const { republic } = this.#options.identity;
    const extent = this.#extents.now;
    const mark = encodeMark({ ...place, republic, number: this.#groupLast, extent });
    await this.#chain.overwrite(mark);
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

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = writingFailed(this.#options.directory, error);
    this.#mends.fail(this.#failure);
    this.#options.onFailed(this.#failure);
  }
}

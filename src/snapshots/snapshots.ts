/**
 * When a node makes snapshots, what becomes of them, and what goes then: one at a time, in the
 * background. A full disk or a part that fails costs a snapshot; any other failure of the disk is
 * final, as one of the journal is.
 */
import type { Applied, RepublicState, Slot } from "../../consensus/index.ts";
import { snapshot, traced } from "../diagnostics/channels.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import { now, type StorageMeter } from "../metrics/meter.ts";
import { pause } from "../pause.ts";
import { newestSnapshot } from "../requests.ts";
import type { Journal } from "../storage/journal.ts";
import { isOutOfSpace } from "../storage/space.ts";
import { Overtaken } from "../storage/journal-past.ts";
import type { Retention } from "../storage/retention.ts";
import type { Clock } from "../world.ts";
import { snapshotFailure, stateGone } from "./errors.ts";
import { guarded, Unusable } from "./guarded-part.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";
import type { SnapshotPiece } from "./snapshot-piece.ts";
import type { SnapshotPart, SnapshotParts } from "./snapshot-part.ts";
import { writeSnapshot, type NamedPieces } from "./snapshot-writer.ts";

/** After how much log a snapshot is due. */
export interface SnapshotPolicy {
  readonly bytes: number;
  readonly slots: number;
}

export interface SnapshotsOptions {
  readonly files: SnapshotFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: SnapshotPolicy;
  readonly retention: Retention;
  readonly meter: StorageMeter;
  /** The identity of the republic; asked only while there is a journal. */
  republic(): string;
  /** The slot that gave the republic its identity, if it had another one before; or 0. */
  refoundedAt(): Slot;
  /** The replicated state as it is now. */
  state(): RepublicState;
  failed(error: KibitzerError): void;
}

/** What a decree takes in the log besides its batch, about. */
const decreeBytes = 256;
/** A snapshot that large is made only when the log since the last is so many times larger. */
const worth = 4;
/** Reads under way have so long to end before what they read is removed. */
const readsMs = 5_000;
/** A download that has not asked for so long is over. */
const leaseMs = 10_000;
const leasesMax = 2;
const durablePollMs = 10;
const partPattern = /^[a-z][a-z0-9-]{0,31}$/;

export class Snapshots implements SnapshotParts, AsyncDisposable {
  readonly #options: SnapshotsOptions;
  #parts: readonly SnapshotPart[] = [];
  /** Those that the last snapshot held: without one of them there is no other. */
  #expected: readonly string[] | null = [];
  #journal: Journal | null = null;
  /** The slot of the last snapshot, or of the last try, and what was applied since. */
  #slot: Slot = 0;
  #bytes = 0;
  /** The last slot that was noted. */
  #last: Slot = 0;
  #bytesLast = 0;
  #making: Promise<void> | null = null;
  /** The slot of the last snapshot that was installed. */
  #installed: Slot = 0;
  /** The restores that were asked for: a part is given one state after the other. Never rejects. */
  #restores: Promise<unknown> = Promise.resolve();
  #abort = new AbortController();
  readonly #over = new AbortController();
  /** When each snapshot was last read for a peer. */
  readonly #leases = new Map<Slot, number>();
  #saidMissing = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** From now on the log of `journal` is what snapshots are made of. */
  async attach(journal: Journal, tailBytes: number): Promise<void> {
    this.#journal = journal;
    this.#slot = journal.past.snapshots.at(-1) ?? 0;
    this.#bytes = tailBytes;
    await this.#options.files.tidy(journal.past.snapshots);
    this.#expected = await this.#partsOf(this.#slot).catch((error: unknown) => {
      if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
      // It was whole when the log was read back; the next start notices, and mends it.
      const text = "makes no snapshot until it is started again: it cannot read the last one";
      this.#options.logger.warn({ event: "damaged", err: error }, text);
      return null;
    });
    await this.#truncate().catch((error: unknown) => {
      // The next snapshot looks again; a node that has started needs none of it.
      if (!isOutOfSpace(error)) throw error;
      this.#options.logger.warn({ event: "truncated", err: error }, "no space to truncate the log");
    });
  }

  async add(part: SnapshotPart): Promise<Slot> {
    if (!partPattern.test(part.name) || this.#parts.some(({ name }) => name === part.name)) {
      throw new KibitzerError(
        "KBZ_ARGUMENT",
        `A part of snapshots has a name of its own that matches ${partPattern.source}; found ` +
          `"${part.name}".`,
        { retryable: false, outcome: "none" },
      );
    }
    return await this.#restoring(async () => {
      const slot = await this.#restore(part);
      // Now, so that what was installed meanwhile is restored to it as to the others.
      this.#parts = [...this.#parts, part].toSorted((left, right) =>
        left.name < right.name ? -1 : 1,
      );
      this.#saidMissing = false;
      return slot;
    });
  }

  /** Looks whether a snapshot is due; called in the turn in which `applied` was applied. */
  note(applied: readonly Applied[]): void {
    for (const { decree } of applied) {
      this.#bytes += decreeBytes + (decree.value.kind === "batch" ? decree.value.size : 0);
    }
    this.#last = applied.at(-1)?.decree.slot ?? this.#last;
    this.#look();
  }

  #look(): void {
    const last = this.#last;
    const { bytes, slots } = this.#options.policy;
    const isDue =
      this.#bytes >= Math.max(bytes, worth * this.#bytesLast) ||
      last - this.#slot >= slots ||
      this.#isOfBefore();
    if (!isDue || this.#making !== null || this.#journal === null || this.#over.signal.aborted)
      return;
    if (this.#isMissingPart()) return;
    this.#slot = last;
    this.#bytes = 0;
    this.#begin((signal) => {
      const state = this.#options.state();
      return traced(
        snapshot,
        () => ({ slot: state.slot, index: state.index }),
        () => this.#make(state, signal),
      );
    });
  }

  /**
   * A snapshot was installed: the log goes on from it, and so do the parts. Its file is durable.
   */
  installed(state: RepublicState): void {
    this.#abort.abort(new Overtaken());
    this.#slot = this.#last = state.slot;
    this.#bytes = 0;
    this.#installed = state.slot;
    const before = this.#making ?? Promise.resolve();
    const restored = this.#restoring(async () => {
      // One that is overtaken is of no use: the next one replaces all of it.
      if (this.#installed === state.slot) await this.#restoreAll(state.slot);
    });
    // Looked at below, once what was being made has ended.
    restored.catch(() => undefined);
    this.#making = null;
    this.#begin(async (signal) => {
      await before;
      await restored;
      try {
        await this.#relyOnInstalled(state, signal);
      } finally {
        this.#options.files.release(state.slot);
      }
      await this.#tidy();
      await this.#truncate();
      this.#options.logger.info({ event: "installed", slot: state.slot }, "installed a snapshot");
    });
  }

  async #relyOnInstalled(state: RepublicState, signal: AbortSignal): Promise<void> {
    this.#expected = await this.#partsOf(state.slot);
    const journal = this.#journal;
    if (journal === null) return;
    await this.#durable(() => journal.past.base >= state.slot, signal);
    signal.throwIfAborted();
    await journal.past.relyOn(state);
  }

  /** Bytes of the snapshot after `wanted`, for a peer or a backup; null when it is not here. */
  async read(wanted: Slot, offset: number, bytesMax: number): Promise<SnapshotPiece | null> {
    const past = this.#journal?.past;
    const slot = wanted === newestSnapshot ? past?.newestSnapshot : wanted;
    if (past === undefined || slot === undefined) return null;
    if (!past.snapshots.includes(slot) && !this.#leases.has(slot)) return null;
    this.#leases.set(slot, this.#options.clock.now());
    return await this.#options.files.piece(slot, offset, bytesMax);
  }

  /** Resolves once nothing is being made. */
  async idle(): Promise<void> {
    while (this.#making !== null) await this.#making;
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#abort.abort();
    await this.#making;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Restores in turn, whoever asked for it. */
  async #restoring<Result>(restore: () => Promise<Result>): Promise<Result> {
    const restored = this.#restores.then(restore);
    this.#restores = restored.catch(() => undefined);
    return await restored;
  }

  /** Runs what takes long, one thing after the other; never rejects. */
  #begin(work: (signal: AbortSignal) => Promise<void>): void {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const making: Promise<void> = work(signal)
      .then(
        () => true,
        (error: unknown) => this.#fail(error, signal),
      )
      .then((isDone) => {
        if (this.#making !== making) return;
        this.#making = null;
        // What was applied meanwhile may be enough for the next one, and nothing may follow it.
        if (isDone) this.#look();
      });
    this.#making = making;
  }

  async #make(state: RepublicState, signal: AbortSignal): Promise<void> {
    const journal = this.#journal;
    if (journal === null) return;
    const { files, clock, logger } = this.#options;
    const { slot } = state;
    const began = now();
    // Another decree may stand at the slot on the disk, until what was decided is written over it.
    const { written } = journal;
    const parts = this.#parts.map((part): NamedPieces => {
      return { name: part.name, pieces: guarded(part.name, part.write(slot, signal)) };
    });
    await files.files.makeDirectory(files.directory);
    const bytes = await writeSnapshot({
      files: files.files,
      path: files.temporary(slot),
      republic: this.#options.republic(),
      state,
      parts,
      pause: async () => await turn(clock),
      signal,
    }).catch(async (error: unknown) => {
      // Half of it is of no use, and the log needs the space.
      if (isOutOfSpace(error)) await files.discard(slot);
      throw error;
    });
    const read = await files.adopt(slot, this.#options.republic());
    if (read === null)
      throw new Unusable(`the snapshot after slot ${slot} is not what was written`);
    await this.#durable(() => journal.isSynced(written), signal);
    await journal.past.relyOn(state);
    this.#expected = read.opening.parts;
    this.#bytesLast = bytes;
    this.#options.meter.made(bytes, now() - began, clock.wall());
    await this.#tidy();
    await this.#truncate();
    logger.info({ event: "snapshot", slot, bytes }, "made a snapshot");
  }

  /** What is applied here may be decided by others' disks; it is on this one in a moment. */
  async #durable(isDurable: () => boolean, signal: AbortSignal): Promise<void> {
    while (!isDurable()) {
      signal.throwIfAborted();
      this.#over.signal.throwIfAborted();
      await pause(this.#options.clock, durablePollMs, signal);
    }
  }

  async #truncate(): Promise<void> {
    const journal = this.#journal;
    if (journal === null) return;
    const { retention, clock, logger } = this.#options;
    const waited = async (): Promise<void> => await pause(clock, readsMs, this.#over.signal);
    const removed = await journal.past.truncate(retention, this.#options.state().time, waited);
    const { slotFirst, indexFirst } = journal.past;
    if (removed === 0) return;
    logger.info(
      { event: "truncated", segments: removed, slotFirst, indexFirst },
      "truncated the log",
    );
  }

  /** Keeps what is relied on, and for a while what a peer is reading. */
  async #tidy(): Promise<void> {
    const now = this.#options.clock.now();
    for (const [slot, at] of this.#leases) if (at < now - leaseMs) this.#leases.delete(slot);
    const leased = [...this.#leases.keys()].toSorted((left, right) => right - left);
    const kept = this.#journal?.past.snapshots ?? [];
    await this.#options.files.tidy([...kept, ...leased.slice(0, leasesMax)]);
  }

  /** One of before the republic had its identity is of no use to others. */
  #isOfBefore(): boolean {
    const newest = this.#journal?.past.snapshots.at(-1);
    return newest !== undefined && newest < this.#options.refoundedAt();
  }

  #isMissingPart(): boolean {
    if (this.#expected === null) return true;
    const missing = this.#expected.filter(
      (name) => !this.#parts.some((part) => part.name === name),
    );
    if (missing.length === 0) return false;
    if (!this.#saidMissing) {
      const text = "makes no snapshot: the last one holds state machines that are not attached";
      this.#options.logger.warn({ event: "snapshot", missing }, text);
    }
    this.#saidMissing = true;
    return true;
  }

  async #partsOf(slot: Slot): Promise<readonly string[]> {
    return slot === 0 ? [] : await this.#options.files.partsOf(slot, this.#options.republic());
  }

  /** Newest first: those after which the log goes on; an installed one may not be listed yet. */
  #restorable(journal: Journal | null): readonly Slot[] {
    if (journal === null) return [];
    const { snapshots, slotFirst } = journal.past;
    const isListed = this.#installed <= (snapshots.at(-1) ?? 0);
    const all = isListed ? snapshots : [...snapshots, this.#installed];
    return all.filter((slot) => slot >= slotFirst - 1).toReversed();
  }

  /** From the newest snapshot that can be read. */
  async #restore(part: SnapshotPart): Promise<Slot> {
    let failure: unknown = null;
    for (const slot of this.#restorable(this.#journal)) {
      try {
        if (await this.#restoreFrom(part, slot)) return slot;
      } catch (error) {
        if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
        failure = error;
      }
    }
    const first = this.#journal?.past.slotFirst ?? 1;
    if (first === 1) return 0;
    throw failure ?? stateGone(part.name, first);
  }

  /** What a state machine missed is in no other file: without it, it cannot go on. */
  async #restoreAll(slot: Slot): Promise<void> {
    const all = this.#parts.map(async (part) => {
      if (!(await this.#restoreFrom(part, slot))) throw stateGone(part.name, slot + 1);
    });
    await Promise.all(all);
  }

  async #restoreFrom(part: SnapshotPart, slot: Slot): Promise<boolean> {
    const pieces = await this.#options.files.part(slot, this.#options.republic(), part.name);
    if (pieces === null) return false;
    await part.restore(pieces, slot);
    return true;
  }

  #fail(error: unknown, signal: AbortSignal): false {
    if (signal.aborted || this.#over.signal.aborted || error instanceof Overtaken) return false;
    const { logger } = this.#options;
    if (error instanceof Unusable || isOutOfSpace(error)) {
      logger.warn({ event: "snapshot", err: error }, "no snapshot was made; the next one is tried");
      return false;
    }
    this.#options.failed(snapshotFailure(error, this.#options.files.directory));
    return false;
  }
}

async function turn(clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.soon(() => resolve());
  });
}

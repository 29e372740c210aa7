/**
 * The shell around an Islander, the same in node and client: gathers entries into batches, carries
 * out what the Islander asks, and tells each caller the truth. Never touches the Islander but by
 * `play`.
 */
import { assert, limits } from "../../consensus/index.ts";
import type {
  Batch,
  IslanderInput,
  IslanderOutcome,
  Submission,
  SubmissionResult,
} from "../../consensus/index.ts";
import { AbortWatch } from "./abort-watch.ts";
import type { Published, PublishedMany, PublishOptions } from "../api.ts";
import { signalFault } from "../arguments.ts";
import type { BatchResults } from "../machine/results.ts";
import { Company } from "./company.ts";
import { entryBytes } from "../codec/batch.ts";
import type { Parcel } from "./parcel.ts";
import {
  abandoned,
  brokenError,
  closedError,
  diskFull,
  entryTooLarge,
  notAnEntry,
  notEntries,
  publishersFull,
  publisherUnfit,
  sessionOver,
  notAllowed,
  republicGone,
  type Owner,
} from "./errors.ts";
import { KibitzerError, type Doubt } from "../kibitzer-error.ts";
import { parseResume, resumeAt, type PublisherNamed, type Resume } from "./resume.ts";
import { isWithoutEffect } from "./submission-result.ts";
import { WaitingRoom } from "./waiting-room.ts";
import type { Entries, WaitingBounds } from "./waiting-room.ts";
import type { Chance, Clock, Timer } from "../world.ts";

export interface PublishingOptions {
  /** Whom errors name. */
  readonly owner: Owner;
  readonly clock: Clock;
  readonly chance: Chance;
  /** The only way to the Islander: records the input, and steps. Never called within itself. */
  play(input: IslanderInput): IslanderOutcome;
  /**
   * Carries a batch to the leader; a rejection counts as a lost answer.
   * @param told Called before it resolves with what the state machine made of the batch, if any.
   */
  submit(
    submission: Submission,
    body: Uint8Array,
    told: (results: BatchResults) => void,
  ): Promise<SubmissionResult>;
  register(nonce: string): Promise<SubmissionResult>;
  /** Goes on as a publisher of an earlier life. */
  readonly resume?: PublisherNamed;
  readonly bounds?: Partial<WaitingBounds>;
  /** An invariant broke: everything was rejected. */
  broken(error: unknown): void;
}

const boundsDefault: WaitingBounds = {
  entryBytesMax: limits.entryBytesMax,
  batchBytesMax: limits.batchBytesMax,
  batchEntriesMax: limits.batchEntriesMax,
  waitingEntriesMax: 65_536,
  waitingBytesMax: 16 * 1024 * 1024,
};

/** How much there is to do, for metrics. */
export interface PublishingLoad {
  /** Entries and bytes that have no number yet. */
  readonly waitingEntries: number;
  readonly waitingBytes: number;
  /** Calls that wait outside the bounds. */
  readonly queued: number;
  readonly batchesInFlight: number;
}

export class Publishing {
  readonly #options: PublishingOptions;
  readonly #bounds: WaitingBounds;
  readonly #watch = new AbortWatch();
  readonly #room: WaitingRoom;
  readonly #company: Company;
  /** By first sequence number, in that order. */
  readonly #inFlight = new Map<number, Parcel>();
  #resume: Resume | null;
  /** What was last said of why nothing may be published. */
  #prohibition: KibitzerError | null = null;
  /** Counts sessions, so that an answer to an earlier one is not taken for one to this. */
  #session = 0;
  #open = false;
  #publisher: string | null = null;
  #sequenceNext = 1;
  #windowRoom = 0;
  #activeAt = 0;
  #deadline: number | null = null;
  #timer: { readonly at: number; readonly timer: Timer } | null = null;
  #scheduled = false;
  #closed: ((outcome: Doubt) => Error) | null = null;

  /** @throws {KibitzerError} `KBZ_ARGUMENT` when `resume` names no possible publisher. */
  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#bounds = { ...boundsDefault, ...options.bounds };
    this.#room = new WaitingRoom(this.#bounds, this.#watch);
    this.#company = new Company(options.clock, () => this.#schedule());
    this.#resume = options.resume === undefined ? null : parseResume(options.resume);
    if (this.#resume === null) return;
    this.#publisher = String(this.#resume.publisher);
    this.#sequenceNext = this.#resume.sequenceNext;
  }

  /** The id under which entries are published now, or null before the first is. */
  get publisher(): string | null {
    return this.#publisher;
  }

  /** The number that the next entry will get in the publisher's order. */
  get sequenceNext(): number {
    return this.#sequenceNext;
  }

  get load(): PublishingLoad {
    return {
      waitingEntries: this.#room.entries,
      waitingBytes: this.#room.bytes,
      queued: this.#room.queued,
      batchesInFlight: this.#inFlight.size,
    };
  }

  /**
   * Resolves with the entry's index once it is decided. Entries take effect in the order of the
   * calls. A Uint8Array is not to be changed while a call waits because the bounds are reached.
   *
   * @throws {KibitzerError} (as a rejection) with a truthful `outcome`.
   */
  publish(entry: string | Uint8Array, options: PublishOptions = {}): Promise<Published> {
    const refusal = this.#refusal(options.signal) ?? this.#refusalOf(entry);
    if (refusal !== null) return Promise.reject(refusal);
    const result = this.#room.enter(entry, options.signal, options.wait ?? true);
    this.#schedule();
    return result;
  }

  /**
   * Publishes `entries` as neighbours in one batch: all take effect or none, under indexes that
   * follow `index`, that of the first. One promise for all of them.
   */
  publishMany(entries: Entries, options: PublishOptions = {}): Promise<PublishedMany> {
    let refusal = this.#refusal(options.signal);
    if (!Array.isArray(entries)) refusal ??= notEntries(typeof entries);
    else if (entries.length === 0) refusal ??= notEntries("an empty one");
    else for (const entry of entries) refusal ??= this.#refusalOf(entry);
    if (refusal !== null) return Promise.reject(refusal);
    const result = this.#room.enterAll(entries, options.signal, options.wait ?? true);
    this.#schedule();
    return result;
  }

  /** Ends all waiting with `KBZ_CLOSED` and the truth; nothing is submitted any more. */
  close(cause?: unknown): void {
    this.#end((outcome) => closedError(this.#options.owner, outcome, cause));
  }

  #refusal(signal: AbortSignal | undefined): Error | null {
    if (this.#closed !== null) return this.#closed("none");
    if (signal === undefined) return null;
    return signalFault(signal) ?? (signal.aborted ? abandoned("none", signal.reason) : null);
  }

  #refusalOf(entry: unknown): Error | null {
    const { entryBytesMax } = this.#bounds;
    if (typeof entry === "string") {
      if (entry.length * 3 <= entryBytesMax) return null;
    } else if (!(entry instanceof Uint8Array)) return notAnEntry(typeof entry);
    const bytes = entryBytes(entry);
    return bytes > entryBytesMax ? entryTooLarge(bytes, entryBytesMax) : null;
  }

  /** Batches are closed at the end of a turn, so that what is published together goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#closed !== null) return;
    this.#scheduled = true;
    this.#options.clock.soon(() => {
      this.#scheduled = false;
      this.#guarded(() => this.#pump());
    });
  }

  #pump(): void {
    if (this.#room.empty) return;
    if (!this.#open || this.#expiring()) this.#openSession();
    while (this.#windowRoom > 0) {
      if (this.#gathersOn()) return;
      const parcel = this.#room.take();
      if (parcel === null) return;
      this.#publishParcel(parcel);
    }
  }

  #gathersOn(): boolean {
    const { gathers, bytes } = this.#room;
    return gathers && this.#company.isAwaited(bytes, this.#inFlight.size);
  }

  #publishParcel(parcel: Parcel): void {
    const { count, size, checksum } = parcel.close();
    this.#inFlight.set(this.#sequenceNext, parcel);
    this.#sequenceNext += count;
    this.#company.closed();
    this.#play({ kind: "publish", ...this.#stamp(), count, size, checksum });
  }

  #openSession(): void {
    const resume = this.#resume;
    this.#session += 1;
    this.#open = true;
    this.#publisher = resume === null ? null : String(resume.publisher);
    this.#sequenceNext = resume?.sequenceNext ?? 1;
    const nonce = this.#options.chance.hex16();
    this.#play({ kind: "open", ...this.#stamp(), nonce, resume });
  }

  /**
   * Whether the publisher was idle so long that the republic may soon forget it: then a new one is
   * due before anything is numbered. One that the user has named is kept, and the user told.
   */
  #expiring(): boolean {
    if (this.#resume !== null || this.#inFlight.size > 0 || this.#windowRoom === 0) return false;
    return this.#options.clock.now() - this.#activeAt > limits.publisherExpiryMs / 2;
  }

  #play(input: IslanderInput): void {
    const outcome = this.#options.play(input);
    // A node that finds in `play` that it must stop closes this too.
    if (this.#closed === null) this.#carry(outcome);
  }

  #carry(outcome: IslanderOutcome): void {
    this.#windowRoom = outcome.room;
    if (outcome.register !== null) this.#register(outcome.register);
    for (const submission of outcome.submit) this.#submit(submission);
    for (const { batch, index } of outcome.settled) this.#takeOut(batch).settle(index);
    if (outcome.settled.length > 0) this.#activeAt = this.#options.clock.now();
    if (outcome.refused.length > 0) this.#onRefused(outcome.refused);
    if (outcome.failed !== null) this.#onFailed(outcome.failed);
    this.#deadline = outcome.deadline;
    this.#arm();
    if ((this.#windowRoom > 0 || !this.#open) && !this.#room.empty) this.#schedule();
  }

  #register({ nonce, attempt }: NonNullable<IslanderOutcome["register"]>): void {
    this.#activeAt = this.#options.clock.now();
    this.#await(0, attempt, () => this.#options.register(nonce));
  }

  #submit(submission: Submission): void {
    const { batch, attempt } = submission;
    const parcel = this.#inFlight.get(batch.sequence);
    assert(parcel !== undefined, "only what is in flight is submitted");
    this.#publisher = String(batch.publisher);
    parcel.submitted();
    const told = (results: BatchResults): void => parcel.told(results);
    this.#await(batch.sequence, attempt, () => this.#options.submit(submission, parcel.body, told));
  }

  /**
   * Plays the answer when it comes. Whatever goes wrong on the way is a lost answer, unless the
   * republic is not there any more, whose numbers mean nothing to another, or nothing may be asked.
   */
  #await(sequence: number, attempt: number, send: () => Promise<SubmissionResult>): void {
    const session = this.#session;
    const answered = (result: SubmissionResult): void => {
      if (session !== this.#session || !this.#open || this.#closed !== null) return;
      this.#guarded(() => this.#onAnswer(sequence, attempt, result));
    };
    const failed = (error?: unknown): void => {
      if (error instanceof KibitzerError && error.code === "KBZ_REPUBLIC") {
        this.#end((outcome) => republicGone(outcome, error));
      } else if (error instanceof KibitzerError && error.code === "KBZ_PUBLISHER") {
        this.#end((outcome) => publisherUnfit(outcome, error));
      } else if (error instanceof KibitzerError && error.code === "KBZ_FORBIDDEN") {
        this.#prohibition = error;
        answered({ kind: "forbidden" });
      } else answered({ kind: "lost" });
    };
    try {
      send().then(answered, failed);
    } catch {
      // A throw is as good as a rejection, but nothing may be played within `play`.
      this.#options.clock.soon(failed);
    }
  }

  #onAnswer(sequence: number, attempt: number, result: SubmissionResult): void {
    const parcel = this.#inFlight.get(sequence);
    if (isWithoutEffect(result)) parcel?.declined();
    // A gap is no such answer: the same submission may be decided again in a later government.
    if (result.kind === "conflict") parcel?.refused();
    const jitter = this.#options.chance.fraction();
    this.#play({ kind: "published", ...this.#stamp(), sequence, attempt, result, jitter });
  }

  /** Nothing was taken, and those who wait behind would not be taken either. */
  #onRefused(batches: readonly Batch[]): void {
    this.#sequenceNext = batches[0]?.sequence ?? this.#sequenceNext;
    this.#room.clear(diskFull());
    for (const batch of batches) {
      const parcel = this.#takeOut(batch);
      assert(parcel.outcome === "none", "what is refused for lack of room was never taken");
      parcel.fail(diskFull());
    }
  }

  #onFailed({ reason, batches }: NonNullable<IslanderOutcome["failed"]>): void {
    const publisher = this.#publisher;
    const parcels = batches.map((batch) => this.#takeOut(batch));
    assert(this.#inFlight.size === 0, "a session that is over leaves nothing in flight");
    this.#open = false;
    this.#windowRoom = 0;
    const isUnused = reason === "forbidden" && parcels.every(({ outcome }) => outcome === "none");
    this.#resume = isUnused ? resumeAt(this.#resume, batches) : null;
    this.#publisher = this.#resume === null ? null : publisher;
    this.#sequenceNext = this.#resume?.sequenceNext ?? 1;
    if (reason === "full" || reason === "refusedRegistration") {
      assert(batches.length === 0, "only a publisher has batches");
      this.#room.clear(reason === "full" ? diskFull() : publishersFull());
      return;
    }
    const errorFor = (outcome: Doubt): Error => {
      if (reason !== "forbidden") return sessionOver(reason, publisher, outcome);
      assert(this.#prohibition !== null, "who may not publish was told why");
      return notAllowed(outcome, this.#prohibition);
    };
    if (reason === "forbidden") this.#room.clear(errorFor("none"));
    for (const parcel of parcels) parcel.fail(errorFor(parcel.outcome));
  }

  #takeOut(batch: Batch): Parcel {
    const parcel = this.#inFlight.get(batch.sequence);
    assert(parcel !== undefined, "each batch is told once");
    this.#inFlight.delete(batch.sequence);
    return parcel;
  }

  /** A timer that is early costs one look; one a step would cost more. */
  #arm(): void {
    const at = this.#deadline;
    if (at === null || (this.#timer !== null && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const { clock } = this.#options;
    const timer = clock.after(Math.max(0, at - clock.now()), () => {
      this.#timer = null;
      this.#guarded(() => this.#onTimer());
    });
    this.#timer = { at, timer };
  }

  #onTimer(): void {
    if (this.#deadline === null) return;
    if (this.#options.clock.now() < this.#deadline) this.#arm();
    else this.#play({ kind: "event", ...this.#stamp() });
  }

  #stamp(): { readonly now: number; readonly when: number } {
    const { clock } = this.#options;
    return { now: clock.now(), when: clock.wall() };
  }

  /** What breaks inside is our own bug: everybody is told, and nothing goes on. */
  #guarded(act: () => void): void {
    if (this.#closed !== null) return;
    try {
      act();
    } catch (error) {
      this.#end((outcome) => brokenError(outcome, error));
      this.#options.broken(error);
    }
  }

  #end(errorFor: (outcome: Doubt) => Error): void {
    if (this.#closed !== null) return;
    this.#closed = errorFor;
    this.#windowRoom = 0;
    this.#timer?.timer.cancel();
    this.#timer = null;
    this.#company.end();
    this.#room.clear(errorFor("none"));
    for (const parcel of this.#inFlight.values()) parcel.fail(errorFor(parcel.outcome));
    this.#inFlight.clear();
  }
}

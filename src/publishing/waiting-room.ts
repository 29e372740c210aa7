/**
 * Entries that have no number yet: they gather in parcels within bounds; who comes when the bounds
 * are reached waits in order, or is told so. What is withdrawn here is never submitted.
 */
import { assert } from "../../consensus/index.ts";
import type { Published, PublishedMany } from "../api.ts";
import type { Abortable, AbortWatch } from "./abort-watch.ts";
import type { BatchLimits } from "../codec/batch.ts";
import { Parcel } from "./parcel.ts";
import type { Waiting } from "./parcel.ts";
import { abandoned, groupTooLarge, tooManyWait } from "./errors.ts";

export type Entries = readonly (string | Uint8Array)[];

export interface WaitingBounds extends BatchLimits {
  /** Exceeded by less than one batch. */
  readonly waitingEntriesMax: number;
  readonly waitingBytesMax: number;
}

/** Somebody who came when the room was full; the bytes are those that the caller gave. */
interface Queued extends Abortable {
  readonly entries: Entries;
  readonly waiting: Waiting;
}

export class WaitingRoom {
  readonly #bounds: WaitingBounds;
  readonly #watch: AbortWatch;
  /** In order; entries are appended to the last one. */
  #parcels: Parcel[] = [];
  /** In order of arrival; a set, so that who gives up is out at once. */
  readonly #queue = new Set<Queued>();
  #entries = 0;
  #bytes = 0;
  #sizeLast = 0;

  constructor(bounds: WaitingBounds, watch: AbortWatch) {
    this.#bounds = bounds;
    this.#watch = watch;
  }

  /** Entries and bytes in memory, withdrawn ones included until they are taken out. */
  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many calls wait outside, because the bounds are reached. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Whether the next parcel is one that entries are still appended to. */
  get gathers(): boolean {
    return this.#parcels.length === 1;
  }

  get empty(): boolean {
    return this.#parcels.every((parcel) => parcel.live === 0);
  }

  /** Takes in one entry that is no larger than the limit. */
  enter(
    entry: string | Uint8Array,
    signal: AbortSignal | undefined,
    wait: boolean,
  ): Promise<Published> {
    // The way of nearly every entry: no array, no claim, two functions and a promise.
    if (signal === undefined && !this.#full) {
      const parcel = this.#put(entry);
      return new Promise((resolve, reject) => parcel.expect(resolve, reject));
    }
    return new Promise((resolve, reject) =>
      this.#enter([entry], { told: resolve, reject, signal }, wait),
    );
  }

  /** Takes in entries, each no larger than the limit, that are to be neighbours in one batch. */
  enterAll(
    entries: Entries,
    signal: AbortSignal | undefined,
    wait: boolean,
  ): Promise<PublishedMany> {
    return new Promise((resolve, reject) => {
      const told = { count: entries.length, resolve };
      this.#enter(entries, { told, reject, signal }, wait);
    });
  }

  /** The next parcel to be numbered, with something in it; null when there is none. */
  take(): Parcel | null {
    for (;;) {
      const parcel = this.#parcels.shift();
      if (parcel === undefined) return null;
      this.#entries -= parcel.count;
      this.#bytes -= parcel.size;
      this.#sizeLast = parcel.size;
      this.#admitQueued();
      if (parcel.live > 0) return parcel;
    }
  }

  /** Nobody waits any more: all are told `error`. */
  clear(error: Error): void {
    const parcels = this.#parcels;
    this.#parcels = [];
    this.#entries = 0;
    this.#bytes = 0;
    for (const parcel of parcels) parcel.fail(error);
    const queue = [...this.#queue];
    this.#queue.clear();
    for (const queued of queue) {
      this.#watch.delete(queued);
      queued.waiting.reject(error);
    }
  }

  /** Whoever queues keeps it full, since room that comes free is given to the queue at once. */
  get #full(): boolean {
    const { waitingEntriesMax, waitingBytesMax } = this.#bounds;
    return this.#entries >= waitingEntriesMax || this.#bytes >= waitingBytesMax;
  }

  #enter(entries: Entries, waiting: Waiting, wait: boolean): void {
    const { waitingEntriesMax, waitingBytesMax } = this.#bounds;
    if (!this.#full) this.#admit(entries, waiting);
    // Whoever called may use the array for the next ones.
    else if (wait) this.#enqueue([...entries], waiting);
    else waiting.reject(tooManyWait(waitingEntriesMax, waitingBytesMax));
  }

  #put(entry: string | Uint8Array): Parcel {
    let parcel = this.#parcels.at(-1) ?? this.#begin();
    let before = parcel.size;
    if (parcel.appendOne(entry) !== "appended") {
      parcel = this.#begin();
      before = 0;
      assert(parcel.appendOne(entry) === "appended", "a largest entry fits into a batch");
    }
    this.#entries += 1;
    this.#bytes += parcel.size - before;
    return parcel;
  }

  #admit(entries: Entries, waiting: Waiting): void {
    let parcel = this.#parcels.at(-1) ?? this.#begin();
    let before = parcel.size;
    if (parcel.append(entries) !== "appended") {
      if (parcel.count > 0) parcel = this.#begin();
      before = 0;
      if (parcel.append(entries) !== "appended") {
        waiting.reject(groupTooLarge(entries.length));
        return;
      }
    }
    this.#entries += entries.length;
    this.#bytes += parcel.size - before;
    const gathered = parcel;
    parcel.expectAll(entries.length, waiting, () => this.#onWithdrawn(gathered));
  }

  #begin(): Parcel {
    const parcel = new Parcel(this.#bounds, this.#sizeLast, this.#watch);
    this.#parcels.push(parcel);
    return parcel;
  }

  #enqueue(entries: Entries, waiting: Waiting): void {
    const { signal } = waiting;
    const queued: Queued = {
      entries,
      waiting,
      signal: signal ?? never,
      abort: (reason) => {
        this.#queue.delete(queued);
        waiting.reject(abandoned("none", reason));
      },
    };
    this.#queue.add(queued);
    if (signal !== undefined) this.#watch.add(queued);
  }

  #admitQueued(): void {
    for (const queued of this.#queue) {
      if (this.#full) return;
      // Its signal is about to tell it.
      if (queued.signal.aborted) continue;
      this.#queue.delete(queued);
      this.#watch.delete(queued);
      this.#admit(queued.entries, queued.waiting);
    }
  }

  /**
   * Takes withdrawn entries out once they are most of a parcel, so that each is moved but seldom.
   */
  #onWithdrawn(parcel: Parcel): void {
    if (parcel.numbered || parcel.live * 2 >= parcel.count) return;
    const { count, size } = parcel;
    parcel.compact();
    this.#entries -= count - parcel.count;
    this.#bytes -= size - parcel.size;
    this.#admitQueued();
  }
}

/** Stands for "no signal". */
const never: AbortSignal = new AbortController().signal;

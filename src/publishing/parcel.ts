/**
 * A batch on its way and whom to tell of it: entries gather, the batch is closed and numbered, it
 * settles or fails. Keeps two functions an entry and no object; what few entries need is aside.
 */
import { assert } from "../../consensus/index.ts";
import type { Abortable, AbortWatch } from "./abort-watch.ts";
import { BatchBuilder } from "../codec/batch.ts";
import type { Appended, BatchLimits, ClosedBatch } from "../codec/batch.ts";
import type { Published, PublishedMany } from "../api.ts";
import { abandoned } from "./errors.ts";
import type { BatchResults, EntryResult } from "../machine/results.ts";
import type { Doubt } from "../kibitzer-error.ts";

export type Resolve = (result: Published) => void;
export type Reject = (error: unknown) => void;

/** Who waits for one entry, or for neighbours together. */
type Told = Resolve | { readonly count: number; resolve(result: PublishedMany): void };

/** Whom to tell, and until when. */
export interface Waiting {
  readonly told: Told;
  readonly reject: Reject;
  readonly signal: AbortSignal | undefined;
}

/** The wait for some neighbouring entries of a parcel under a signal. */
class Claim implements Abortable {
  readonly signal: AbortSignal;
  readonly count: number;
  position: number;
  readonly #abort: (claim: Claim, reason: unknown) => void;

  constructor(
    signal: AbortSignal,
    place: { readonly position: number; readonly count: number },
    abort: (claim: Claim, reason: unknown) => void,
  ) {
    this.signal = signal;
    this.position = place.position;
    this.count = place.count;
    this.#abort = abort;
  }

  abort(reason: unknown): void {
    this.#abort(this, reason);
  }
}

export class Parcel {
  readonly #builder: BatchBuilder;
  readonly #watch: AbortWatch;
  readonly #claims = new Set<Claim>();
  readonly #cancelled = new Set<number>();
  #resolves: (Told | null)[] = [];
  #rejects: (Reject | null)[] = [];
  #closed: ClosedBatch | null = null;
  #doubt = 0;
  #refused = false;
  #results: BatchResults = null;

  constructor(bounds: BatchLimits, sizeExpected: number, watch: AbortWatch) {
    this.#builder = new BatchBuilder(bounds, sizeExpected);
    this.#watch = watch;
  }

  /** How many entries take up room, cancelled ones included. */
  get count(): number {
    return this.#builder.count;
  }

  get size(): number {
    return this.#builder.size;
  }

  /** How many entries may still be submitted. */
  get live(): number {
    return this.#builder.count - this.#cancelled.size;
  }

  get numbered(): boolean {
    return this.#closed !== null;
  }

  /** Appends all of `entries` or none. */
  append(entries: readonly (string | Uint8Array)[]): Appended {
    const { count, size } = this.#builder;
    for (const entry of entries) {
      const appended = this.#builder.append(entry);
      if (appended === "appended") continue;
      this.#builder.rewind(count, size);
      return appended;
    }
    return "appended";
  }

  appendOne(entry: string | Uint8Array): Appended {
    return this.#builder.append(entry);
  }

  /** Says whom to tell of the entry appended last. */
  expect(told: Told, reject: Reject): void {
    this.#resolves.push(told);
    this.#rejects.push(reject);
  }

  /**
   * Says whom to tell of the last `count` entries, once for all of them.
   * @param aborted Told the reason after the wait was ended: whoever counts entries looks again.
   */
  expectAll(count: number, { told, reject, signal }: Waiting, aborted: () => void): void {
    const position = this.#resolves.length;
    this.expect(told, reject);
    for (let more = 1; more < count; more += 1) {
      this.#resolves.push(null);
      this.#rejects.push(null);
    }
    if (signal === undefined) return;
    const claim = new Claim(signal, { position, count }, (claim, reason) => {
      this.#onAbort(claim, reason);
      aborted();
    });
    this.#claims.add(claim);
    this.#watch.add(claim);
  }

  /** Takes cancelled entries out for good. */
  compact(): void {
    const cancelled = this.#cancelled;
    if (cancelled.size === 0) return;
    assert(this.#closed === null, "only what is not numbered can be taken out");
    const moved: number[] = [];
    let kept = 0;
    for (let position = 0; position < this.count; position += 1) {
      moved.push(kept);
      if (!cancelled.has(position)) kept += 1;
    }
    const keep = (_: unknown, position: number): boolean => !cancelled.has(position);
    this.#builder.retain((position) => !cancelled.has(position));
    this.#resolves = this.#resolves.filter(keep);
    this.#rejects = this.#rejects.filter(keep);
    for (const claim of this.#claims) claim.position = moved[claim.position] ?? 0;
    cancelled.clear();
  }

  /** From here on the entries are numbered: they cannot be taken out any more. */
  close(): ClosedBatch {
    this.compact();
    assert(this.#closed === null && this.count > 0, "a parcel is closed once, with entries");
    assert(this.#resolves.length === this.count, "somebody waits for each entry");
    this.#closed = this.#builder.close();
    return this.#closed;
  }

  get body(): Uint8Array {
    assert(this.#closed !== null, "only a closed parcel has a body");
    return this.#closed.body;
  }

  /** One more submission leaves. */
  submitted(): void {
    this.#doubt += 1;
  }

  /** A submission certainly had and will have no effect. */
  declined(): void {
    this.#doubt -= 1;
    assert(this.#doubt >= 0, "no submission is declined twice");
  }

  /** The numbers are taken by other entries: no submission ever had an effect. */
  refused(): void {
    this.#refused = true;
  }

  /** What the state machine made of the batch: the same, whichever submission is answered. */
  told(results: BatchResults): void {
    this.#results ??= results;
  }

  /** What is known, should the batch never be submitted again. */
  get outcome(): Doubt {
    return this.#refused || this.#doubt === 0 ? "none" : "unknown";
  }

  /** @param index That of the first entry. */
  settle(index: number): void {
    const resolves = this.#resolves;
    for (let position = 0; position < resolves.length; position += 1) {
      const told = resolves[position];
      const at = index + position;
      if (typeof told === "function") told(publishedAt(at, this.#results?.[position] ?? null));
      else if (told) {
        const results = this.#results?.slice(position, position + told.count) ?? [];
        told.resolve(publishedFrom(at, results));
      }
    }
    this.#release();
  }

  fail(error: Error): void {
    for (const reject of this.#rejects) reject?.(error);
    this.#release();
  }

  #onAbort(claim: Claim, reason: unknown): void {
    const reject = this.#rejects[claim.position];
    assert(reject !== undefined && reject !== null, "a claim is ended once");
    this.#claims.delete(claim);
    this.#resolves[claim.position] = null;
    this.#rejects[claim.position] = null;
    if (!this.numbered) {
      for (let more = 0; more < claim.count; more += 1) this.#cancelled.add(claim.position + more);
    }
    reject(abandoned(this.numbered ? "unknown" : "none", reason));
  }

  #release(): void {
    for (const claim of this.#claims) this.#watch.delete(claim);
    this.#claims.clear();
    this.#resolves = [];
    this.#rejects = [];
  }
}

/** Most entries have no result, and their publishers an object of one field. */
function publishedAt(index: number, result: EntryResult): Published {
  if (result === null) return { index };
  if (result === "dropped") return { index, isResultDropped: true };
  return result === "skipped" ? { index, isSkipped: true } : { index, result };
}

function publishedFrom(index: number, results: readonly EntryResult[]): PublishedMany {
  if (results.every((result) => result === null)) return { index };
  return { index, each: results.map((result, at) => publishedAt(index + at, result)) };
}

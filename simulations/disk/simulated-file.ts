/**
 * One file of a simulated disk: what a process reads (the page cache), what is durable, and the
 * writes in between, which a loss of power keeps in any subset. Knows nothing of names or time.
 */
import type { Prng } from "../prng.ts";
import { SparseBytes } from "./sparse-bytes.ts";

/** A write or a change of size that is not durable yet. */
export type PendingChange =
  | { readonly kind: "write"; readonly bytes: Uint8Array; readonly position: number }
  | { readonly kind: "truncate"; readonly size: number };

/** How a loss of power treats what was not synced. */
export interface PowerLoss {
  /** The part of the unsynced sectors that survives. */
  readonly survival: number;
  /** Whether a sector may be cut in the middle, at a byte. */
  readonly torn: boolean;
  /** Whether a lost sector may hold garbage instead of what it held before. */
  readonly garbage: boolean;
}

const sectorBytes = 512;
/** Beyond this the operating system has long written the older ones back. */
const pendingMax = 128;

/** What a loss of power did to one file, in sectors. */
export interface Losses {
  lost: number;
  torn: number;
  garbage: number;
}

/** Files up to this size keep the version before, which a stale read or a lost write shows. */
const versionedBytesMax = 4096;

/** A file as it is durable, to be put back later. */
export interface FileImage {
  readonly content: SparseBytes;
  readonly settled: number;
}

export class SimulatedFile {
  #cached = new SparseBytes();
  #durable = new SparseBytes();
  #pending: PendingChange[] = [];
  #before: SparseBytes | null = null;
  #settled = 0;
  /** K14: what a sync said is durable and is not, told at the next one. */
  #unkept: readonly PendingChange[] | null = null;

  constructor(image?: FileImage) {
    if (image === undefined) return;
    this.#durable = new SparseBytes(image.content);
    this.#cached = new SparseBytes(image.content);
    this.#settled = image.settled;
  }

  get size(): number {
    return this.#cached.size;
  }

  /** Whether a loss of power might lose something. */
  get dirty(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Up to here a later sync proves that all was synced: what is damaged there must be noticed. The
   * last synced write of a log that only grows cannot be told from one that never arrived.
   */
  get settled(): number {
    return this.#settled;
  }

  /** What is durable, as it is now. */
  image(): FileImage {
    return { content: new SparseBytes(this.#durable), settled: this.#settled };
  }

  /** The version before the last sync, of a small file that was written where it stands. */
  get before(): SparseBytes | null {
    return this.#before;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#change({ kind: "write", bytes, position });
  }

  truncate(size: number): void {
    this.#change({ kind: "truncate", size });
  }

  read(target: Uint8Array, position: number): number {
    return this.#cached.read(target, position);
  }

  /** What a sync that begins now must make durable. */
  pending(): readonly PendingChange[] {
    return [...this.#pending];
  }

  /** The end of a sync that began with `changes` pending. */
  sync(changes: readonly PendingChange[]): void {
    this.#unkept = null;
    this.#settle(changes);
    for (const change of changes) apply(this.#durable, change);
    this.#forget(changes);
  }

  /** K14: a sync that says "ok", though what it wrote is kept only if no other sync follows. */
  syncHalf(changes: readonly PendingChange[]): void {
    this.sync(changes);
    if (changes.length > 0) this.#unkept = changes;
  }

  /** Whether the next sync tells of a failure of the one before (K14). */
  get owesError(): boolean {
    return this.#unkept !== null;
  }

  /**
   * K14: the sync that tells. Pages of the earlier one have gone back to zeros, as they were before
   * a log grew over them; what was written since is there, and proves that they were synced.
   * @returns how many writes are gone.
   */
  tellLate(changes: readonly PendingChange[], prng: Prng): number {
    let gone = 0;
    for (const change of this.#unkept ?? []) {
      if (change.kind !== "write" || !prng.chance(0.5)) continue;
      this.damage(new Uint8Array(change.bytes.length), change.position);
      gone += 1;
    }
    for (const change of this.#pending) apply(this.#cached, change);
    this.sync(changes);
    return gone;
  }

  /**
   * The end of a sync that failed: some of `changes` got through, the others are gone, and yet the
   * pages count as clean, so that the next sync succeeds without them (K13).
   */
  failSync(changes: readonly PendingChange[], prng: Prng): void {
    for (const change of changes) {
      if (prng.chance(0.5)) apply(this.#durable, change);
    }
    this.#forget(changes);
  }

  /** What a process finds after the power came back. */
  losePower(how: PowerLoss, prng: Prng): Losses {
    const losses: Losses = { lost: 0, torn: 0, garbage: 0 };
    for (const change of this.#pending) {
      if (change.kind === "write") this.#tear(change.bytes, change.position, { how, prng, losses });
      else if (prng.chance(how.survival)) apply(this.#durable, change);
      else losses.lost += 1;
    }
    this.#pending = [];
    this.#unkept = null;
    this.#cached = new SparseBytes(this.#durable);
    return losses;
  }

  /** Flips bits of one durable byte, as rot does (K5). */
  rot(position: number, mask: number): void {
    const byte = new Uint8Array(1);
    this.#durable.read(byte, position);
    byte[0] = (byte[0] ?? 0) ^ mask;
    this.damage(byte, position);
  }

  /** Puts other bytes in the place of durable ones; the file neither grows nor shrinks. */
  damage(bytes: Uint8Array, position: number): void {
    const fitting = bytes.subarray(0, Math.max(0, this.#durable.size - position));
    this.#durable.write(fitting, position);
    this.#cached.write(fitting, position);
  }

  #settle(changes: readonly PendingChange[]): void {
    let first = Infinity;
    for (const change of changes) {
      if (change.kind === "write") first = Math.min(first, change.position);
    }
    // Where only the size changed, somebody has closed the file, and keeps elsewhere that it did.
    if (changes.length > 0) this.#settled = first === Infinity ? this.size : first;
    const { size } = this.#durable;
    if (first !== 0 || size === 0 || size > versionedBytesMax) return;
    this.#before = new SparseBytes(this.#durable);
  }

  #change(change: PendingChange): void {
    apply(this.#cached, change);
    this.#pending.push(change);
    if (this.#pending.length > pendingMax) this.sync(this.#pending.slice(0, pendingMax / 2));
  }

  #forget(changes: readonly PendingChange[]): void {
    const gone = new Set(changes);
    this.#pending = this.#pending.filter((change) => !gone.has(change));
  }

  #tear(
    bytes: Uint8Array,
    position: number,
    {
      how,
      prng,
      losses,
    }: { readonly how: PowerLoss; readonly prng: Prng; readonly losses: Losses },
  ): void {
    const whole = prng.chance(0.3);
    const wholeSurvives = prng.chance(how.survival);
    let start = 0;
    while (start < bytes.length) {
      const rest = sectorBytes - ((position + start) % sectorBytes);
      const end = Math.min(bytes.length, start + rest);
      const sector = bytes.subarray(start, end);
      const survives = whole ? wholeSurvives : prng.chance(how.survival);
      if (!survives) losses.lost += 1;
      if (survives) {
        this.#durable.write(sector, position + start);
      } else if (how.torn && prng.chance(0.1)) {
        losses.torn += 1;
        const cut = prng.integer(0, sector.length);
        this.#durable.write(sector.subarray(0, cut), position + start);
      } else if (how.garbage && prng.chance(0.1)) {
        losses.garbage += 1;
        const garbage = sector.map(() => prng.integer(0, 255));
        this.#durable.write(garbage, position + start);
      }
      start = end;
    }
  }
}

function apply(content: SparseBytes, change: PendingChange): void {
  if (change.kind === "write") content.write(change.bytes, change.position);
  else content.truncate(change.size);
}

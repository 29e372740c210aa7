/**
 * One file of a simulated disk: what a process reads (the page cache), what is durable, and the
 * writes in between, which a loss of power keeps in any subset. Knows nothing of names or time.
 */
import type { Prng } from "./prng.ts";
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

export class SimulatedFile {
  #cached = new SparseBytes();
  #durable = new SparseBytes();
  #pending: PendingChange[] = [];

  get size(): number {
    return this.#cached.size;
  }

  /** Whether a loss of power might lose something. */
  get dirty(): boolean {
    return this.#pending.length > 0;
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
    for (const change of changes) apply(this.#durable, change);
    this.#forget(changes);
  }

  /**
   * The end of a sync that failed: some of `changes` got through, the others are gone, and yet the
   * pages count as clean, so that the next sync succeeds without them (verification.md, K13).
   */
  failSync(changes: readonly PendingChange[], prng: Prng): void {
    for (const change of changes) {
      if (prng.chance(0.5)) apply(this.#durable, change);
    }
    this.#forget(changes);
  }

  /** What a process finds after the power came back. */
  losePower(how: PowerLoss, prng: Prng): void {
    for (const change of this.#pending) {
      if (change.kind === "write") this.#tear(change.bytes, change.position, { how, prng });
      else if (prng.chance(how.survival)) apply(this.#durable, change);
    }
    this.#pending = [];
    this.#cached = new SparseBytes(this.#durable);
  }

  /** Flips bits of one durable byte, as rot does (K5). */
  rot(position: number, mask: number): void {
    const byte = new Uint8Array(1);
    this.#durable.read(byte, position);
    byte[0] = (byte[0] ?? 0) ^ mask;
    this.#durable.write(byte, position);
    this.#cached.write(byte, position);
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
    { how, prng }: { readonly how: PowerLoss; readonly prng: Prng },
  ): void {
    const whole = prng.chance(0.3);
    const wholeSurvives = prng.chance(how.survival);
    let start = 0;
    while (start < bytes.length) {
      const rest = sectorBytes - ((position + start) % sectorBytes);
      const end = Math.min(bytes.length, start + rest);
      const sector = bytes.subarray(start, end);
      const survives = whole ? wholeSurvives : prng.chance(how.survival);
      if (survives) {
        this.#durable.write(sector, position + start);
      } else if (how.torn && prng.chance(0.1)) {
        const cut = prng.integer(0, sector.length);
        this.#durable.write(sector.subarray(0, cut), position + start);
      } else if (how.garbage && prng.chance(0.1)) {
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

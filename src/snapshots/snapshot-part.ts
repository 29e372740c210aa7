/**
 * How something that follows the decided log, as a state machine does, takes part in snapshots.
 * Types only: who holds the state implements them, and src/snapshots/ calls them.
 */
import type { Slot } from "../../consensus/index.ts";

export interface SnapshotPart {
  /** Names the part in the file: matches [a-z][a-z0-9-]{0,31}, unique in a node, never changed. */
  readonly name: string;
  /**
   * The state after exactly `slot`, in pieces of any size. It is called in the turn in which the
   * core has applied `slot`: a part that lags answers once it got there, and one that goes on
   * meanwhile keeps what it needs of the state at `slot`. Equal states give equal bytes on every
   * node, however they are cut into pieces; nothing of the node itself is in them. Pieces are taken
   * one at a time, with pauses; the iterable never works for long between two of them.
   *
   * One call is under way at a time. When it throws there is no snapshot at `slot`, and the node
   * goes on. `signal` aborts when the node stops, or when a later state is installed.
   */
  write(slot: Slot, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Replaces the whole state by the one that was written after `slot`; the next decree to apply is
   * that of `slot + 1`. The pieces are those of the file, cut otherwise than they were given to it,
   * each one checked. Called when the part is added, and again when a snapshot is installed in a
   * node that lags too far: what was being applied then is void. When it throws, the node stops.
   */
  restore(pieces: AsyncIterable<Uint8Array>, slot: Slot): Promise<void>;
}

/** Where parts are added; the node's snapshots implement it. */
export interface SnapshotParts {
  /**
   * Restores `part` from the newest readable snapshot that holds it, and has it take part from now
   * on. Resolves with the slot that it was restored to, after which it applies decrees; with 0 when
   * there was nothing to restore, and it begins with slot 1.
   *
   * @throws {KibitzerError} `KBZ_TRUNCATED` when no snapshot holds it and the log does not begin
   *   with slot 1 any more; `KBZ_DAMAGED` when none of those that hold it can be read.
   */
  add(part: SnapshotPart): Promise<Slot>;
}

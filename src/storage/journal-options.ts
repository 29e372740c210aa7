/** What a journal is opened with: its place, whom it tells, and its bounds. */
import type { RepublicState, Slot } from "../../consensus/index.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { StorageMeter } from "../metrics/meter.ts";
import type { Clock, FileSystem } from "../world.ts";
import type { SlotRange } from "./holes.ts";
import type { StorageIdentity } from "./segment.ts";

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
  /** Has damaged slots mended, by `mend`; without it who reads them is told of the damage. */
  readonly mend?: (range: SlotRange) => Promise<void>;
  /**
   * Whether the disk has room for what is still to come; it has until this says otherwise: it is
   * full, or so slow that too much waits for it. What is appended then may wait, until there is
   * room or the journal is closed.
   */
  onRoom?(hasRoom: boolean, lack: "space" | "speed" | null): void;
  /** Counts syncs; default nobody's. */
  readonly meter?: StorageMeter;
  /**
   * Tells when a turn is over, when the journal is idle, and when to look for space again; without
   * it a mark is written at `close` only, and a full disk is a failure.
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

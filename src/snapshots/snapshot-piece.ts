/** What is read of a snapshot at a time, wherever it lies. Types only. */

/** Bytes of a file, and how many it has. */
export interface SnapshotPiece {
  readonly size: number;
  readonly bytes: Uint8Array;
}

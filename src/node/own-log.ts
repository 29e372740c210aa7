/** This node's own log and snapshots, as a backup takes them. Asks nobody else. */
import type { Slot } from "../../consensus/index.ts";
import { noSnapshot, snapshotGone } from "../backup/backup-snapshot.ts";
import type { BackupSource } from "../backup/backup-writing.ts";
import { newestSnapshot } from "../requests.ts";
import type { SnapshotPiece } from "../snapshots/snapshot-piece.ts";
import type { Engine } from "./engine.ts";

/** Of the log, or of a snapshot, in one part of a backup. */
const partBytesMax = 1_048_576;

export function ownLog(
  { reader, snapshots: { snapshots }, configuration }: Engine,
  barrier: BackupSource["barrier"],
): BackupSource {
  return {
    barrier,
    when: () => configuration.world.clock.wall(),
    decrees: async (slotFirst: Slot, slotLast: Slot) =>
      await reader.decrees(slotFirst, slotLast, partBytesMax),
    snapshot: async (slot: Slot | null, offset: number): Promise<SnapshotPiece> => {
      const piece = await snapshots.read(slot ?? newestSnapshot, offset, partBytesMax);
      if (piece === null) throw slot === null ? noSnapshot() : snapshotGone(slot);
      return piece;
    },
  };
}

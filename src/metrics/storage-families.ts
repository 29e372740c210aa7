/** What the metrics say of the journal, its snapshots, and the disk under them. */
import type { RunningNode } from "../node/running-node.ts";
import { volumeOf } from "../storage/node-files.ts";
import { counter, gauge, histogram, type Family } from "./family.ts";

const prefix = "kibitzer_storage_";

export function storageFamilies(node: RunningNode): readonly Family[] {
  const { storage: meter } = node.meter;
  const volume = async (): ReturnType<typeof volumeOf> => {
    return await volumeOf(node.directory.path);
  };
  return [
    ...logFamilies(node),
    histogram(`${prefix}fsync_duration_seconds`, "Syncs of the journal.", () => [
      [{}, meter.syncs],
    ]),
    gauge(`${prefix}free_bytes`, "Free for this node on the volume of its directory.", async () => {
      return (await volume())?.freeBytes ?? null;
    }),
    gauge(`${prefix}volume_bytes`, "Size of the volume of its directory.", async () => {
      return (await volume())?.bytes ?? null;
    }),
    gauge(`${prefix}reserve_bytes`, "Log that can still be written on a full disk.", () => {
      return node.journal?.shortage.reserveBytes ?? null;
    }),
    gauge(`${prefix}degraded`, "Whether storage is degraded, by reason.", () => {
      const { journal } = node;
      if (journal === null) return null;
      const lack = journal.shortage.lack;
      return [
        [{ reason: "space" }, Number(lack === "space")],
        [{ reason: "speed" }, Number(lack === "speed")],
        [{ reason: "damage" }, Number(journal.damaged.length > 0)],
        [{ reason: "failed" }, Number(journal.failure !== null)],
      ];
    }),
    counter(`${prefix}crc_errors_total`, "Stretches of damage found on the disk.", () => {
      return meter.damages;
    }),
    histogram(`${prefix}snapshot_duration_seconds`, "Snapshots made.", () => [
      [{}, meter.snapshots],
    ]),
    gauge(`${prefix}snapshot_bytes`, "Size of the last snapshot of this life.", () => {
      return meter.snapshotAt === 0 ? null : meter.snapshotBytes;
    }),
    gauge(`${prefix}last_snapshot_timestamp_seconds`, "When it was made.", () => {
      return meter.snapshotAt === 0 ? null : meter.snapshotAt / 1000;
    }),
  ];
}

function logFamilies(node: RunningNode): readonly Family[] {
  const { reader } = node;
  return [
    gauge(`${prefix}log_bytes`, "Size of the journal's segments.", () => {
      const segments = node.journal?.past.segments;
      return segments?.reduce((sum, { size }) => sum + size, 0) ?? null;
    }),
    gauge(`${prefix}segments`, "How many segments the journal has.", () => {
      return node.journal?.past.segments.length ?? null;
    }),
    gauge(`${prefix}first_index`, "The first index that can be read here.", () => {
      return reader.indexFirst;
    }),
    gauge(`${prefix}last_index`, "The last index that can be read here; 0 for none.", () => {
      return reader.indexLast;
    }),
  ];
}

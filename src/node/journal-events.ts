/** What a journal tells its node, which may be made later than the journal is. Decides nothing. */
import type { Configuration } from "../configuration.ts";
import { degraded, tell } from "../diagnostics/channels.ts";
import type { Engine } from "./engine.ts";
import type { StorageMeter } from "../metrics/meter.ts";
import type { DataDirectory } from "../storage/directory.ts";

export function journalEvents(
  { world, storage, logger }: Configuration,
  meter: StorageMeter,
  engine: () => Pick<Engine, "play" | "fail" | "mender" | "directory"> | null,
): Parameters<DataDirectory["openJournal"]>[0] {
  return {
    clock: world.clock,
    ...storage,
    meter,
    onRoom: (hasRoom, lack) => {
      const then = "entries are refused or left to others, reads and votes go on";
      if (hasRoom) logger.info({ event: "room" }, "the disk has room again");
      else if (lack === "space")
        logger.warn({ event: "noRoom", lack }, `the disk is full: ${then}`);
      else logger.warn({ event: "noRoom", lack }, `the disk is too slow: ${then}`);
      tell(degraded, () => ({ node: engine()?.directory.record.id, reason: lack }));
      engine()?.play({ kind: "room", hasRoom });
    },
    onPersisted: (write) => engine()?.play({ kind: "persisted", write }),
    onFailed: (error) => engine()?.fail(error),
    mend: async (range) => {
      meter.damages += 1;
      await engine()?.mender.mend(range);
    },
  };
}

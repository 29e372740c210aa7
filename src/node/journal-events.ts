/** What a journal tells its node, which may be made later than the journal is. Decides nothing. */
import type { Configuration } from "../configuration.ts";
import type { Engine } from "./engine.ts";
import type { DataDirectory } from "../storage/directory.ts";

export function journalEvents(
  { world, storage, logger }: Configuration,
  engine: () => Pick<Engine, "play" | "fail"> | null,
): Parameters<DataDirectory["openJournal"]>[0] {
  return {
    clock: world.clock,
    ...storage,
    onRoom: (hasRoom) => {
      const event = hasRoom ? "room" : "noRoom";
      if (hasRoom) logger.info({ event }, "the disk has room again");
      else
        logger.warn({ event }, "the disk is full: new entries are refused, reads and votes go on");
      engine()?.play({ kind: "room", hasRoom });
    },
    onPersisted: (write) => engine()?.play({ kind: "persisted", write }),
    onFailed: (error) => engine()?.fail(error),
  };
}

/** What a journal tells its node, which may be made later than the journal is. Decides nothing. */
import type { Configuration } from "../configuration.ts";
import type { Engine } from "./engine.ts";
import type { DataDirectory } from "../storage/directory.ts";

export function journalEvents(
  { world, storage }: Configuration,
  engine: () => Pick<Engine, "play" | "fail" | "mender"> | null,
): Parameters<DataDirectory["openJournal"]>[0] {
  return {
    clock: world.clock,
    ...storage,
    onPersisted: (write) => engine()?.play({ kind: "persisted", write }),
    onFailed: (error) => engine()?.fail(error),
    mend: async (range) => await engine()?.mender.mend(range),
  };
}

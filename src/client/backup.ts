/** A backup taken through a client: each part from whichever endpoint answers. Writes no file. */
import { assert } from "../../consensus/index.ts";
import { writeBackup, type BackupOptions, type BackupSummary } from "../backup/backup-writing.ts";
import type { Clock } from "../world.ts";
import type { ClientAsking } from "./asking.ts";

export interface ClientBackupParts {
  readonly asking: ClientAsking;
  readonly clock: Clock;
  /** For the barrier, and for each part. */
  readonly timeoutMs: number;
  readonly attemptMs: number;
  readonly barrier: () => Promise<{ readonly slot: number }>;
}

const bytesMax = 1024 * 1024;

export function backUp(
  { asking, clock, timeoutMs, attemptMs, barrier }: ClientBackupParts,
  options: BackupOptions,
): AsyncGenerator<Uint8Array, BackupSummary, void> {
  const source = {
    barrier,
    when: () => clock.wall(),
    decrees: async (slotFirst: number, slotLast: number) => {
      const { decrees } = await asking.ask({
        request: { method: "decrees", slotFirst, slotLast, bytesMax },
        wanted: "decrees",
        lane: "bulk",
        needsQuorum: false,
        attemptMs,
        timeoutMs,
        signal: options.signal,
        faultOf: (answer) => {
          const slots = answer.decrees.map(({ decree }) => decree.slot);
          const isAll = slots.every((slot, at) => slot === slotFirst + at && slot <= slotLast);
          return isAll && slots.length > 0 ? null : `no decrees from slot ${slotFirst} on`;
        },
      });
      assert(decrees.length > 0, "an answer with a fault is asked for again");
      return decrees;
    },
  };
  return writeBackup(source, options);
}

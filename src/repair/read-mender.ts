/**
 * Mends slots that are found damaged while a node runs, from other members, so that whoever reads
 * them is served. Damage that nobody can mend is told to the reader, and stops nothing else.
 */
import type { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import { damagedSlot, slotNotMended } from "../storage/damage.ts";
import type { SlotRange } from "../storage/holes.ts";
import { HoleFiller, type MendableJournal, type Source, type Unfilled } from "./hole-filler.ts";

export interface ReadMenderParts {
  readonly path: string;
  readonly logger: Logger;
  /** The other members, as they can be asked now. */
  sources(): readonly Source[];
  journal(): MendableJournal | null;
}

export class ReadMender {
  readonly #parts: ReadMenderParts;
  /** One at a time: readers of the same slots wait for the same repair. */
  #last: Promise<void> = Promise.resolve();
  #mended = 0;

  constructor(parts: ReadMenderParts) {
    this.#parts = parts;
  }

  /** Slots mended in this life. */
  get mended(): number {
    return this.#mended;
  }

  /**
   * @throws {KibitzerError} `KBZ_DAMAGED` when nobody who answers has an intact copy; retryable
   *   while somebody did not answer.
   */
  async mend(range: SlotRange): Promise<void> {
    const mending = this.#last.then(async () => await this.#mend(range));
    this.#last = mending.catch(() => undefined);
    await mending;
  }

  async #mend(range: SlotRange): Promise<void> {
    const { logger, path } = this.#parts;
    const journal = this.#parts.journal();
    if (journal === null) return;
    let ranges = damagedIn(journal, range);
    while (ranges.length > 0) {
      logger.warn({ event: "damaged", ranges }, "damaged slots were found, and are asked for");
      const filler = new HoleFiller(journal, this.#parts.sources());
      const [unfilled] = await filler.fill(ranges);
      this.#mended += filler.filled;
      if (filler.filled > 0) {
        logger.warn({ event: "repaired", slots: filler.filled }, `${filler.filled} slots repaired`);
      }
      if (unfilled === undefined) return;
      // The slot beside it, which proves it, may be damaged and found so only now: it goes with it.
      const before = sum(ranges) - filler.filled;
      ranges = damagedIn(journal, range);
      if (sum(ranges) <= before) throw notMended(path, unfilled);
    }
  }
}

/** The damaged ranges that hold some of `range`, as far as that is known. */
function damagedIn(journal: MendableJournal, { first, last }: SlotRange): readonly SlotRange[] {
  return journal.damaged.filter((hole) => hole.first <= last && hole.last >= first);
}

function notMended(path: string, { slot, answers }: Unfilled): KibitzerError {
  const silent = [...answers].filter(([, answer]) => answer === null).map(([id]) => id);
  return silent.length === 0 ? damagedSlot(path, slot) : slotNotMended(path, slot, silent);
}

function sum(ranges: readonly SlotRange[]): number {
  return ranges.reduce((slots, { first, last }) => slots + last - first + 1, 0);
}

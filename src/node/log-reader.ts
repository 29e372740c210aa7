/**
 * Reads users' entries back by index, from the journal, and tells those who wait when there are
 * more. Shows only what is decided, and nothing but users' entries.
 */
import { assert, limits, type Applied, type Index, type Slot } from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { EntriesBatch } from "../requests.ts";
import type { Journal } from "../storage/journal.ts";
import type { Clock } from "../world.ts";
import { ReadingTurns } from "./reading-turns.ts";

interface Waiter {
  readonly index: Index;
  readonly slot: Slot;
  resolve(): void;
}

/** A batch as this node's own log has it. */
export interface LoggedBatch extends EntriesBatch {
  /** Log time. */
  readonly time: number;
}

/** Slots that one read spans at most; bounds the work of a read of tiny batches. */
const rowsMax = 4096;

export class LogReader {
  /** For those who read on behalf of others, as much as they take. */
  readonly turns: ReadingTurns;
  readonly #waiters = new Set<Waiter>();
  #journal: Journal | null = null;

  constructor(clock: Clock) {
    this.turns = new ReadingTurns(clock);
  }

  /** From now on entries are read from `journal`. */
  attach(journal: Journal): void {
    this.#journal = journal;
  }

  get indexLast(): Index {
    return this.#journal?.past.indexLast ?? 0;
  }

  /** The last applied slot. */
  get slot(): Slot {
    return this.#journal?.past.slotLast ?? 0;
  }

  /** The first index that is not gone. */
  get indexFirst(): Index {
    return this.#journal?.past.indexFirst ?? 1;
  }

  /** Takes note of what was applied, in slot order; wakes those who waited for it. */
  take(applied: readonly Applied[]): void {
    assert(this.#journal !== null, "what is applied stands in a journal");
    this.#journal.past.note(applied);
    this.#wake();
  }

  /** A snapshot was installed: whoever waits for what it skips is told that it is gone. */
  restart(from: { readonly slot: Slot; readonly index: Index }): void {
    assert(this.#journal !== null, "a snapshot goes on in a journal");
    this.#journal.past.restart(from);
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.index > this.indexLast || waiter.slot > this.slot) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves once `index` is there and `slot` is applied, or when `signal` aborts. */
  async reached(
    { index = 0, slot = 0 }: { readonly index?: Index; readonly slot?: Slot },
    signal: AbortSignal,
  ): Promise<void> {
    if (index <= this.indexLast && slot <= this.slot) return;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const waiter: Waiter = {
        index,
        slot,
        resolve: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        resolve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /**
   * The batches that hold the indexes from `index` on, in order: at least one when `index` is
   * there, and no more than about `bytesMax` bytes.
   * @throws {KibitzerError} `KBZ_TRUNCATED` when `index` is gone, `KBZ_DAMAGED` when it cannot be
   *   read back.
   */
  async read(index: Index, bytesMax: number): Promise<readonly LoggedBatch[]> {
    const past = this.#journal?.past;
    if (past === undefined || index > this.indexLast) return [];
    if (index < past.indexFirst) throw truncated(index, past.indexFirst);
    try {
      return await this.#read(Math.max(1, index), bytesMax);
    } catch (error) {
      // It was removed while it was read.
      if (index < past.indexFirst) throw truncated(index, past.indexFirst, error);
      throw error;
    }
  }

  async #read(index: Index, bytesMax: number): Promise<readonly LoggedBatch[]> {
    const journal = this.#journal;
    assert(journal !== null, "an index that is there is in a journal");
    const indexed = await journal.past.batches(index, rowsMax);
    const [first, last] = [indexed[0], indexed.at(-1)];
    if (first === undefined || last === undefined) return [];
    const framed = await journal.read(first.slot, last.slot, bytesMax);
    const batches: LoggedBatch[] = [];
    let row = 0;
    for (const { decree, body } of framed) {
      const one = indexed[row];
      if (one?.slot !== decree.slot || decree.value.kind !== "batch" || body === null) continue;
      const { slot, time, when } = decree;
      const { publisher, sequence, count } = decree.value;
      const { government } = one;
      const { index } = one;
      batches.push({ index, slot, government, time, when, publisher, sequence, count, body });
      row += 1;
    }
    return batches;
  }

  /**
   * Decided decrees of all kinds, from `slotFirst` on and none after `slotLast`; none when that is
   * not decided here.
   * @throws {KibitzerError} `KBZ_TRUNCATED` when `slotFirst` is gone.
   */
  async decrees(
    slotFirst: Slot,
    slotLast: Slot,
    bytesMax: number,
  ): Promise<readonly FramedDecree[]> {
    const last = Math.min(slotLast, this.slot, slotFirst + limits.learnSlotsMax - 1);
    const journal = this.#journal;
    if (journal === null || slotFirst > last) return [];
    try {
      if (slotFirst >= journal.past.slotFirst) {
        return await journal.read(slotFirst, last, bytesMax);
      }
    } catch (error) {
      // It was removed while it was read.
      if (slotFirst >= journal.past.slotFirst) throw error;
    }
    throw truncatedSlots(slotFirst, journal.past.slotFirst);
  }
}

export function truncated(index: Index, first: Index, cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_TRUNCATED",
    `The entry ${index} is gone from this node's log, which begins with ${first} now. Read from ` +
      `${first} on, or at a node that keeps more.`,
    { retryable: false, outcome: "none", cause, firstIndex: first },
  );
}

function truncatedSlots(slot: Slot, first: Slot): KibitzerError {
  return new KibitzerError(
    "KBZ_TRUNCATED",
    `Slot ${slot} is gone from this node's log, which begins with slot ${first} now. Ask a node ` +
      "that keeps more.",
    { retryable: false, outcome: "none" },
  );
}

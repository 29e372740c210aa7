/**
 * Puts a snapshot of another member in the place of what is damaged in a journal and cannot be had
 * slot by slot any more. What was attested after it stays attested. Believes no byte of it that was
 * not read back and found whole.
 */
import type { RepublicState, Slot } from "../../consensus/index.ts";
import type { Logger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import { Bodies } from "../storage/bodies.ts";
import type { Journal } from "../storage/journal.ts";
import type { Recovered } from "../storage/opened-journal.ts";
import type { World } from "../world.ts";
import type { Source } from "./hole-filler.ts";

export interface ReplacingParts {
  readonly world: Pick<World, "clock">;
  readonly logger: Logger;
  readonly journal: Journal;
  readonly snapshots: SnapshotFiles;
  /** The identity of the republic. */
  readonly republic: string;
  readonly signal: AbortSignal;
}

const pieceBytes = 262_144;
const durablePollMs = 10;

export class Replacing {
  readonly #parts: ReplacingParts;

  constructor(parts: ReplacingParts) {
    this.#parts = parts;
  }

  /** What the journal gives back then; null when nobody who answers has the state after `slot`. */
  async upTo(
    slot: Slot,
    sources: readonly Source[],
    recovered: Recovered,
  ): Promise<Recovered | null> {
    const offers: { readonly source: Source; readonly snapshot: Slot }[] = [];
    for (const source of sources) {
      const { snapshot } = (await source.ask({ first: slot, last: slot })) ?? { snapshot: 0 };
      if (snapshot >= slot) offers.push({ source, snapshot });
    }
    offers.sort((left, right) => right.snapshot - left.snapshot);
    for (const { source, snapshot } of offers) {
      const state = await this.#download(source, snapshot);
      if (state !== null) return await this.#replaceBy(state, recovered);
    }
    return null;
  }

  async #download(source: Source, slot: Slot): Promise<RepublicState | null> {
    const { snapshots, republic } = this.#parts;
    const { files } = snapshots;
    await files.makeDirectory(snapshots.directory);
    await snapshots.discard(slot);
    const file = await files.open(snapshots.temporary(slot), "create");
    let isWhole = false;
    try {
      for (let offset = 0; !isWhole;) {
        const piece = await source.piece?.(slot, offset, pieceBytes);
        if (piece === undefined || piece === null || piece.bytes.length === 0) break;
        await file.write([piece.bytes], offset);
        offset += piece.bytes.length;
        isWhole = offset >= piece.size;
      }
      if (isWhole) await file.datasync();
    } finally {
      await file.close();
    }
    if (!isWhole) {
      await snapshots.discard(slot);
      return null;
    }
    return (await snapshots.adopt(slot, republic))?.state ?? null;
  }

  async #replaceBy(state: RepublicState, recovered: Recovered): Promise<Recovered> {
    const { journal, logger } = this.#parts;
    const { slot } = state;
    if (await this.#isInLog(state)) await journal.past.replaceBy(state);
    else await this.#beginAfter(state, recovered);
    logger.warn({ event: "replaced", slot }, `a snapshot stands for the log up to slot ${slot}`);
    return {
      ...recovered,
      decided: Math.max(recovered.decided, slot),
      length: journal.length,
      writeLast: journal.written,
      republic: state,
      undecided: null,
      missing: 0,
    };
  }

  /** Whether what follows `state` in the log follows it indeed. */
  async #isInLog({ slot, hash }: RepublicState): Promise<boolean> {
    const { journal } = this.#parts;
    if (slot > journal.length) return false;
    if (slot <= journal.decided) return true;
    const { framed, damaged } = await journal.readWhole(slot, slot, 1);
    return damaged.length === 0 && framed[0]?.decree.hash === hash;
  }

  /** The log goes on after `state`; what was attested beyond it is lost, and stays attested. */
  async #beginAfter(state: RepublicState, { accepted }: Recovered): Promise<void> {
    const { journal, world, signal } = this.#parts;
    const { slot, hash } = state;
    const number = journal.written + 1;
    const lostUpTo = journal.length > slot ? journal.length : 0;
    const log = { slotFirst: slot + 1, decrees: [], decided: slot, lostUpTo };
    const rest = { promised: null, accepted, heard: null, base: { slot, hash } };
    journal.append({ number, ...log, ...rest }, new Bodies());
    while (!journal.isSynced(number)) {
      signal.throwIfAborted();
      await pause(world.clock, durablePollMs, signal);
    }
    journal.past.restart(state);
    await journal.past.relyOn(state);
  }
}

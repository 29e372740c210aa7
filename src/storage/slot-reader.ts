/**
 * Gives decrees back by slot, from memory or from disk. What is damaged is read a second time, then
 * mended by whoever can, and never given out as something else.
 */
import { assert, type Slot } from "../../consensus/index.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { damaged } from "./damage.ts";
import { recordHeaderBytes } from "./group.ts";
import type { SlotRange } from "./holes.ts";
import type { LogState } from "./log-state.ts";
import type { RecordReader, Wanted } from "./record-reader.ts";
import type { Tail } from "./tail.ts";

/** What is whole of a range, for somebody who mends: several records of one slot may be there. */
export interface WholeDecrees {
  readonly framed: readonly FramedDecree[];
  /** Slots that were damaged here, whatever is left of them. */
  readonly damaged: readonly Slot[];
  /** Up to here it was looked. */
  readonly slotLast: Slot;
}

export interface SlotReaderParts {
  readonly directory: string;
  readonly log: LogState;
  readonly reader: RecordReader;
  readonly tail: Tail;
  /** A decree that is not on the disk yet, or null when the disk has it. */
  pendingAt(slot: Slot): FramedDecree | null;
  /** Has damaged slots mended; null when nobody can. */
  readonly mend: ((range: SlotRange) => Promise<void>) | null;
}

/** A slot may rot again while it is mended; but not for ever. */
const mendsMax = 3;

export class SlotReader {
  readonly #parts: SlotReaderParts;

  constructor(parts: SlotReaderParts) {
    this.#parts = parts;
  }

  /**
   * The decrees from `slotFirst` on, up to `slotLast` or until `bytesMax` is reached, at least one.
   * @throws {KibitzerError} `KBZ_DAMAGED` when a record is not what was written, and not mended.
   */
  async read(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<readonly FramedDecree[]> {
    for (let attempt = 1; ; attempt += 1) {
      const { wanted, lost } = this.#gather(slotFirst, slotLast, bytesMax);
      const bad = new Map<Slot, KibitzerError | null>();
      const found = await this.#readTwice(wanted, bad);
      // Slots before the first damaged one are good, and enough.
      for (const slot of lost) bad.set(slot, null);
      if (bad.size === 0) return found;
      const first = Math.min(...bad.keys());
      const before = found.filter(({ decree }) => decree.slot < first);
      if (before.length > 0) return before;
      const { mend } = this.#parts;
      if (mend === null || attempt >= mendsMax) throw bad.get(first) ?? this.#hole(first);
      await mend({ first: Math.min(...bad.keys()), last: Math.max(...bad.keys()) });
    }
  }

  /** What is whole of the slots from `slotFirst` on, candidates for damaged ones included. */
  async readWhole(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<WholeDecrees> {
    const { holes } = this.#parts.log;
    const { wanted, lost } = this.#gather(slotFirst, slotLast, bytesMax);
    const last = Math.max(slotFirst - 1, wanted.at(-1)?.slot ?? 0, lost.at(-1) ?? 0);
    const bad = new Map<Slot, KibitzerError | null>(lost.map((slot) => [slot, null]));
    const framed = [...(await this.#readTwice(wanted, bad))];
    for (const slot of lost) {
      const places = holes.candidates(slot).map((place): Wanted => ({ slot, place }));
      for (const place of places) {
        framed.push(...(await this.#parts.reader.read([place], () => undefined)));
      }
    }
    return { framed, damaged: [...bad.keys()], slotLast: last };
  }

  /** A disk may give wrong bytes once, and the right ones a moment later. */
  async #readTwice(
    wanted: readonly Wanted[],
    bad: Map<Slot, KibitzerError | null>,
  ): Promise<readonly FramedDecree[]> {
    const { reader, log } = this.#parts;
    const again: Slot[] = [];
    const found = await reader.read(wanted, (slot) => again.push(slot));
    if (again.length === 0) return found;
    const second = await reader.read(
      wanted.filter(({ slot }) => again.includes(slot)),
      (slot, error) => {
        log.lose(slot);
        bad.set(slot, error);
      },
    );
    return [...found, ...second].toSorted((left, right) => left.decree.slot - right.decree.slot);
  }

  #gather(
    slotFirst: Slot,
    slotLast: Slot,
    bytesMax: number,
  ): { readonly wanted: readonly Wanted[]; readonly lost: readonly Slot[] } {
    const { log } = this.#parts;
    const wanted: Wanted[] = [];
    const lost: Slot[] = [];
    let bytes = 0;
    for (let slot = slotFirst; slot <= slotLast; slot += 1) {
      const located = this.#locate(slot);
      if (located === null) {
        lost.push(slot);
        bytes += recordHeaderBytes;
        continue;
      }
      if (wanted.length + lost.length > 0 && bytes + located.size > bytesMax) break;
      wanted.push(located.next);
      bytes += located.size;
    }
    assert(log.holes.size > 0 || lost.length === 0, "only holes are lost");
    return { wanted, lost };
  }

  /** Null when the record is damaged. */
  #locate(slot: Slot): { readonly next: Wanted; readonly size: number } | null {
    const { log, tail } = this.#parts;
    const framed = this.#parts.pendingAt(slot) ?? tail.get(slot);
    if (framed !== null) {
      return { next: { slot, framed }, size: recordHeaderBytes + (framed.body?.length ?? 0) };
    }
    if (log.holes.has(slot)) return null;
    const place = log.index.get(slot);
    return { next: { slot, place }, size: place.size };
  }

  #hole(slot: Slot): KibitzerError {
    return damaged(`${this.#parts.directory}/journal`, 0, `slot ${slot} is damaged`);
  }
}

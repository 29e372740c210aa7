/**
 * Fills damaged slots of a journal from what is whole elsewhere. Takes nothing on trust: a decree
 * fills a hole only if the hashes of the log around it say that it is the one that stood there.
 */
import {
  hashDecree,
  hashZero,
  type Decree,
  type Hash,
  type LogBase,
  type Slot,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { SlotRange } from "../storage/holes.ts";
import type { WholeDecrees } from "../storage/slot-reader.ts";

/** What of a journal the filling of its holes needs. */
export interface MendableJournal {
  readonly length: Slot;
  readonly decided: Slot;
  readonly damaged: readonly SlotRange[];
  hashOf(slot: Slot): Hash | null;
  readWhole(slotFirst: Slot, slotLast: Slot, bytesMax: number): Promise<WholeDecrees>;
  mend(decrees: readonly FramedDecree[]): Promise<void>;
}

/** What somebody says of a range of slots. */
export interface Answer {
  /** Who says it: the id of a member, or where it was asked if it is none that is known. */
  readonly by: string;
  /** Its log is known decided up to here, and ends there. */
  readonly decided: Slot;
  readonly length: Slot;
  /** The slot of its newest snapshot; 0 for none. */
  readonly snapshot: Slot;
  readonly damaged: readonly Slot[];
  readonly framed: readonly FramedDecree[];
}

/** A part of a snapshot's file. */
export interface SnapshotPiece {
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** Somebody who may have what is lost. */
export interface Source {
  readonly id: string;
  /** Null when it cannot be reached now. */
  ask(range: SlotRange): Promise<Answer | null>;
  /** Null when it does not give it. */
  piece?(slot: Slot, offset: number, bytesMax: number): Promise<SnapshotPiece | null>;
}

/** A slot that nobody who answered could give. */
export interface Unfilled {
  readonly slot: Slot;
  readonly answers: ReadonlyMap<string, Answer | null>;
}

interface Offer {
  readonly framed: FramedDecree;
  /** Up to here its giver knows the log decided. */
  readonly decided: Slot;
}

const chunkSlots = 256;
const ownBytesMax = 64 * 1024 * 1024;

export class HoleFiller {
  readonly #journal: MendableJournal;
  readonly #sources: readonly Source[];
  readonly #state: LogBase | null;
  #filled = 0;

  /** @param state A slot of the log whose hash is known, whatever is left of its decree. */
  constructor(journal: MendableJournal, sources: readonly Source[], state: LogBase | null = null) {
    this.#journal = journal;
    this.#sources = sources;
    this.#state = state;
  }

  /** Slots that were filled so far. */
  get filled(): number {
    return this.#filled;
  }

  /** Fills what can be filled now; returns what cannot, in order. */
  async fill(ranges: readonly SlotRange[]): Promise<readonly Unfilled[]> {
    const unfilled: Unfilled[] = [];
    // From the end: what follows a slot says what stood there.
    for (const range of ranges.toReversed()) {
      for (let last = range.last; last >= range.first; last -= chunkSlots) {
        const first = Math.max(range.first, last - chunkSlots + 1);
        unfilled.push(...(await this.#fillChunk({ first, last })));
      }
    }
    return unfilled.toSorted((left, right) => left.slot - right.slot);
  }

  async #fillChunk(range: SlotRange): Promise<readonly Unfilled[]> {
    const offers = new Map<Slot, Offer[]>();
    const answers = new Map<string, Answer | null>();
    const chosen = new Map<Slot, FramedDecree>();
    const own = await this.#journal.readWhole(range.first, range.last, ownBytesMax);
    take(offers, own.framed, 0);
    const around = await this.#around(range);
    choose(range, offers, chosen, around);
    for (const source of this.#sources) {
      if (chosen.size === range.last - range.first + 1) break;
      const answer = await source.ask(range);
      if (answer === null) {
        // It may have been asked elsewhere, too.
        if (!answers.has(source.id)) answers.set(source.id, null);
        continue;
      }
      answers.set(answer.by, answer);
      take(offers, answer.framed, answer.decided);
      choose(range, offers, chosen, around);
    }
    await this.#journal.mend([...chosen.values()]);
    this.#filled += chosen.size;
    const unfilled: Unfilled[] = [];
    for (let slot = range.first; slot <= range.last; slot += 1) {
      if (!chosen.has(slot)) unfilled.push({ slot, answers });
    }
    return unfilled;
  }

  /** What is known of the log before and after a range. */
  async #around({ first, last }: SlotRange): Promise<Around> {
    const { length, decided } = this.#journal;
    const before = first === 1 ? null : await this.#hashAt(first - 1);
    const after = last === length ? null : await this.#whole(last + 1);
    return {
      before: first === 1 ? hashZero : before,
      after,
      hash: this.#journal.hashOf(last),
      decided,
    };
  }

  async #hashAt(slot: Slot): Promise<Hash | null> {
    if (this.#state?.slot === slot) return this.#state.hash;
    return (await this.#whole(slot))?.hash ?? null;
  }

  async #whole(slot: Slot): Promise<Decree | null> {
    const { framed, damaged } = await this.#journal.readWhole(slot, slot, 1);
    return damaged.length > 0 ? null : (framed[0]?.decree ?? null);
  }
}

interface Around {
  /** The hash of the slot before. */
  readonly before: Hash | null;
  /** The decree of the slot after. */
  readonly after: Decree | null;
  /** The hash of the last slot, where something has noted it. */
  readonly hash: Hash | null;
  readonly decided: Slot;
}

function take(offers: Map<Slot, Offer[]>, framed: readonly FramedDecree[], decided: Slot): void {
  for (const one of framed) {
    const { slot } = one.decree;
    const known = offers.get(slot);
    if (known === undefined) offers.set(slot, [{ framed: one, decided }]);
    else known.push({ framed: one, decided });
  }
}

/** Adds to `chosen` what the hashes prove: back from what follows, and on from what is decided. */
function choose(
  { first, last }: SlotRange,
  offers: ReadonlyMap<Slot, readonly Offer[]>,
  chosen: Map<Slot, FramedDecree>,
  { before, after, hash, decided }: Around,
): void {
  let next = after;
  for (let slot = last; slot >= first; slot -= 1) {
    const found =
      chosen.get(slot) ?? offered(offers, slot, ({ decree }) => precedes(decree, next, hash));
    if (found === null) break;
    chosen.set(slot, found);
    next = found.decree;
  }
  let known = before;
  for (let slot = first; slot <= Math.min(last, decided) && known !== null; slot += 1) {
    const from: Hash = known;
    const decidedThere = (offers.get(slot) ?? []).filter((offer) => offer.decided >= slot);
    const found =
      chosen.get(slot) ??
      decidedThere.find(({ framed }) => hashDecree(from, framed.decree) === framed.decree.hash)
        ?.framed ??
      null;
    if (found === null) break;
    chosen.set(slot, found);
    known = found.decree.hash;
  }
}

function offered(
  offers: ReadonlyMap<Slot, readonly Offer[]>,
  slot: Slot,
  fits: (framed: FramedDecree) => boolean,
): FramedDecree | null {
  return offers.get(slot)?.find(({ framed }) => fits(framed))?.framed ?? null;
}

/** Whether `decree` is what `next` follows, or has the hash that was noted. */
function precedes(decree: Decree, next: Decree | null, hash: Hash | null): boolean {
  if (next !== null) return hashDecree(decree.hash, next) === next.hash;
  return hash !== null && decree.hash === hash;
}

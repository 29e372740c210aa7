/** Damage that is found while a node runs, and mended from what another member has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { silent } from "../../src/logger.ts";
import type { MendableJournal, Source } from "../../src/repair/hole-filler.ts";
import { ReadMender } from "../../src/repair/read-mender.ts";
import { emptyRepublic } from "../../consensus/republic.ts";
import { batch, decreesAfter } from "../consensus/seated-member.ts";

const none = new Uint8Array(0);
const length = 4;
const log = decreesAfter(
  emptyRepublic(),
  [1, 2, 3, 4].map((sequence) => batch(sequence)),
).map((decree): FramedDecree => ({ decree, body: none }));

/** A journal that begins after slot 1, whose slots 2 and 3 rot: of 3 it learns when it is read. */
class Rotten implements MendableJournal {
  readonly length = length;
  readonly decided = length;
  readonly #rotten = new Set([2, 3]);
  readonly #found = new Set([2]);

  get damaged(): MendableJournal["damaged"] {
    const slots = [...this.#found].toSorted((left, right) => left - right);
    const [first] = slots;
    return first === undefined ? [] : [{ first, last: slots.at(-1) ?? first }];
  }

  hashOf(): null {
    return null;
  }

  async readWhole(slotFirst: number, slotLast: number): ReturnType<MendableJournal["readWhole"]> {
    const held = log.filter(({ decree: { slot } }) => slot >= slotFirst && slot <= slotLast);
    const damaged = held.map(({ decree }) => decree.slot).filter((slot) => this.#rotten.has(slot));
    for (const slot of damaged) this.#found.add(slot);
    const framed = held.filter(({ decree: { slot } }) => slot > 1 && !this.#rotten.has(slot));
    return { framed, damaged, slotLast };
  }

  async mend(decrees: readonly FramedDecree[]): Promise<void> {
    for (const { decree } of decrees) {
      this.#rotten.delete(decree.slot);
      this.#found.delete(decree.slot);
    }
  }
}

test("a damaged slot is mended though the next one is found damaged only then", async () => {
  const journal = new Rotten();
  const other: Source = {
    id: "b",
    ask: async ({ first, last }) => ({
      by: "b",
      decided: length,
      length,
      snapshot: 0,
      damaged: [],
      framed: log.filter(({ decree: { slot } }) => slot >= first && slot <= last),
    }),
  };
  const mender = new ReadMender({
    path: "data",
    logger: silent,
    sources: () => [other],
    journal: () => journal,
  });
  await mender.mend({ first: 2, last: 2 });
  assert.deepEqual(journal.damaged, []);
  assert.equal(mender.mended, 2);
});

test("what nobody has stays damaged, and is told", async () => {
  const journal = new Rotten();
  const parts = { path: "data", logger: silent, sources: () => [], journal: () => journal };
  await assert.rejects(new ReadMender(parts).mend({ first: 2, last: 2 }), { code: "KBZ_DAMAGED" });
  assert.deepEqual(journal.damaged, [{ first: 2, last: 3 }]);
});

test("what a member without an answer may have is worth reading again", async () => {
  const journal = new Rotten();
  const source: Source = { id: "b", ask: async () => null };
  const parts = { path: "data", logger: silent, sources: () => [source], journal: () => journal };
  await assert.rejects(new ReadMender(parts).mend({ first: 2, last: 2 }), {
    code: "KBZ_DAMAGED",
    retryable: true,
    message: /without an answer: b/,
  });
});

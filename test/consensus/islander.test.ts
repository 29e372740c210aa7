/** The Islander against its contract: scenarios by hand, then a model world with every fault. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { Islander } from "../../consensus/islander.ts";
import type {
  IslanderInput,
  IslanderOutcome,
  SubmissionResult,
} from "../../consensus/islander-outcome.ts";
import { limits } from "../../consensus/limits.ts";
import { PublisherTable } from "../../simulations/core/publisher-table.ts";
import { Prng } from "../../simulations/prng.ts";

const nonce = "0123456789abcdef";
const windowMax = limits.publisherBatchesInFlightMax;

/** Steps an Islander and, beside it, one restored from JSON before each step: both must agree. */
class Pair {
  #live = new Islander();
  now = 0;

  step(input: IslanderInput): IslanderOutcome {
    const restored = Islander.restore(JSON.parse(JSON.stringify(this.#live.checkpoint())));
    const outcome = this.#live.step(input);
    assert.deepEqual(restored.step(input), outcome);
    assert.equal(JSON.stringify(restored.checkpoint()), JSON.stringify(this.#live.checkpoint()));
    return outcome;
  }

  open(resume: { publisher: number; sequenceNext: number } | null = null): IslanderOutcome {
    return this.step({ kind: "open", now: this.now, when: 0, nonce, resume });
  }

  publish(count = 1): IslanderOutcome {
    return this.step({
      kind: "publish",
      now: this.now,
      when: 0,
      count,
      size: count * 4,
      checksum: 7,
    });
  }

  answer(sequence: number, attempt: number, result: SubmissionResult): IslanderOutcome {
    const { now } = this;
    return this.step({ kind: "published", now, when: 0, sequence, attempt, result, jitter: 0.5 });
  }

  event(): IslanderOutcome {
    return this.step({ kind: "event", now: this.now, when: 0 });
  }

  /** Goes to the deadline of `outcome` and tells that it has come. */
  sleep(outcome: IslanderOutcome): IslanderOutcome {
    assert.ok(outcome.deadline !== null, "something is waited for");
    this.now = outcome.deadline;
    return this.event();
  }
}

function opened(): Pair {
  const pair = new Pair();
  pair.open({ publisher: 5, sequenceNext: 1 });
  return pair;
}

function submitted(outcome: IslanderOutcome): string[] {
  return outcome.submit.map(({ batch, attempt }) => `${batch.sequence}#${attempt}`);
}

function settled(outcome: IslanderOutcome): string[] {
  return outcome.settled.map(({ batch, index }) => `${batch.sequence}@${index}`);
}

const lost = { kind: "lost" } as const;
const notLeading = { kind: "refused", reason: "notLeading" } as const;
const busy = { kind: "refused", reason: "busy" } as const;
const full = { kind: "refused", reason: "full" } as const;

describe("registration", () => {
  test("is submitted until it is answered, and no batch is numbered before", () => {
    const pair = new Pair();
    let outcome = pair.open();
    assert.deepEqual(outcome.register, { nonce, attempt: 1 });
    assert.equal(outcome.room, 0);
    outcome = pair.answer(0, 1, notLeading);
    assert.equal(outcome.register, null);
    outcome = pair.sleep(outcome);
    assert.deepEqual(outcome.register, { nonce, attempt: 2 });
    outcome = pair.sleep(outcome);
    assert.deepEqual(outcome.register, { nonce, attempt: 3 }, "silence is a loss too");
    outcome = pair.answer(0, 1, { kind: "registered", publisher: 9, nonce });
    assert.equal(outcome.room, windowMax);
    assert.equal(outcome.deadline, null);
    outcome = pair.answer(0, 3, { kind: "registered", publisher: 12, nonce });
    assert.equal(pair.publish(2).submit[0]?.batch.publisher, 9, "the first answer counts");
  });

  test("of somebody else is no answer", () => {
    const pair = new Pair();
    pair.open();
    const other = { kind: "registered", publisher: 9, nonce: "fedcba9876543210" } as const;
    assert.equal(pair.answer(0, 1, other).room, 0);
  });

  test("refused ends the session, and another may be opened", () => {
    const pair = new Pair();
    pair.open();
    const outcome = pair.answer(0, 1, { kind: "refusedRegistration", nonce });
    assert.deepEqual(outcome.failed, { reason: "refusedRegistration", batches: [] });
    assert.equal(outcome.deadline, null);
    assert.deepEqual(pair.open().register, { nonce, attempt: 1 });
  });

  test("silence does not end because something else happens", () => {
    const pair = new Pair();
    const { deadline } = pair.open();
    pair.now = 1000;
    assert.equal(pair.event().deadline, deadline);
  });
});

describe("batches", () => {
  test("are numbered without a gap, pipelined, and bounded", () => {
    const pair = opened();
    const sequences: string[] = [];
    let room = windowMax;
    while (room > 0) {
      const outcome = pair.publish(3);
      sequences.push(...submitted(outcome));
      room -= 1;
      assert.equal(outcome.room, room);
    }
    const expected = Array.from({ length: windowMax }, (_, at) => `${1 + 3 * at}#1`);
    assert.deepEqual(sequences, expected);
    assert.throws(() => pair.publish(1), /room/);
  });

  test("settle in order, though their answers come in any", () => {
    const pair = opened();
    pair.publish(2);
    pair.publish(1);
    pair.publish(1);
    assert.deepEqual(settled(pair.answer(4, 1, { kind: "applied", index: 13 })), []);
    assert.deepEqual(settled(pair.answer(1, 1, { kind: "applied", index: 10 })), ["1@10"]);
    assert.deepEqual(settled(pair.answer(1, 1, { kind: "applied", index: 10 })), [], "only once");
    const outcome = pair.answer(3, 1, { kind: "applied", index: 12 });
    assert.deepEqual(settled(outcome), ["3@12", "4@13"]);
    assert.equal(outcome.room, windowMax);
    assert.equal(outcome.deadline, null);
  });

  test("that were overtaken are asked for, alone and soon", () => {
    const pair = opened();
    pair.publish();
    pair.publish();
    pair.publish();
    let outcome = pair.answer(2, 1, { kind: "applied", index: 2 });
    assert.equal(outcome.deadline, 50);
    outcome = pair.sleep(outcome);
    assert.deepEqual(submitted(outcome), ["1#2"]);
    outcome = pair.answer(1, 2, { kind: "duplicate", index: 1 });
    assert.deepEqual(settled(outcome), ["1@1", "2@2"]);
    assert.equal(outcome.room, windowMax - 1);
  });

  for (const result of [lost, notLeading, busy, { kind: "gap", expected: 1 } as const]) {
    test(`go back after ${JSON.stringify(result)}: all from the first unsettled on`, () => {
      const pair = opened();
      pair.publish();
      pair.publish();
      pair.publish();
      let outcome = pair.answer(1, 1, { kind: "applied", index: 1 });
      outcome = pair.answer(3, 1, result);
      assert.deepEqual(submitted(outcome), []);
      assert.deepEqual(submitted(pair.publish()), [], "a new batch waits behind them");
      outcome = pair.sleep(outcome);
      assert.deepEqual(submitted(outcome), ["2#2", "3#2", "4#1"]);
      pair.answer(2, 1, lost);
      assert.deepEqual(submitted(pair.publish()), ["5#1"], "old attempts fail unheard");
      assert.deepEqual(settled(pair.answer(2, 1, { kind: "applied", index: 2 })), ["2@2"]);
    });
  }

  test("wait longer from setback to setback, within bounds, and soon again after a success", () => {
    const pair = opened();
    let outcome = pair.publish();
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      outcome = pair.answer(1, attempt, lost);
      pauses.push((outcome.deadline ?? 0) - pair.now);
      outcome = pair.sleep(outcome);
      assert.deepEqual(submitted(outcome), [`1#${attempt + 1}`]);
    }
    assert.deepEqual(
      pauses.toSorted((left, right) => left - right),
      pauses,
    );
    assert.ok(pauses[0]! >= 5 && pauses[0]! <= 10);
    assert.ok(pauses.at(-1)! > 500 && pauses.at(-1)! <= 1000);
    pair.answer(1, 13, { kind: "applied", index: 1 });
    pair.publish();
    outcome = pair.answer(2, 1, lost);
    assert.equal((outcome.deadline ?? 0) - pair.now, pauses[0]);
  });

  test("are fewer at once where it was too much", () => {
    const pair = opened();
    for (let at = 0; at < 8; at += 1) pair.publish();
    let outcome = pair.answer(1, 1, busy);
    for (let attempt = 2; attempt <= 4; attempt += 1) {
      outcome = pair.sleep(outcome);
      outcome = pair.answer(1, attempt, busy);
    }
    outcome = pair.sleep(outcome);
    assert.deepEqual(submitted(outcome), ["1#5", "2#5"]);
    outcome = pair.answer(1, 5, { kind: "applied", index: 1 });
    assert.deepEqual(submitted(outcome), ["3#5", "4#5"]);
  });

  test("are taken for lost when nothing is heard, and the patience grows", () => {
    const pair = opened();
    let outcome = pair.publish();
    outcome = pair.sleep(outcome);
    assert.equal(pair.now, 5000);
    assert.deepEqual(submitted(outcome), ["1#2"]);
    pair.now = 14_000;
    outcome = pair.publish();
    assert.deepEqual(submitted(outcome), ["2#1"]);
    outcome = pair.sleep(outcome);
    assert.equal(pair.now, 15_000, "what is submitted meanwhile is no news");
    assert.deepEqual(submitted(outcome), ["1#3", "2#2"]);
  });
});

describe("answers that cannot be true", () => {
  test("count as none", () => {
    const pair = opened();
    pair.publish(2);
    pair.publish(2);
    pair.answer(3, 1, { kind: "applied", index: 7 });
    for (const index of [0, -1, 1.5, Number.NaN, 6, 7, 8, 2 ** 60]) {
      const outcome = pair.answer(1, 1, { kind: "applied", index });
      assert.deepEqual(outcome.settled, []);
      assert.equal(outcome.room, windowMax - 2);
    }
    const outcome = pair.answer(1, 1, { kind: "applied", index: 5 });
    assert.deepEqual(settled(outcome), ["1@5", "3@7"]);
  });
});

describe("the end of a session", () => {
  for (const kind of ["conflict", "unknownPublisher", "forbidden"] as const) {
    test(`${kind} fails what has no outcome, and tells what has`, () => {
      const pair = opened();
      pair.publish();
      pair.publish();
      pair.publish();
      pair.answer(2, 1, { kind: "applied", index: 9 });
      const outcome = pair.answer(1, 1, { kind });
      assert.deepEqual(settled(outcome), ["2@9"]);
      assert.equal(outcome.failed?.reason, kind);
      assert.deepEqual(
        outcome.failed.batches.map((batch) => batch.sequence),
        [1, 3],
      );
      assert.equal(outcome.room, 0);
      assert.equal(outcome.deadline, null);
      assert.deepEqual(
        pair.answer(3, 1, { kind: "applied", index: 10 }).settled,
        [],
        "over is over",
      );
    });
  }

  test("does not come from an answer to something settled long ago", () => {
    const pair = opened();
    pair.publish();
    pair.publish();
    pair.answer(1, 1, { kind: "applied", index: 1 });
    const outcome = pair.answer(1, 1, { kind: "conflict" });
    assert.equal(outcome.failed, null);
    assert.equal(outcome.room, windowMax - 1);
  });
});

describe("a checkpoint", () => {
  const checkpoint = new Islander().checkpoint();

  test("is refused with a typed error unless it is one", () => {
    const wrong: unknown[] = [null, 7, [], {}, { ...checkpoint, kind: "legislator" }];
    wrong.push({ ...checkpoint, window: 0 }, { ...checkpoint, window: windowMax + 1 });
    wrong.push({ ...checkpoint, retryAt: 5 }, { ...checkpoint, session: { kind: "open" } });
    wrong.push({ ...checkpoint, inFlight: [{}] }, { ...checkpoint, timing: {} });
    for (const value of wrong) assert.throws(() => Islander.restore(value), TypeError);
    assert.deepEqual(Islander.restore(checkpoint).checkpoint(), checkpoint);
  });
});

/** What may happen to one message, drawn from the world's chance. */
interface Faults {
  readonly lossPercent: number;
  readonly doublePercent: number;
  readonly refusalPercent: number;
  /** Of refusals: those for lack of room. */
  readonly fullPercent: number;
  readonly delayMax: number;
}

const faultless: Faults = {
  lossPercent: 0,
  doublePercent: 0,
  refusalPercent: 0,
  fullPercent: 0,
  delayMax: 3,
};

/** Virtual time, a network with faults, a leader with the publisher table, and one Islander. */
class ModelWorld {
  readonly table = new PublisherTable();
  readonly pair = new Pair();
  readonly settled: { readonly sequence: number; readonly index: number }[] = [];
  readonly submissions = new Map<string, string>();
  refused = 0;
  faults: Faults;
  readonly #prng: Prng;
  #pending: { readonly at: number; readonly order: number; readonly act: () => void }[] = [];
  #order = 0;
  #outcome: IslanderOutcome;

  constructor(seed: number, faults: Faults) {
    this.#prng = new Prng(seed);
    this.faults = faults;
    this.#outcome = this.pair.open();
    this.#carry(this.#outcome);
  }

  get room(): number {
    return this.#outcome.room;
  }

  publish(): void {
    this.#carry(this.pair.publish(1 + Math.floor(this.#prng.fraction() * 4)));
  }

  /** One event, or the deadline, whichever comes first; false when nothing is left. */
  advance(): boolean {
    this.#pending.sort((left, right) => left.at - right.at || left.order - right.order);
    const next = this.#pending[0];
    const { deadline } = this.#outcome;
    if (next === undefined && deadline === null) return false;
    if (next !== undefined && (deadline === null || next.at <= deadline)) {
      this.#pending.shift();
      this.pair.now = Math.max(this.pair.now, next.at);
      next.act();
    } else if (deadline !== null) {
      this.pair.now = Math.max(this.pair.now, deadline);
      this.#carry(this.pair.event());
    }
    return true;
  }

  #carry(outcome: IslanderOutcome): void {
    this.#outcome = outcome;
    assert.equal(outcome.failed, null);
    // Their numbers go to others, and their entries to nobody.
    for (const batch of outcome.refused) {
      this.submissions.delete(`${batch.sequence}`);
      this.refused += 1;
    }
    for (const { batch, index } of outcome.settled) {
      this.settled.push({ sequence: batch.sequence, index });
    }
    const { register } = outcome;
    if (register !== null) {
      this.#request(0, register.attempt, () => this.table.register(register.nonce));
    }
    for (const { batch, attempt } of outcome.submit) {
      const name = `${batch.sequence}`;
      const before = this.submissions.get(name) ?? JSON.stringify(batch);
      assert.equal(JSON.stringify(batch), before, "the same bytes and boundaries, always");
      this.submissions.set(name, before);
      this.#request(batch.sequence, attempt, () => this.table.apply(batch));
    }
  }

  #request(sequence: number, attempt: number, decide: () => SubmissionResult): void {
    const answer = (result: SubmissionResult): void => {
      const fate = this.#prng.fraction() * 100 < this.faults.lossPercent ? lost : result;
      this.#later(() => this.#carry(this.pair.answer(sequence, attempt, fate)));
    };
    if (this.#prng.fraction() * 100 < this.faults.lossPercent) {
      // Sometimes not even the loss is noticed.
      if (this.#prng.fraction() < 0.5) answer(lost);
      return;
    }
    const { doublePercent, refusalPercent, fullPercent } = this.faults;
    // What was refused has no other copy: no request is sent twice (docs/transport.md).
    const mayDouble = fullPercent === 0;
    const copies = mayDouble && this.#prng.fraction() * 100 < doublePercent ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#later(() => {
        const isRefused = this.#prng.fraction() * 100 < refusalPercent;
        const isFull = isRefused && this.#prng.fraction() * 100 < fullPercent;
        const refusal = this.#prng.fraction() < 0.5 ? notLeading : busy;
        answer(isFull && sequence > 0 ? full : isRefused ? refusal : decide());
      });
    }
  }

  #later(act: () => void): void {
    const at = this.pair.now + Math.floor(this.#prng.fraction() * this.faults.delayMax);
    this.#order += 1;
    this.#pending.push({ at, order: this.#order, act });
  }
}

describe("without room", () => {
  test("all that was surely not taken is given up, and its numbers go to what comes next", () => {
    const pair = opened();
    for (const count of [2, 1, 3]) pair.publish(count);
    assert.deepEqual(pair.answer(1, 1, full).refused, [], "the others may yet have been taken");
    assert.deepEqual(pair.answer(4, 1, { kind: "refused", reason: "gap" }).refused, []);
    const outcome = pair.answer(3, 1, { kind: "refused", reason: "gap" });
    assert.deepEqual(
      outcome.refused.map(({ sequence }) => sequence),
      [1, 3, 4],
    );
    assert.equal(outcome.failed, null);
    assert.equal(outcome.room, windowMax);
    assert.equal(outcome.deadline, null, "nothing is tried again");
    assert.deepEqual(submitted(pair.publish()), ["1#1"]);
  });

  test("what may yet be decided is tried on, and only what is behind it is given up", () => {
    const pair = opened();
    pair.publish();
    const again = pair.sleep(pair.answer(1, 1, lost));
    assert.deepEqual(submitted(again), ["1#2"]);
    pair.publish();
    const kept = pair.answer(1, 2, full);
    assert.deepEqual(kept.refused, []);
    const outcome = pair.answer(2, 1, full);
    assert.deepEqual(
      outcome.refused.map(({ sequence }) => sequence),
      [2],
    );
    assert.deepEqual(submitted(pair.sleep(outcome)), ["1#3"]);
    assert.deepEqual(settled(pair.answer(1, 3, { kind: "duplicate", index: 7 })), ["1@7"]);
    assert.deepEqual(submitted(pair.publish()), ["2#1"]);
  });

  test("a registration ends, and another may be opened", () => {
    const pair = new Pair();
    pair.open();
    assert.deepEqual(pair.answer(0, 1, full).failed, { reason: "full", batches: [] });
    assert.deepEqual(pair.open().register, { nonce, attempt: 1 });
  });
});

describe("in a world of faults", () => {
  test("every batch takes effect exactly once, in order, and all settle once faults stop", () => {
    const percent = fc.integer({ min: 0, max: 60 });
    const faults = fc.record({
      lossPercent: percent,
      doublePercent: percent,
      refusalPercent: percent,
      fullPercent: fc.constantFrom(0, 0, 10, 60),
      delayMax: fc.integer({ min: 1, max: 3000 }),
    });
    const property = fc.property(fc.integer(), faults, fc.integer({ min: 1, max: 120 }), run);
    fc.assert(property, { numRuns: 60 });
  });
});

function run(seed: number, faults: Faults, batches: number): void {
  const world = new ModelWorld(seed, faults);
  let published = 0;
  for (let step = 0; step < 600; step += 1) {
    if (published < batches && world.room > 0) {
      world.publish();
      published += 1;
    }
    world.advance();
  }
  world.faults = faultless;
  for (let step = 0; step < 20_000; step += 1) {
    if (published < batches && world.room > 0) {
      world.publish();
      published += 1;
    } else if (!world.advance()) break;
  }
  assert.equal(published, batches);
  assert.equal(world.room, windowMax, "everything settles");
  const applied = world.table.log.map(({ batch, index }) => ({
    sequence: batch.sequence,
    index,
  }));
  assert.deepEqual(world.settled, applied, "told once each, in order, as it was decided");
  assert.equal(applied.length + world.refused, batches);
}

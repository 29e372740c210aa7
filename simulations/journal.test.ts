/**
 * The real journal on the simulated disk: it writes, the power fails in the middle of any call, and
 * the next life must find every write that was reported durable, and a log that once was.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashDecree, hashZero, type Batch, type Decree, type Write } from "../consensus/index.ts";
import { crc32 } from "../src/codec/crc32.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import { Bodies } from "../src/storage/bodies.ts";
import { Journal } from "../src/storage/journal.ts";
import { SimulatedDisk } from "./disk/disk.ts";
import { Prng } from "./prng.ts";
import type { PowerLoss } from "./disk/simulated-file.ts";
import { Simulator, millisecond, second, type Life } from "./simulator.ts";

/** A log as it was after some write, and the promise with it. */
interface Version {
  readonly number: number;
  readonly decrees: readonly Decree[];
  readonly round: number;
}

class Story {
  readonly simulator = new Simulator();
  readonly disk: SimulatedDisk;
  readonly prng: Prng;
  readonly #bodies = new Bodies();
  /** What the log was after each write that may be on the disk, oldest first. */
  #versions: Version[] = [{ number: 0, decrees: [], round: 0 }];
  #persisted = 0;
  #expected = false;

  constructor(seed: number) {
    this.prng = new Prng(`journal ${seed}`);
    this.disk = new SimulatedDisk(this.simulator, "a", this.prng.fork("disk"));
  }

  /**
   * One life of a process, from the opening of the journal to the loss of power; false when the
   * journal refused the disk.
   */
  async live(loss: PowerLoss): Promise<boolean> {
    const life = this.simulator.begin("a");
    const end = this.disk.operations + this.prng.integer(1, 120);
    this.disk.onOperation = (number) => {
      if (number >= end) life.end();
    };
    let failure: unknown = null;
    this.#run(life).catch((error: unknown) => {
      failure = error;
    });
    await this.simulator.run(this.simulator.now + 60 * second, () => !life.alive);
    // A sector torn inside cannot be told from damage: the journal may refuse it, and never lies.
    if (loss.torn && isDamage(failure)) return false;
    assert.equal(failure, null);
    assert.equal(life.alive, false, "every life comes to its end");
    this.disk.onOperation = null;
    if (this.prng.chance(0.8)) this.disk.losePower(loss);
    return true;
  }

  async #run(life: Life): Promise<void> {
    const files = this.disk.mount(life);
    await files.makeDirectory("data");
    const { journal, recovered } = await Journal.open({
      files,
      directory: "data",
      identity: { republic: "8899aabbccddeeff", cookie: "0011223344556677", id: "a" },
      expected: this.#expected,
      clock: life.clock,
      segmentBytesFirst: 8192,
      segmentBytesMax: 32_768,
      onPersisted: (write) => {
        if (life.alive) this.#persisted = write;
      },
      onFailed: (error) => {
        throw error;
      },
    });
    this.#expected = true;
    const found: Decree[] = [];
    for await (const { decree, body } of journal.scan(1, recovered.length)) {
      assert.ok(body !== null && decree.value.kind === "batch");
      assert.equal(crc32(body), decree.value.checksum);
      found.push(decree);
    }
    this.#check(found, recovered.promised.round);
    let number = recovered.writeLast;
    this.#versions = [{ number, decrees: found, round: recovered.promised.round }];
    this.#persisted = number;
    for (;;) {
      number += 1;
      journal.append(this.#write(number), this.#bodies);
      const pause = this.prng.chance(0.3) ? this.prng.integer(0, 100) * millisecond : 0;
      await life.promise<void>((resolve) => life.after(pause, () => resolve()));
    }
  }

  /** D1, D3: the log found is the one after the last durable write, or after a later one. */
  #check(found: readonly Decree[], round: number): void {
    const candidates = this.#versions.filter((version) => version.number >= this.#persisted);
    const hash = found.at(-1)?.hash ?? hashZero;
    const fits = candidates.some(
      ({ decrees }) =>
        decrees.length === found.length && (decrees.at(-1)?.hash ?? hashZero) === hash,
    );
    assert.ok(fits, `a log of ${found.length} decrees, hash ${hash}, was never written so far`);
    const roundMin = candidates[0]?.round ?? 0;
    assert.ok(round >= roundMin, `promised ${round}, though ${roundMin} was durable`);
  }

  #write(number: number): Write {
    const last = this.#versions.at(-1);
    assert.ok(last !== undefined);
    const replaced = this.prng.chance(0.2) ? this.prng.integer(0, last.decrees.length) : 0;
    const kept = last.decrees.slice(0, Math.max(last.decrees.length - replaced, 0));
    const decrees: Decree[] = [];
    let before = kept.at(-1)?.hash ?? hashZero;
    for (let count = this.prng.integer(0, 3); count > 0; count -= 1) {
      const decree = this.#decree(kept.length + decrees.length + 1, before);
      before = decree.hash;
      decrees.push(decree);
    }
    const raises = this.prng.chance(0.2);
    const round = raises ? last.round + 1 : last.round;
    this.#versions.push({ number, decrees: [...kept, ...decrees], round });
    const ballot = { government: 1, round, id: "a" };
    return {
      number,
      promised: raises ? ballot : null,
      accepted: { government: 1, round: 0, id: "a" },
      slotFirst: kept.length + 1,
      decrees,
      decided: 0,
      heard: null,
      base: null,
      lostUpTo: 0,
    };
  }

  #decree(slot: number, before: string): Decree {
    const zeros = this.prng.chance(0.2);
    const size = this.prng.integer(1, this.prng.chance(0.2) ? 6000 : 300);
    const body = new Uint8Array(size).map(() => (zeros ? 0 : this.prng.integer(0, 255)));
    const value: Batch = {
      kind: "batch",
      publisher: 1,
      sequence: slot,
      count: 1,
      size,
      checksum: crc32(body),
    };
    this.#bodies.set(value, body);
    const decree = { slot, time: slot, when: this.prng.integer(0, 2 ** 40), value };
    return { ...decree, hash: hashDecree(before, decree) };
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof KibitzerError && error.code === "KBZ_DAMAGED";
}

for (const [name, loss] of [
  ["all unsynced sectors are lost (K1)", { survival: 0, torn: false, garbage: false }],
  ["any unsynced sectors are lost (K2)", { survival: 0.6, torn: false, garbage: false }],
  ["writes are torn at any byte (K3)", { survival: 0.6, torn: true, garbage: false }],
] as const) {
  test(`the journal keeps what it reported durable when ${name}`, async () => {
    let refused = 0;
    for (let seed = 0; seed < 25; seed += 1) {
      const story = new Story(seed);
      for (let lives = 0; lives < 8; lives += 1) {
        try {
          if (await story.live(loss)) continue;
          refused += 1;
          break;
        } catch (error) {
          throw new Error(`seed ${seed}, life ${lives}`, { cause: error });
        }
      }
    }
    assert.ok(refused <= 12, `${refused} of 25 disks were refused`);
  });
}

/** State machines take part in snapshots: asked in the turn, written, and restored from there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRepublic, type Applied, type RepublicState } from "../../consensus/index.ts";
import { silent } from "../../src/logger.ts";
import { StorageMeter } from "../../src/metrics/meter.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import type { SnapshotPart } from "../../src/snapshots/snapshot-part.ts";
import { Snapshots } from "../../src/snapshots/snapshots.ts";
import { systemClock } from "../../src/system/system-clock.ts";
import { identity, openJournal, Writer, type Opened } from "../storage/samples.ts";
import { MemoryFiles } from "../storage/memory-files.ts";

const kept = { bytes: null, ageMs: null };
const everySlots = 10;

/** Counts what it applied, and says so in its snapshots. */
class Counter implements SnapshotPart {
  readonly name = "counter";
  readonly asked: number[] = [];
  slot = 0;
  failing = false;

  async *write(slot: number): AsyncGenerator<Uint8Array, void, void> {
    this.asked.push(slot);
    if (this.failing) throw new Error("no state today");
    yield new TextEncoder().encode(`counted ${this.slot}`);
  }

  async restore(pieces: AsyncIterable<Uint8Array>, slot: number): Promise<void> {
    let text = "";
    for await (const piece of pieces) text += new TextDecoder().decode(piece);
    assert.equal(text, `counted ${slot}`);
    this.slot = slot;
  }
}

class Scene {
  readonly files: MemoryFiles;
  readonly writer = new Writer();
  readonly snapshotFiles: SnapshotFiles;
  readonly snapshots: Snapshots;
  readonly failures: Error[] = [];
  opened: Opened | null = null;
  #slot = 0;

  constructor(files: MemoryFiles = new MemoryFiles()) {
    this.files = files;
    this.snapshotFiles = new SnapshotFiles(files, "/data");
    this.snapshots = new Snapshots({
      files: this.snapshotFiles,
      clock: systemClock(),
      logger: silent,
      policy: { bytes: 1_000_000, slots: everySlots },
      retention: kept,
      meter: new StorageMeter(),
      republic: () => identity.republic,
      refoundedAt: () => 0,
      state: () => this.#state(),
      failed: (error) => this.failures.push(error),
    });
  }

  /** @param between Called once the log is read back. */
  async open(between: () => void = () => undefined): Promise<this> {
    const snapshot = async (slot: number): Promise<RepublicState | null> =>
      await this.snapshotFiles.state(slot, identity.republic);
    const expected = this.files.paths().length > 0;
    this.opened = await openJournal(this.files, { expected, snapshot });
    between();
    await this.snapshots.attach(this.opened.journal, 0);
    return this;
  }

  /** Has so many slots applied, by `part` too. */
  async apply(count: number, part: Counter | null): Promise<void> {
    assert.ok(this.opened !== null);
    const { journal, reached } = this.opened;
    for (let at = 0; at < count; at += 1) {
      const write = this.writer.write([100], { decided: this.writer.log.length });
      journal.append(write, this.writer.bodies);
      await reached(write.number);
      const effect = { kind: "none" } as const;
      const applied = write.decrees.map((decree): Applied => {
        return { decree, effect, government: 1, stateHash: "" };
      });
      this.#slot = applied.at(-1)?.decree.slot ?? 0;
      journal.past.note(applied);
      if (part !== null) part.slot = this.#slot;
      this.snapshots.note(applied);
    }
  }

  async made(slot: number): Promise<void> {
    while (this.opened?.journal.past.snapshots.at(-1) !== slot && this.failures.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.deepEqual(this.failures, []);
    // What is cleared away then is part of it.
    await this.snapshots.idle();
  }

  async close(): Promise<MemoryFiles> {
    await this.snapshots.close();
    await this.opened?.journal.close();
    return this.files;
  }

  #state(): RepublicState {
    const republic = { name: "town", identity: identity.republic };
    return { ...emptyRepublic(), republic, slot: this.#slot };
  }
}

test("a part is asked for the very slot, and restored to it in the next life", async () => {
  const first = await new Scene().open();
  const counter = new Counter();
  assert.equal(await first.snapshots.add(counter), 0);
  await first.apply(everySlots, counter);
  await first.made(everySlots);
  assert.deepEqual(counter.asked, [everySlots]);
  const second = await new Scene(await first.close()).open();
  const again = new Counter();
  assert.equal(await second.snapshots.add(again), everySlots);
  assert.equal(again.slot, everySlots);
  await second.close();
});

test("from a snapshot that is damaged a part goes back to the one before", async () => {
  const first = await new Scene().open();
  const counter = new Counter();
  await first.snapshots.add(counter);
  for (const slot of [everySlots, 2 * everySlots]) {
    await first.apply(everySlots, counter);
    await first.made(slot);
  }
  const files = await first.close();
  const path = first.snapshotFiles.path(2 * everySlots);
  const bytes = files.bytesOf(path).slice();
  const at = Buffer.from(bytes).indexOf("counted");
  bytes[at] = 0;
  const second = await new Scene(files).open();
  files.put(path, bytes);
  assert.equal(await second.snapshots.add(new Counter()), everySlots);
  await second.close();
});

test("a snapshot that rots while its node starts stops nobody, and none follows it", async () => {
  const first = await new Scene().open();
  const counter = new Counter();
  await first.snapshots.add(counter);
  await first.apply(everySlots, counter);
  await first.made(everySlots);
  const second = new Scene(await first.close());
  const path = second.snapshotFiles.path(everySlots);
  await second.open(() => {
    second.files.put(path, new Uint8Array(second.files.bytesOf(path).length));
  });
  second.writer.log.push(...first.writer.log);
  second.writer.number = second.opened?.recovered.writeLast ?? 0;
  await second.apply(2 * everySlots, null);
  await second.snapshots.idle();
  assert.deepEqual(second.opened?.journal.past.snapshots, [everySlots]);
  assert.deepEqual(second.failures, []);
  await second.close();
});

test("while a part of the last snapshot is missing there is no other", async () => {
  const first = await new Scene().open();
  const counter = new Counter();
  await first.snapshots.add(counter);
  await first.apply(everySlots, counter);
  await first.made(everySlots);
  const second = await new Scene(await first.close()).open();
  second.writer.log.push(...first.writer.log);
  second.writer.number = second.opened?.recovered.writeLast ?? 0;
  await second.apply(2 * everySlots, null);
  await second.snapshots.idle();
  assert.deepEqual(second.opened?.journal.past.snapshots, [everySlots]);
  assert.equal(await second.snapshots.add(new Counter()), everySlots);
  await second.apply(1, null);
  await second.snapshots.idle();
  assert.deepEqual(second.opened?.journal.past.snapshots, [everySlots, 3 * everySlots + 1]);
  await second.close();
});

test("a part that fails costs a snapshot, and not the node", async () => {
  const scene = await new Scene().open();
  const counter = new Counter();
  await scene.snapshots.add(counter);
  counter.failing = true;
  await scene.apply(everySlots, counter);
  await scene.snapshots.idle();
  assert.deepEqual(scene.opened?.journal.past.snapshots, []);
  assert.deepEqual(scene.failures, []);
  counter.failing = false;
  await scene.apply(everySlots, counter);
  await scene.made(2 * everySlots);
  assert.deepEqual(counter.asked, [everySlots, 2 * everySlots]);
  await scene.close();
});

test("two parts of one name, or a name that is none, are refused", async () => {
  const scene = await new Scene().open();
  await scene.snapshots.add(new Counter());
  await assert.rejects(scene.snapshots.add(new Counter()), { code: "KBZ_ARGUMENT" });
  const nameless = Object.assign(new Counter(), { name: "No name" });
  await assert.rejects(scene.snapshots.add(nameless), { code: "KBZ_ARGUMENT" });
  await scene.close();
});

/** Snapshots that are installed while state machines are still being restored from others. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { emptyRepublic, hashZero, InvariantViolation } from "../../consensus/index.ts";
import type { KibitzerError } from "../../src/kibitzer-error.ts";
import { StorageMeter } from "../../src/metrics/meter.ts";
import { silent } from "../../src/logger.ts";
import type { StateMachine } from "../../src/machine/state-machine.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import { writeSnapshot } from "../../src/snapshots/snapshot-writer.ts";
import { Snapshots } from "../../src/snapshots/snapshots.ts";
import { systemClock } from "../../src/system/system-clock.ts";
import { eventually } from "../processes/kit.ts";
import { hostOver, WrittenLog, type HostScene } from "../machine/host-scene.ts";
import { readText } from "../machine/read-text.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { identity, openJournal, Writer, type Opened } from "../storage/samples.ts";

const never = new AbortController().signal;

interface Restore {
  readonly end: () => void;
  readonly fail: () => void;
}

/** Counts entries; a restore ends when the test says so. */
class Counter implements StateMachine {
  count = 0;
  readonly #restores: (Restore & { readonly to: number })[] = [];

  apply(): void {
    this.count += 1;
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(`${this.count}`)];
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const to = Number(await readText(pieces));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#restores.push({ to, end: resolve, fail: () => reject(new Error("no room for it")) });
    await promise;
    this.count = to;
  }

  /** The latest restore, once it is one to this. */
  async restoring(to: number): Promise<Restore> {
    const latest = async (): Promise<Restore | null> => {
      const restore = this.#restores.at(-1);
      return restore?.to === to ? restore : null;
    };
    return await eventually(`a restore to ${to}`, latest, 5_000);
  }
}

/** Everything gets as far as it can, while the machine is at something else. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}

/** A node that lags: its log begins after whatever snapshot is installed. */
class Scene {
  readonly failures: KibitzerError[] = [];
  readonly machine: Counter = new Counter();
  readonly laggard: HostScene = hostOver(new WrittenLog(), this.machine, false);
  readonly snapshots: Snapshots;
  readonly #files: SnapshotFiles;
  readonly #opened: Opened;
  readonly #writer = new Writer();
  readonly #log = new WrittenLog();
  readonly #donor: HostScene = hostOver(this.#log, new Counter());

  private constructor(files: MemoryFiles, opened: Opened) {
    this.#files = new SnapshotFiles(files, "/data");
    this.#opened = opened;
    this.snapshots = new Snapshots({
      files: this.#files,
      clock: systemClock(),
      logger: silent,
      policy: { bytes: 1e9, slots: 1e9 },
      retention: { bytes: null, ageMs: null },
      meter: new StorageMeter(),
      republic: () => identity.republic,
      refoundedAt: () => 0,
      state: () => emptyRepublic(),
      failed: (error) => this.failures.push(error),
    });
  }

  static async open(t: TestContext): Promise<Scene> {
    const files = new MemoryFiles();
    const opened = await openJournal(files);
    const scene = new Scene(files, opened);
    await scene.snapshots.attach(opened.journal, 0);
    t.after(async () => {
      await scene.snapshots.close();
      await opened.journal.close();
      scene.#donor.over.abort();
      scene.laggard.over.abort();
    });
    return scene;
  }

  /** As when a snapshot after `slot` was downloaded. */
  async install(slot: number): Promise<void> {
    while (this.#log.slot < slot) this.#log.append(["entry"]);
    await this.#donor.host.reached({ slot }, never);
    const republic = { name: "town", identity: identity.republic };
    const state = { ...emptyRepublic(), republic, slot, index: slot };
    const { files, directory } = this.#files;
    this.#files.use(slot);
    await files.makeDirectory(directory);
    await writeSnapshot({
      files,
      path: this.#files.temporary(slot),
      republic: identity.republic,
      state,
      parts: [{ name: "machine", pieces: this.#donor.part.write(slot, never) }],
      pause: async () => undefined,
      signal: never,
    });
    await this.#files.adopt(slot, identity.republic);
    const { journal } = this.#opened;
    const base = { slot, hash: hashZero };
    const write = this.#writer.writeOf([], { base, decided: slot }, slot + 1);
    journal.append(write, this.#writer.bodies);
    journal.past.restart(state);
    this.snapshots.installed(state);
  }
}

test("what is installed during a restore is restored after it", async (t) => {
  const scene = await Scene.open(t);
  const { snapshots, machine, laggard } = scene;
  await snapshots.add(laggard.part);
  await scene.install(10);
  const first = await machine.restoring(10);
  await scene.install(20);
  await scene.install(30);
  await settled();
  first.end();
  (await machine.restoring(30)).end();
  await snapshots.idle();
  assert.deepEqual(scene.failures, []);
  assert.deepEqual([laggard.host.slot, machine.count], [30, 30]);
});

test("a restore that fails once it is overtaken is made up for by the next", async (t) => {
  const scene = await Scene.open(t);
  const { snapshots, machine, laggard } = scene;
  await snapshots.add(laggard.part);
  await scene.install(10);
  const first = await machine.restoring(10);
  await scene.install(20);
  await settled();
  first.fail();
  (await machine.restoring(20)).end();
  await snapshots.idle();
  assert.deepEqual(scene.failures, []);
  assert.deepEqual([laggard.host.slot, machine.count], [20, 20]);
});

test("what is installed while a machine is attached is restored, too", async (t) => {
  const scene = await Scene.open(t);
  const { snapshots, machine, laggard } = scene;
  await scene.install(10);
  await snapshots.idle();
  const adding = snapshots.add(laggard.part);
  const first = await machine.restoring(10);
  await scene.install(20);
  await settled();
  first.end();
  assert.equal(await adding, 10);
  (await machine.restoring(20)).end();
  await snapshots.idle();
  assert.deepEqual(scene.failures, []);
  assert.deepEqual([laggard.host.slot, machine.count], [20, 20]);
});

test("a machine that is attached goes on from what is just installed", async (t) => {
  const scene = await Scene.open(t);
  const { snapshots, machine, laggard } = scene;
  await scene.install(10);
  await snapshots.idle();
  await scene.install(20);
  const adding = snapshots.add(laggard.part);
  (await machine.restoring(20)).end();
  assert.equal(await adding, 20);
  await snapshots.idle();
  assert.deepEqual(scene.failures, []);
});

async function breakOne(): Promise<void> {
  throw new InvariantViolation("one restore after the other");
}

test("what is our own bug in a restore is called one, and not a failure of the disk", async (t) => {
  const scene = await Scene.open(t);
  const { snapshots, laggard } = scene;
  const write = (slot: number): AsyncIterable<Uint8Array> => laggard.part.write(slot, never);
  await snapshots.add({ name: "machine", write, restore: breakOne });
  await scene.install(10);
  await snapshots.idle();
  assert.deepEqual(
    scene.failures.map(({ code }) => code),
    ["KBZ_INVARIANT"],
  );
});

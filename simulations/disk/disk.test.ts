/** What the simulated disk keeps and loses: the promises of `FileSystem`, and nothing beyond. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FileSystem } from "../../src/world.ts";
import { SimulatedDisk, calmDisk } from "./disk.ts";
import { Prng } from "../prng.ts";
import type { PowerLoss } from "./simulated-file.ts";
import { Simulator, second, type Life } from "../simulator.ts";

const loseAll: PowerLoss = { survival: 0, torn: false, garbage: false };
const loseSome: PowerLoss = { survival: 0.5, torn: true, garbage: false };

class Bench {
  readonly simulator = new Simulator();
  readonly disk: SimulatedDisk;
  life: Life;
  files: FileSystem;

  constructor(seed: number | string = 1) {
    this.disk = new SimulatedDisk(this.simulator, "a", new Prng(seed));
    this.life = this.simulator.begin("a");
    this.files = this.disk.mount(this.life);
  }

  /** Lets `work` run under virtual time to its end, which must come within a minute. */
  async do<Value>(work: Promise<Value>): Promise<Value> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    work.then(end, end);
    assert.ok(await this.simulator.run(this.simulator.now + 60 * second, () => ended));
    return await work;
  }

  /** Ends the process; with `loss` the power goes too. Then a new process begins. */
  restart(loss: PowerLoss | null): void {
    this.life.end();
    if (loss !== null) this.disk.losePower(loss);
    this.life = this.simulator.begin("a");
    this.files = this.disk.mount(this.life);
  }

  async read(path: string): Promise<string | null> {
    return await this.do(
      (async () => {
        if (!(await this.files.exists(path))) return null;
        const file = await this.files.open(path, "read");
        const bytes = new Uint8Array(await file.size());
        await file.read(bytes, 0);
        await file.close();
        return Buffer.from(bytes).toString();
      })(),
    );
  }
}

/** Creates a file and writes to it; syncs what is asked for. */
async function put(
  files: FileSystem,
  path: string,
  text: string,
  sync: { readonly data: boolean; readonly directory: boolean },
): Promise<void> {
  await files.makeDirectory("data");
  const file = await files.open(path, "create");
  await file.write([Buffer.from(text)], 0);
  if (sync.data) await file.datasync();
  await file.close();
  if (sync.directory) await files.syncDirectory("data");
}

test("what was synced, name included, survives a loss of power (K1)", async () => {
  const bench = new Bench();
  await bench.do(put(bench.files, "data/x", "hello", { data: true, directory: true }));
  bench.restart(loseAll);
  assert.equal(await bench.read("data/x"), "hello");
});

test("data without a sync is lost (K1), a name without one too (K17)", async () => {
  const bench = new Bench();
  await bench.do(put(bench.files, "data/data", "hello", { data: false, directory: true }));
  await bench.do(put(bench.files, "data/name", "hello", { data: true, directory: true }));
  await bench.do(put(bench.files, "data/lost", "hello", { data: true, directory: false }));
  bench.restart(loseAll);
  assert.equal(await bench.read("data/data"), "");
  assert.equal(await bench.read("data/name"), "hello");
  assert.equal(await bench.read("data/lost"), null);
});

test("a file that is put back is settled no further than it was", async () => {
  const bench = new Bench();
  const write = async (): Promise<void> => {
    await bench.files.makeDirectory("data");
    const file = await bench.files.open("data/log", "create");
    for (const position of [0, 10, 20]) {
      await file.write([new Uint8Array(10).fill(1)], position);
      await file.datasync();
    }
    await file.close();
  };
  await bench.do(write());
  const settled = (): number | undefined => bench.disk.directories.file("data/log")?.settled;
  assert.equal(settled(), 20);
  bench.disk.restore(bench.disk.image());
  assert.equal(settled(), 20);
});

test("a killed process loses nothing that it had written", async () => {
  const bench = new Bench();
  await bench.do(put(bench.files, "data/x", "hello", { data: false, directory: false }));
  bench.restart(null);
  assert.equal(await bench.read("data/x"), "hello");
  bench.restart(loseAll);
  assert.equal(await bench.read("data/x"), null);
});

test("a renaming is seen at once and durable only with its directory", async () => {
  const bench = new Bench();
  const both = { data: true, directory: true };
  await bench.do(put(bench.files, "data/new", "new", both));
  await bench.do(put(bench.files, "data/old", "old", both));
  await bench.do(bench.files.rename("data/new", "data/old"));
  assert.equal(await bench.read("data/old"), "new");
  bench.restart(loseAll);
  assert.equal(await bench.read("data/old"), "old");
  await bench.do(bench.files.rename("data/new", "data/old"));
  await bench.do(bench.files.syncDirectory("data"));
  bench.restart(loseAll);
  assert.equal(await bench.read("data/old"), "new");
  assert.deepEqual(await bench.do(bench.files.list("data")), ["old"]);
});

test("of unsynced sectors any subset survives, and torn ones hold a prefix (K2, K3)", async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 200; seed += 1) {
    const bench = new Bench(seed);
    await bench.do(put(bench.files, "data/x", "a".repeat(1024), { data: true, directory: true }));
    const file = await bench.do(bench.files.open("data/x", "write"));
    await bench.do(file.write([Buffer.from("b".repeat(1024))], 0));
    bench.restart(loseSome);
    const text = await bench.read("data/x");
    assert.match(text ?? "", /^b*a*$|^a{512}b*a*$|^b*a{1,512}b*a*$/);
    outcomes.add(
      `${text?.[0]}${text?.[512]}${/^b+a+$/.test(text?.slice(0, 512) ?? "") ? "t" : ""}`,
    );
  }
  for (const outcome of ["aa", "ab", "ba", "bb", "bat"]) assert.ok(outcomes.has(outcome), outcome);
});

test("after a failed sync the next one says ok and lies (K13)", async () => {
  let lied = 0;
  for (let seed = 0; seed < 20; seed += 1) {
    const bench = new Bench(seed);
    await bench.do(put(bench.files, "data/x", "", { data: true, directory: true }));
    const file = await bench.do(bench.files.open("data/x", "write"));
    await bench.do(file.write([Buffer.from("hello")], 0));
    bench.disk.faults = { ...calmDisk, syncErrorChance: 1 };
    await assert.rejects(bench.do(file.datasync()), { code: "EIO" });
    bench.disk.faults = calmDisk;
    await bench.do(file.datasync());
    assert.equal(await bench.read("data/x"), "hello");
    bench.restart(loseAll);
    if ((await bench.read("data/x")) !== "hello") lied += 1;
  }
  assert.ok(lied > 0 && lied < 20, `${lied} of 20`);
});

test("a full disk refuses growth and takes overwriting (K15)", async () => {
  const bench = new Bench();
  await bench.do(put(bench.files, "data/x", "hello", { data: true, directory: true }));
  bench.disk.capacity = bench.disk.bytesUsed();
  const file = await bench.do(bench.files.open("data/x", "write"));
  await bench.do(file.write([Buffer.from("HELLO")], 0));
  await assert.rejects(bench.do(file.write([Buffer.from("!")], 5)), { code: "ENOSPC" });
  await assert.rejects(bench.do(bench.files.open("data/y", "create")), { code: "ENOSPC" });
  bench.disk.capacity = Number.MAX_SAFE_INTEGER;
  await bench.do(file.write([Buffer.from("!")], 5));
  assert.equal(await bench.read("data/x"), "HELLO!");
});

test("a lock has one holder, and a dead process holds none (K22)", async () => {
  const bench = new Bench();
  await bench.do(bench.files.makeDirectory("data"));
  const held = await bench.do(bench.files.lock("data/lock"));
  const other = bench.disk.mount(bench.simulator.begin("b"));
  await assert.rejects(bench.do(other.lock("data/lock")), { code: "KBZ_IN_USE" });
  await bench.do(Promise.resolve(held[Symbol.asyncDispose]()));
  await bench.do(other.lock("data/lock"));
  await assert.rejects(bench.do(bench.files.lock("data/lock")), { code: "KBZ_IN_USE" });
  bench.restart(null);
  await assert.rejects(bench.do(bench.files.lock("data/lock")), { code: "KBZ_IN_USE" });
});

test("a call of a dead process never resolves", async () => {
  const bench = new Bench();
  await bench.do(bench.files.makeDirectory("data"));
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  bench.files.list("data").then(settle, settle);
  bench.life.end();
  bench.files.list("data").then(settle, settle);
  await bench.simulator.run(bench.simulator.now + second);
  assert.equal(settled, false);
});

test("files behave like arrays of bytes, whatever is written, cut or synced", async () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant("write"), at: fc.nat(9000), length: fc.nat(5000) }),
    fc.record({ kind: fc.constant("truncate"), at: fc.nat(9000), length: fc.constant(0) }),
    fc.record({ kind: fc.constant("sync"), at: fc.constant(0), length: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 20 }), async (commands) => {
      const bench = new Bench();
      await bench.do(bench.files.makeDirectory("data"));
      const file = await bench.do(bench.files.open("data/x", "create"));
      let model = Buffer.alloc(0);
      const resize = (size: number): Buffer<ArrayBuffer> => {
        const resized = Buffer.alloc(size);
        model.copy(resized);
        return resized;
      };
      for (const [number, { kind, at, length }] of commands.entries()) {
        if (kind === "sync") await bench.do(file.datasync());
        else if (kind === "truncate") {
          await bench.do(file.truncate(at));
          model = resize(at);
        } else {
          const bytes = Buffer.alloc(length, 1 + (number % 255));
          await bench.do(file.write([bytes.subarray(0, 7), bytes.subarray(7)], at));
          model = resize(Math.max(model.length, length === 0 ? 0 : at + length));
          bytes.copy(model, at);
        }
      }
      await bench.do(file.datasync());
      await bench.do(bench.files.syncDirectory("data"));
      bench.restart(loseAll);
      assert.deepEqual(Buffer.from(bench.disk.peek("data/x") ?? []), model);
    }),
    { numRuns: 100 },
  );
});

test("whoever syncs again what it was told had failed is reported (D6)", async () => {
  const bench = new Bench();
  const told: (Life | string)[] = [];
  bench.disk.syncWatcher = {
    failed: (life) => told.push(life),
    repeated: (path) => told.push(path),
  };
  const file = await bench.do(bench.files.open("log", "create"));
  bench.disk.faults = { ...calmDisk, syncErrorChance: 1 };
  await assert.rejects(bench.do(file.datasync()), { code: "EIO" });
  bench.disk.faults = calmDisk;
  const other = await bench.do(bench.files.open("other", "create"));
  await bench.do(other.datasync());
  assert.deepEqual(told, [bench.life]);
  await bench.do(file.datasync());
  assert.deepEqual(told, [bench.life, "log"]);
});

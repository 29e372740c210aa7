/**
 * A survivor that goes on alone: what is kept, what is said, and that a crash before any single
 * call to the disk leaves the old republic or the new one, whole.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  emptyRepublic,
  hashDecree,
  hashZero,
  Republic,
  type Ballot,
  type Decree,
  type Value,
} from "../../consensus/index.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { recover, type RecoveryReport } from "../../src/refounding/recover.ts";
import { Bodies } from "../../src/storage/bodies.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import { recordNames } from "../../src/storage/staging.ts";
import type { Chance, World } from "../../src/world.ts";
import { everything, MemoryFiles, nothing } from "./memory-files.ts";
import { batchOf } from "./samples.ts";

const path = "/data";
const identity = "00112233445566aa";
const cookies = ["a0", "b0", "c0"].map((each) => each.padEnd(16, "0"));
const accepted: Ballot = { government: 2, round: 4, id: "b" };
const storage = { segmentBytesFirst: 16_384, segmentBytesMax: 16_384 };

function citizen(
  id: string,
  at: number,
): {
  readonly id: string;
  readonly cookie: string;
  readonly url: string;
  readonly properties: Readonly<Record<string, string>>;
} {
  return { id, cookie: cookies[at] ?? "", url: `ws://${id}:7700`, properties: { zone: id } };
}

const body = new TextEncoder().encode("\u0002\u0000\u0000\u0000hi");

function values(): readonly Value[] {
  return [
    {
      kind: "bootstrap",
      republic: { name: "r", identity },
      founder: citizen("a", 0),
      parliamentSize: 3,
    },
    { kind: "registration", nonce: cookies[0] ?? "" },
    { kind: "admission", citizen: citizen("b", 1) },
    { kind: "admission", citizen: citizen("c", 2) },
    { kind: "succession", government: 2, parliament: ["a", "b", "c"], leader: "b", leaving: [] },
    ...[1, 2, 3, 4].map((sequence) => ({ ...batchOf(body, sequence), publisher: 2 })),
  ];
}

function logOf(all: readonly Value[]): readonly Decree[] {
  let hash = hashZero;
  return all.map((value, at) => {
    const unhashed = { slot: at + 1, time: at, when: 1, value };
    hash = hashDecree(hash, unhashed);
    return { ...unhashed, hash };
  });
}

/** Draws what looks like chance, the same each time. */
function chance(from: number): Chance {
  let drawn = from;
  return { fraction: () => 0.5, hex16: () => (drawn += 1).toString(16).padStart(16, "0") };
}

function worldOf(files: MemoryFiles, from = 0xf0): Pick<World, "files" | "chance" | "clock"> {
  const never = { cancel: (): void => undefined };
  const clock = { now: () => 0, wall: () => 77, after: () => never, soon: () => undefined };
  return { files, chance: chance(from), clock };
}

/** The directory of `a`: nine slots, seven known to be decided, and what it has heard of `b`. */
async function survivor(heardLength = 9): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const directory = await DataDirectory.open({
    files,
    path,
    chance: { fraction: () => 0.5, hex16: () => cookies[0] ?? "" },
    id: "a",
    listen: ["ws://a:7700"],
  });
  await directory.belongTo({ name: "r", identity }, null);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { journal } = await directory.openJournal({
    onPersisted: () => resolve(),
    onFailed: reject,
    ...storage,
  });
  const decrees = logOf(values());
  const bodies = new Bodies();
  for (const { value } of decrees) if (value.kind === "batch") bodies.set(value, body);
  const heard = [
    { id: "b", cookie: cookies[1] ?? "", starts: 1, promised: accepted, accepted, length: 9 },
    { id: "c", cookie: "90ee000000000000", starts: 1, promised: accepted, accepted, length: 99 },
  ].map((each) => (each.id === "b" ? { ...each, length: heardLength } : each));
  const promised = { ...accepted, round: 9 };
  journal.append(
    { number: 1, promised, accepted, slotFirst: 1, decrees, decided: 7, heard, lostUpTo: 0 },
    bodies,
  );
  await promise;
  await journal.close();
  files.put(`${path}/recording/recording-1`, Uint8Array.of(1));
  await files.makeDirectory(`${path}/recording`);
  await directory[Symbol.asyncDispose]();
  return files;
}

interface Found {
  readonly identity: string;
  readonly cookie: string;
  readonly log: readonly Decree[];
  readonly decided: number;
}

/** What a start finds in the directory. */
async function found(files: MemoryFiles): Promise<Found> {
  const directory = await DataDirectory.open({ files, path, chance: chance(0x5000) });
  const { journal, recovered } = await directory.openJournal({
    onPersisted: () => undefined,
    onFailed: assert.fail,
    ...storage,
  });
  const log: Decree[] = [];
  for await (const framed of journal.scan(1, recovered.length)) {
    if (framed.decree.value.kind === "batch") assert.deepEqual(framed.body, body);
    log.push(framed.decree);
  }
  await journal.close();
  await directory[Symbol.asyncDispose]();
  const { republic, cookie } = directory.record;
  return { identity: republic?.identity ?? "", cookie, log, decided: recovered.decided };
}

async function forced(files: MemoryFiles, from?: number): Promise<RecoveryReport> {
  const world = worldOf(files, from);
  return await recover({ directory: path, forceNewGovernment: true, storage, world });
}

describe("a survivor that is only looked at", () => {
  test("says what it holds, and stays what it was", async () => {
    const files = await survivor();
    const report = await recover({ directory: path, storage, world: worldOf(files) });
    assert.deepEqual(report, {
      id: "a",
      before: { name: "r", identity },
      republic: null,
      accepted,
      length: 9,
      decided: { slot: 7, index: 2 },
      undecided: { slots: 2, entries: 2 },
      index: 4,
      government: { number: 2, parliament: ["a", "b", "c"] },
      hadSeat: true,
      ahead: [],
      aside: null,
    });
    const { identity: still, log, decided } = await found(files);
    assert.equal(still, identity);
    assert.deepEqual(log, logOf(values()));
    assert.equal(decided, 7);
  });

  test("names the members that held more", async () => {
    const files = await survivor(12);
    const { ahead } = await recover({ directory: path, storage, world: worldOf(files) });
    assert.deepEqual(ahead, [{ id: "b", accepted, length: 12 }]);
  });

  const refusals: readonly (readonly [string, string, (files: MemoryFiles) => unknown])[] = [
    ["in use", "KBZ_IN_USE", async (files) => await files.lock(`${path}/lock`)],
    [
      "no node's",
      "KBZ_NOT_FOUND",
      (files) => {
        for (const name of recordNames) files.delete(`${path}/${name}`);
      },
    ],
    [
      "amnesiac",
      "KBZ_DAMAGED",
      (files) => {
        for (const name of ["promise-1", "promise-2"]) files.delete(`${path}/${name}`);
      },
    ],
    [
      "without its journal",
      "KBZ_DAMAGED",
      (files) => {
        for (const name of ["manifest", "manifest-2"]) files.delete(`${path}/journal/${name}`);
      },
    ],
  ];
  for (const [what, code, harm] of refusals) {
    test(`is refused when its directory is ${what}`, async () => {
      const files = await survivor();
      await harm(files);
      await assert.rejects(forced(files), { code });
    });
  }

  test("is refused when it never was in a republic", async () => {
    const files = new MemoryFiles();
    const directory = await DataDirectory.open({ files, path, chance: chance(1), id: "a" });
    await directory[Symbol.asyncDispose]();
    await assert.rejects(forced(files), { code: "KBZ_NOT_FOUND" });
  });
});

describe("a survivor that goes on", () => {
  test("keeps all of its log, decided, under a new identity and cookie", async () => {
    const files = await survivor();
    const report = await forced(files);
    assert.deepEqual(report.republic, { name: "r", identity: "00000000000000f1" });
    const { identity: now, cookie, log, decided } = await found(files);
    assert.equal(now, "00000000000000f1");
    assert.equal(cookie, "00000000000000f2");
    assert.deepEqual(log.slice(0, 9), logOf(values()));
    assert.equal(decided, 10);
    assert.deepEqual(log[9]?.value, {
      kind: "refounding",
      cause: "recovered",
      republic: report.republic,
      founder: { ...citizen("a", 0), cookie },
      government: 3,
    });
    const republic = new Republic(emptyRepublic());
    for (const decree of log) republic.apply(decree);
    assert.equal(republic.index, 4);
    assert.equal(republic.hash, hashDecree(log[8]?.hash ?? "", log[9] ?? assert.fail()));
  });

  test("leaves the old files whole beside, and nothing else", async () => {
    const files = await survivor();
    const { aside } = await forced(files);
    assert.equal(aside, `${path}/before-${identity}`);
    const copy = new MemoryFiles();
    for (const name of files.paths()) {
      if (name.startsWith(`${aside}/`)) {
        copy.put(path + name.slice(aside?.length), files.bytesOf(name));
      }
    }
    const { log, identity: old } = await found(copy);
    assert.equal(old, identity);
    assert.deepEqual(log, logOf(values()));
    const outside = files.paths().filter((name) => !name.startsWith(`${aside}/`));
    const kinds = new Set(outside.map((name) => name.replace(/-\d+$/, "")));
    assert.deepEqual([...kinds].toSorted(), [
      `${path}/journal/manifest`,
      `${path}/journal/segment`,
      `${path}/node`,
      `${path}/promise`,
    ]);
  });

  test("may have to do so again, and keeps what each time left", async () => {
    const files = await survivor();
    await forced(files);
    const again = await forced(files, 0x700);
    assert.equal(again.aside, `${path}/before-00000000000000f1`);
    assert.equal(again.before.identity, "00000000000000f1");
    assert.equal(again.length, 10);
    const { log } = await found(files);
    assert.deepEqual(
      log.slice(9).map(({ value }) => value.kind === "refounding" && value.government),
      [3, 4],
    );
    assert.ok(files.paths().includes(`${path}/before-${identity}/node`));
  });
});

/** Recovers up to the call, and gives what is left. */
async function crashed(last: number, isPowerLoss: boolean): Promise<MemoryFiles> {
  const files = await survivor();
  let made = 0;
  let left: MemoryFiles | null = null;
  const stop = new Error("crashed");
  files.before = () => {
    made += 1;
    if (made < last) return;
    left ??= isPowerLoss ? files.powerLost(last % 2 === 0 ? nothing : everything) : files.killed();
    throw stop;
  };
  await assert.rejects(forced(files), (error) => error === stop || error instanceof KibitzerError);
  return left ?? assert.fail();
}

describe("a crash before any call to the disk", () => {
  let calls = 0;
  before(async () => {
    const files = await survivor();
    files.before = () => void (calls += 1);
    await forced(files);
    assert.ok(calls > 60, `${calls} calls`);
  });

  for (const isPowerLoss of [false, true]) {
    test(`leaves old or new, whole (${isPowerLoss ? "power" : "process"})`, async () => {
      const seen = new Set<string>();
      let isNew = false;
      for (let last = 1; last <= calls; last += 1) {
        const left = await crashed(last, isPowerLoss);
        const { identity: now, log, decided } = await found(left);
        seen.add(now);
        assert.deepEqual(log.slice(0, 9), logOf(values()), `call ${last}`);
        if (now === identity) {
          assert.ok(!isNew, `call ${last}: the old one after the new one`);
          assert.equal(log.length, 9);
          // Nothing of the attempt is left, and the next one succeeds.
          assert.ok(!left.paths().some((name) => /\/(refounding|before-)/.test(name)));
          if (last % 5 === 0) assert.equal((await forced(left)).length, 9);
        } else {
          isNew = true;
          assert.equal(log.length, 10);
          assert.equal(decided, 10);
          assert.ok(!left.paths().some((name) => name.includes("/refounding")));
          assert.ok(left.paths().includes(`${path}/before-${identity}/journal/manifest`));
        }
      }
      assert.equal(seen.size, 2);
    });
  }
});

/**
 * A restore from a backup that begins with a snapshot: a crash before any single call to the disk
 * leaves nothing of it, or the new republic with its snapshot, whole.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { writeBackup } from "../../src/backup/backup-writing.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { restore, type RestoreReport } from "../../src/refounding/restore.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import type { World } from "../../src/world.ts";
import { collect, inChunks } from "../backup/cut-log.ts";
import { snapshotOf, sourceOf } from "../backup/small-log.ts";
import { everything, MemoryFiles, nothing } from "./memory-files.ts";

const path = "/data";
const cut = 4;
const storage = { segmentBytesFirst: 16_384, segmentBytesMax: 16_384 };
let backup = new Uint8Array(0);

before(async () => {
  const made = await collect(writeBackup(sourceOf(cut, await snapshotOf(cut)), {}));
  backup = Uint8Array.from(made.bytes);
});

function worldOf(files: MemoryFiles): Pick<World, "files" | "chance" | "clock"> {
  let drawn = 0xf0;
  const hex16 = (): string => (drawn += 1).toString(16).padStart(16, "0");
  const never = { cancel: (): void => undefined };
  const clock = { now: () => 0, wall: () => 77, after: () => never, soon: () => undefined };
  return { files, chance: { fraction: () => 0.5, hex16 }, clock };
}

async function restored(files: MemoryFiles, bytes = backup, id = "z"): Promise<RestoreReport> {
  const place = { directory: path, id, listen: ["ws://z:7700"], storage };
  return await restore({ backup: inChunks(bytes, 100), ...place, world: worldOf(files) });
}

/** The identity in force, after what was interrupted was seen through or undone; null for none. */
async function inForce(files: MemoryFiles): Promise<string | null> {
  const { chance } = worldOf(files);
  await using directory = await DataDirectory.open({ files, path, chance, id: "z" });
  return directory.record.republic?.identity ?? null;
}

async function assertWhole(files: MemoryFiles, identity: string): Promise<void> {
  const { chance } = worldOf(files);
  await using directory = await DataDirectory.open({ files, path, chance, id: "z" });
  const { journal } = await directory.openJournal({
    onPersisted: () => undefined,
    onFailed: assert.fail,
    ...storage,
  });
  try {
    assert.equal(journal.past.slotFirst, cut + 1);
    const slots: number[] = [];
    for await (const { decree } of journal.scan(cut + 1, cut + 2)) slots.push(decree.slot);
    assert.deepEqual(slots, [cut + 1, cut + 2]);
  } finally {
    await journal.close();
  }
  const snapshots = new SnapshotFiles(files, path);
  assert.equal((await snapshots.wholeState(cut, identity))?.index, 1);
  const pieces: Uint8Array[] = [];
  for await (const piece of (await snapshots.part(cut, identity, "machine")) ?? []) {
    pieces.push(piece);
  }
  assert.deepEqual(Buffer.concat(pieces), Buffer.alloc(900, 7));
}

const leftovers = /refounding|before-|snapshot|journal|promise|\.tmp/;

describe("a crash before any call to the disk", () => {
  let calls = 0;
  before(async () => {
    const files = new MemoryFiles();
    files.before = () => void (calls += 1);
    const { indexFirst, republic } = await restored(files);
    files.before = () => undefined;
    assert.equal(indexFirst, 2);
    assert.ok(calls > 60, `${calls} calls`);
    await assertWhole(files, republic.identity);
  });

  for (const isPowerLoss of [false, true]) {
    test(`leaves nothing, or all of it (${isPowerLoss ? "power" : "process"})`, async () => {
      const seen = new Set<string>();
      for (let last = 1; last <= calls; last += 1) {
        const files = new MemoryFiles();
        let made = 0;
        let left: MemoryFiles | null = null;
        const stop = new Error("crashed");
        files.before = () => {
          made += 1;
          if (made < last) return;
          const survives = last % 2 === 0 ? nothing : everything;
          left ??= isPowerLoss ? files.powerLost(survives) : files.killed();
          throw stop;
        };
        // What only tidies up behind it may fail unseen.
        await restored(files).catch((error: unknown) => {
          assert.ok(error === stop || error instanceof KibitzerError, String(error));
        });
        const disk: MemoryFiles = left ?? assert.fail();
        const identity = await inForce(disk);
        seen.add(identity === null ? "nothing" : "all");
        if (identity !== null) await assertWhole(disk, identity);
        else {
          assert.doesNotMatch(disk.paths().join(" "), leftovers, `call ${last}`);
          const { republic } = await restored(disk);
          await assertWhole(disk, republic.identity);
        }
      }
      assert.deepEqual([...seen].toSorted(), ["all", "nothing"]);
    });
  }
});

test("of a backup that is damaged, or cut off, nothing stays", async () => {
  for (let at = 0; at < backup.length; at += 7) {
    const changed = Uint8Array.from(backup);
    changed[at] = (changed[at] ?? 0) ^ 1;
    for (const bytes of [changed, backup.subarray(0, at)]) {
      const files = new MemoryFiles();
      const refused = { code: /^KBZ_(DAMAGED|VERSION)$/ };
      await assert.rejects(restored(files, Uint8Array.from(bytes)), refused);
      assert.doesNotMatch(files.paths().join(" "), leftovers, `byte ${at}`);
      assert.doesNotMatch(files.paths().join(" "), /\/node/, "nor who was to found it");
    }
  }
  const files = new MemoryFiles();
  await assert.rejects(restored(files, backup.subarray(0, -1)), { code: "KBZ_DAMAGED" });
  assert.equal((await restored(files, backup, "y")).id, "y");
});

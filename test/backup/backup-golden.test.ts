/**
 * Small backups as the bytes that each format version has: they must stay readable for as long as
 * the rule of docs/upgrading.md says. `REWRITE=1` writes the files anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { verifyBackup } from "../../src/backup/backup-reading.ts";
import { writeBackup } from "../../src/backup/backup-writing.ts";
import { version } from "../../src/version.ts";
import { collect, inChunks } from "./cut-log.ts";
import { identity, log, snapshotOf, sourceOf } from "./small-log.ts";

async function written(cut: number): Promise<Uint8Array> {
  const snapshot = cut === 0 ? new Uint8Array(0) : await snapshotOf(cut);
  return (await collect(writeBackup(sourceOf(cut, snapshot), {}))).bytes;
}

for (const [format, cut] of [
  [1, 0],
  [2, 4],
] as const) {
  test(`the bytes of version ${format} are read as what they were written for`, async () => {
    const file = join(import.meta.dirname, `../golden/backup-v${format}.txt`);
    if (process.env["REWRITE"] === "1") {
      writeFileSync(file, `${Buffer.from(await written(cut)).toString("hex")}\n`);
    }
    const golden = Buffer.from(readFileSync(file, "utf8").trim(), "hex");
    const { bytes, ...summary } = await verifyBackup(inChunks(golden));
    assert.equal(bytes, golden.length);
    assert.deepEqual(summary, {
      republic: { name: "r", identity },
      slotFirst: cut + 1,
      indexFirst: cut === 0 ? 1 : 2,
      slot: 5,
      index: 1,
      hash: log().at(-1)?.decree.hash,
      when: 1_700_000_000_000,
      version: "0.1.0",
    });
    // Of this very release they are the bytes that it writes.
    if (version === "0.1.0") assert.deepEqual(Buffer.from(await written(cut)), golden);
  });
}

/**
 * A small backup as the bytes that format version 1 has: they must stay readable for as long as the
 * rule of docs/upgrading.md says. `REWRITE=1` writes the file anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hashDecree, hashZero, type Value } from "../../consensus/index.ts";
import { verifyBackup } from "../../src/backup/backup-reading.ts";
import { writeBackup } from "../../src/backup/backup-writing.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { version } from "../../src/version.ts";
import { batchOf } from "../storage/samples.ts";

const file = join(import.meta.dirname, "../golden/backup-v1.txt");
const cookie = "0123456789abcdef";
const body = Uint8Array.of(2, 0, 0, 0, 0x68, 0x69);
const founder = { id: "a", cookie, url: "ws://a:7700", properties: { zone: "x" } };

function log(): readonly FramedDecree[] {
  const values: readonly Value[] = [
    { kind: "bootstrap", republic: { name: "r", identity: cookie }, founder, parliamentSize: 3 },
    { kind: "opening" },
    { kind: "registration", nonce: cookie },
    batchOf(body, 1),
    {
      kind: "refounding",
      cause: "recovered",
      republic: { name: "r", identity: "fedcba9876543210" },
      founder: { ...founder, cookie: "fedcba9876543210" },
      government: 2,
    },
  ];
  let hash = hashZero;
  return values.map((value, at) => {
    const unhashed = { slot: at + 1, time: 10 * at, when: 1_700_000_000_000, value };
    hash = hashDecree(hash, unhashed);
    return { decree: { ...unhashed, hash }, body: value.kind === "batch" ? body : null };
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

async function written(): Promise<Uint8Array> {
  const all = log();
  const source = {
    barrier: () => Promise.resolve({ slot: all.length }),
    when: () => 1_700_000_000_000,
    decrees: (first: number, last: number) => Promise.resolve(all.slice(first - 1, last)),
    snapshot: () => Promise.reject(new Error("nothing of the log was removed")),
  };
  const pieces: Uint8Array[] = [];
  for await (const piece of writeBackup(source, {})) pieces.push(piece);
  return Buffer.concat(pieces);
}

test("the bytes of version 1 are read as what they were written for", async () => {
  if (process.env["REWRITE"] === "1") {
    writeFileSync(file, `${Buffer.from(await written()).toString("hex")}\n`);
  }
  const golden = Buffer.from(readFileSync(file, "utf8").trim(), "hex");
  const { bytes, ...summary } = await verifyBackup(once(golden));
  assert.equal(bytes, golden.length);
  assert.deepEqual(summary, {
    republic: { name: "r", identity: "fedcba9876543210" },
    slotFirst: 1,
    indexFirst: 1,
    slot: 5,
    index: 1,
    hash: log().at(-1)?.decree.hash,
    when: 1_700_000_000_000,
    version: "0.1.0",
  });
  // Of this very release they are the bytes that it writes.
  if (version === "0.1.0") assert.deepEqual(Buffer.from(await written()), golden);
});

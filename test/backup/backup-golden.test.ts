/**
 * Small backups as the bytes that each format version has: they must stay readable for as long as
 * the rule of docs/upgrading.md says. `REWRITE=1` writes the files anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { emptyRepublic, hashDecree, hashZero, Republic, type Value } from "../../consensus/index.ts";
import { verifyBackup } from "../../src/backup/backup-reading.ts";
import { writeBackup } from "../../src/backup/backup-writing.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { writeSnapshot } from "../../src/snapshots/snapshot-writer.ts";
import { version } from "../../src/version.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { batchOf } from "../storage/samples.ts";

const golden = (format: number): string =>
  join(import.meta.dirname, `../golden/backup-v${format}.txt`);
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

/** @param cut The slots that were removed, for which a snapshot stands; 0 for none. */
async function written(cut: number): Promise<Uint8Array> {
  const all = log();
  const snapshot = cut === 0 ? new Uint8Array(0) : await snapshotOf(cut);
  const gone = new KibitzerError("KBZ_TRUNCATED", "gone", { retryable: false, outcome: "none" });
  const source = {
    barrier: () => Promise.resolve({ slot: all.length }),
    when: () => 1_700_000_000_000,
    decrees: (first: number, last: number) =>
      first <= cut ? Promise.reject(gone) : Promise.resolve(all.slice(first - 1, last)),
    snapshot: (_slot: number | null, offset: number) =>
      Promise.resolve({ size: snapshot.length, bytes: snapshot.subarray(offset, offset + 500) }),
  };
  const pieces: Uint8Array[] = [];
  for await (const piece of writeBackup(source, {})) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** As a node has it after `slot`, with the state of one machine. */
async function snapshotOf(slot: number): Promise<Uint8Array> {
  const republic = new Republic(emptyRepublic());
  for (const { decree } of log().slice(0, slot)) republic.apply(decree);
  const files = new MemoryFiles();
  await writeSnapshot({
    files,
    path: "snapshot",
    republic: "fedcba9876543210",
    state: republic.state(),
    parts: [{ name: "machine", pieces: once(new Uint8Array(900).fill(7)) }],
    pause: async () => {},
    signal: new AbortController().signal,
  });
  return files.bytesOf("snapshot");
}

for (const [format, cut] of [
  [1, 0],
  [2, 4],
] as const) {
  test(`the bytes of version ${format} are read as what they were written for`, async () => {
    const file = golden(format);
    if (process.env["REWRITE"] === "1") {
      writeFileSync(file, `${Buffer.from(await written(cut)).toString("hex")}\n`);
    }
    const kept = Buffer.from(readFileSync(file, "utf8").trim(), "hex");
    const { bytes, ...summary } = await verifyBackup(once(kept));
    assert.equal(bytes, kept.length);
    assert.deepEqual(summary, {
      republic: { name: "r", identity: "fedcba9876543210" },
      slotFirst: cut + 1,
      indexFirst: cut === 0 ? 1 : 2,
      slot: 5,
      index: 1,
      hash: log().at(-1)?.decree.hash,
      when: 1_700_000_000_000,
      version: "0.1.0",
    });
    // Of this very release they are the bytes that it writes.
    if (version === "0.1.0") assert.deepEqual(Buffer.from(await written(cut)), kept);
  });
}

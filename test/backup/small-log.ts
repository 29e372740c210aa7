/** A log of five decrees and its snapshots, as bytes that are always the same. */
import {
  emptyRepublic,
  hashDecree,
  hashZero,
  Republic,
  type Value,
} from "../../consensus/index.ts";
import type { BackupSource } from "../../src/backup/backup-writing.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { writeSnapshot } from "../../src/snapshots/snapshot-writer.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { batchOf } from "../storage/samples.ts";

const cookie = "0123456789abcdef";
/** The republic's after the last decree. */
export const identity = "fedcba9876543210";
const body = Uint8Array.of(2, 0, 0, 0, 0x68, 0x69);
const founder = { id: "a", cookie, url: "ws://a:7700", properties: { zone: "x" } };

export function log(): readonly FramedDecree[] {
  const values: readonly Value[] = [
    { kind: "bootstrap", republic: { name: "r", identity: cookie }, founder, parliamentSize: 3 },
    { kind: "opening" },
    { kind: "registration", nonce: cookie },
    batchOf(body, 1),
    {
      kind: "refounding",
      cause: "recovered",
      republic: { name: "r", identity },
      founder: { ...founder, cookie: identity },
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

/** As a node has it after `slot`, with the state of machines: each 900 times `fill`. */
export async function snapshotOf(
  slot: number,
  { fill = 7, republic = identity, parts = 1 } = {},
): Promise<Uint8Array> {
  const fold = new Republic(emptyRepublic());
  for (const { decree } of log().slice(0, slot)) fold.apply(decree);
  const files = new MemoryFiles();
  await writeSnapshot({
    files,
    path: "snapshot",
    republic,
    state: fold.state(),
    parts: Array.from({ length: parts }, (_, at) => ({
      name: `machine${at === 0 ? "" : at}`,
      pieces: once(new Uint8Array(900).fill(fill)),
    })),
    pause: async () => {},
    signal: new AbortController().signal,
  });
  return files.bytesOf("snapshot");
}

/** @param cut The slots that were removed; 0 for none. */
export function sourceOf(
  cut: number,
  snapshot: Uint8Array,
  over: Partial<BackupSource> = {},
): BackupSource {
  const all = log();
  const gone = new KibitzerError("KBZ_TRUNCATED", "gone", { retryable: false, outcome: "none" });
  return {
    barrier: () => Promise.resolve({ slot: all.length }),
    when: () => 1_700_000_000_000,
    decrees: (first, last) =>
      first <= cut ? Promise.reject(gone) : Promise.resolve(all.slice(first - 1, last)),
    snapshot: (_slot, offset) => Promise.resolve(pieceOf(snapshot, offset)),
    ...over,
  };
}

export function pieceOf(
  bytes: Uint8Array,
  offset: number,
): { readonly size: number; readonly bytes: Uint8Array } {
  return { size: bytes.length, bytes: bytes.subarray(offset, offset + 500) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

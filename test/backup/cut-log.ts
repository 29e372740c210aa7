/** A node whose log was cut, and its backups: what the tests of those share. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Kibitzer, type BackupSummary, type StateMachine } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";

/** Small, so that a log is cut soon. */
export const small = {
  record: false,
  snapshot: { bytes: 16_384 },
  retain: { bytes: 32_768 },
  storage: { segmentBytesFirst: 16_384, segmentBytesMax: 16_384 },
} as const;

/** Remembers all entries by their sum and count, and carries `ballast` bytes about. */
export class Tally implements StateMachine {
  count = 0;
  sum = 0;
  readonly #ballast: number;

  constructor(ballast = 0) {
    this.#ballast = ballast;
  }

  apply({ bytes }: { readonly bytes: Uint8Array }): string {
    this.count += 1;
    for (const byte of bytes) this.sum = (this.sum * 31 + byte) % 1_000_003;
    return `${this.count} ${this.sum}`;
  }

  *snapshot(): Generator<Uint8Array, void, void> {
    const head = Buffer.alloc(16);
    head.writeDoubleLE(this.count, 0);
    head.writeDoubleLE(this.sum, 8);
    yield head;
    for (let at = 0; at < this.#ballast; at += 65_536) {
      yield new Uint8Array(Math.min(65_536, this.#ballast - at)).fill(at / 65_536);
    }
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const piece of pieces) all.push(Uint8Array.from(piece));
    const state = Buffer.concat(all);
    assert.equal(state.length, 16 + this.#ballast);
    this.count = state.readDoubleLE(0);
    this.sum = state.readDoubleLE(8);
  }

  query(): Uint8Array {
    return Buffer.from(`${this.count} ${this.sum}`);
  }
}

export function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-cut-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Place {
  readonly id: string;
  readonly machine: StateMachine;
  readonly keepsAll?: boolean;
}

/** A node of its own, closed when the test is over. */
export async function opened(
  t: TestContext,
  directory: string,
  { id, machine, keepsAll = false }: Place,
): Promise<Kibitzer> {
  const listen = [`unix:${directory}/${id}.socket`];
  const node = await Kibitzer.open({
    id,
    directory: join(directory, id),
    listen,
    machine,
    ...small,
    retain: keepsAll ? {} : small.retain,
  });
  t.after(async () => await node.close());
  return node;
}

/** With what index the log of `node` begins. */
export async function firstOf(node: Kibitzer): Promise<number> {
  return await node
    .entries({ from: 1, follow: false })
    .next()
    .then(
      () => 1,
      (error: unknown) => Number(/begins with (\d+) now/.exec(String(error))?.[1]),
    );
}

/** Has `publish` called until entries are gone from `node`. */
export async function untilCut(node: Kibitzer, publish: () => Promise<unknown>): Promise<void> {
  const before = await firstOf(node);
  await eventually("a log that was cut", async () => {
    await publish();
    return (await firstOf(node)) > before ? node : null;
  });
}

export async function collect(
  chunks: AsyncGenerator<Uint8Array, BackupSummary, void>,
  each: (pieces: number) => Promise<void> = async () => {},
): Promise<{ readonly bytes: Uint8Array; readonly summary: BackupSummary }> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return { bytes: Buffer.concat(pieces), summary: next.value };
    pieces.push(Uint8Array.from(next.value));
    await each(pieces.length);
  }
}

export async function* inChunks(
  bytes: Uint8Array,
  size = 65_536,
): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

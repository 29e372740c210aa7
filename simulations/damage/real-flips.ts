/**
 * Drawn flips of bytes in the files of a real node (G8): one that ran on this computer's files,
 * clock and sockets, and was stopped. Each start must find what stood there, or stop by name.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { cp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kibitzer } from "../../src/kibitzer.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import type { Prng } from "../prng.ts";
import type { FlipResult } from "./byte-flips.ts";
import {
  objection,
  openStopped,
  Peers,
  type Opened,
  type Reopened,
  type Intact,
} from "./reopening.ts";

/** One byte of one file of the node's directory, and what it becomes. */
export interface DrawnFlip {
  readonly file: string;
  readonly offset: number;
  /** Its bits that change. */
  readonly mask: number;
}

interface Place {
  readonly file: string;
  readonly size: number;
  /** What follows is zeros. */
  readonly used: number;
}

const ids = ["a", "b", "c"] as const;
const entryBytes = [20, 3000, 700, 150, 4000, 600, 9000, 40, 12_000, 90, 30_000, 5];
/** Segments of this computer's default would be zeros, mostly. */
const storage = { segmentBytesFirst: 32_768, segmentBytesMax: 131_072 };
const { files, clock, chance } = nodeWorld();

export class RealFlips implements AsyncDisposable {
  readonly #directory: string;
  readonly #peers: Peers;
  readonly #others: readonly Opened[];
  readonly #expected: Reopened;
  readonly #places: readonly Place[];

  private constructor(parts: {
    readonly directory: string;
    readonly peers: Peers;
    readonly others: readonly Opened[];
    readonly expected: Reopened;
  }) {
    this.#directory = parts.directory;
    this.#peers = parts.peers;
    this.#others = parts.others;
    this.#expected = parts.expected;
    this.#places = placesIn(join(parts.directory, "a"));
  }

  /** Lets three nodes run and stop; the other two answer from then on. */
  static async prepare(): Promise<RealFlips> {
    const directory = mkdtempSync(join(tmpdir(), "kibitz-flips-"));
    try {
      await runNodes(directory);
      const nobody = new Peers(new Map());
      const intact = new Map<string, Intact>();
      const others: Opened[] = [];
      for (const id of ids.slice(1)) {
        const opened = await openStopped({ files, clock, chance }, nobody, join(directory, id));
        others.push(opened);
        intact.set(endpointOf(directory, id), opened);
      }
      const expected = await reopen(directory, nobody, null);
      return new RealFlips({ directory, peers: new Peers(intact), others, expected });
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Mostly of what was written, in each file as often as in any other; at times anywhere. */
  draw(prng: Prng): DrawnFlip {
    const { file, size, used } = prng.pick(this.#places);
    const end = prng.chance(0.9) ? used : size;
    return { file, offset: prng.integer(0, end - 1), mask: prng.integer(1, 255) };
  }

  async play(flip: DrawnFlip): Promise<FlipResult> {
    try {
      const reopened = await reopen(this.#directory, this.#peers, flip);
      const what = objection(reopened, this.#expected);
      if (what !== null) return { kind: "wrong", what };
      return { kind: reopened.isMended ? "mended" : "unnoticed" };
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      return { kind: "refused", code: error.code, message: error.message };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#others) await closeOpened(opened);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function endpointOf(directory: string, id: string): string {
  return `unix:${join(directory, `${id}.sock`)}`;
}

/** Two lives of three nodes; each entry in a group of its own. */
async function runNodes(directory: string): Promise<void> {
  for (const life of [0, 1]) {
    const nodes: Kibitzer[] = [];
    try {
      for (const id of ids) {
        const place = { directory: join(directory, id), listen: [endpointOf(directory, id)] };
        nodes.push(await Kibitzer.open({ id, ...place, storage }));
      }
      const [first, ...others] = nodes;
      if (first === undefined) throw new Error("there is no node");
      if (life === 0) {
        await first.bootstrap("real");
        for (const node of others) await node.join("real", endpointOf(directory, "a"));
      }
      for (const [at, size] of entryBytes.entries()) {
        await first.publish(`${life} ${at} `.padEnd(size, "kibitz"));
      }
      for (const node of nodes) await node.barrier();
    } finally {
      for (const node of nodes) await node.close();
    }
  }
}

function placesIn(directory: string): readonly Place[] {
  const found = readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();
  return found.flatMap((file): Place[] => {
    const path = join(directory, file);
    // The lock holds nothing: what SQLite keeps there is made anew.
    if (!statSync(path).isFile() || file.startsWith("lock")) return [];
    const bytes = readFileSync(path);
    const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
    return used === 0 ? [] : [{ file, size: bytes.length, used }];
  });
}

/** Opens a copy of the first node's directory, with a flipped byte. */
async function reopen(directory: string, peers: Peers, flip: DrawnFlip | null): Promise<Reopened> {
  const copy = join(directory, "flipped");
  await rm(copy, { recursive: true, force: true });
  await cp(join(directory, "a"), copy, { recursive: true });
  if (flip !== null) await flipIn(join(copy, flip.file), flip);
  const opened = await openStopped({ files, clock, chance }, peers, copy);
  await closeOpened(opened);
  return opened.reopened;
}

async function flipIn(path: string, { offset, mask }: DrawnFlip): Promise<void> {
  const file = await open(path, "r+");
  try {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, offset);
    await file.write(Uint8Array.of((byte[0] ?? 0) ^ mask), 0, 1, offset);
  } finally {
    await file.close();
  }
}

async function closeOpened({ directory, journal }: Opened): Promise<void> {
  await journal.close();
  await directory[Symbol.asyncDispose]();
}

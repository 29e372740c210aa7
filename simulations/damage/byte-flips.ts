/**
 * One byte of one file of a stopped node flipped, with the other two nodes there (G8): its start
 * must find what stood there, or stop with a named error; never anything else.
 */
import type { DiskImage } from "../disk/disk.ts";
import { SimulatedDisk } from "../disk/disk.ts";
import { Prng } from "../prng.ts";
import { second, Simulator } from "../simulator.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import {
  objection,
  openStopped,
  Peers,
  type Intact,
  type Opened,
  type Reopened,
} from "./reopening.ts";
import { dataDirectory } from "../cluster.ts";
import { stoppedDisks } from "./stage.ts";

/** One byte of one file, by the path on the disk. */
export interface Flip {
  readonly path: string;
  readonly offset: number;
}

export type FlipResult =
  /** Nothing that a start reads was concerned, or nothing that it cannot know by itself. */
  | { readonly kind: "unnoticed" }
  /** It was noticed, and all of it was found all the same. */
  | { readonly kind: "mended" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly kind: "wrong"; readonly what: string };

const entryBytes = [20, 3000, 700, 150, 4000, 600, 9000, 40, 12_000];
const openMax = 600 * second;

export class ByteFlips {
  readonly #disks: readonly DiskImage[];
  readonly #simulator = new Simulator();
  readonly #peers: Peers;
  readonly #expected: Reopened;

  private constructor(
    disks: readonly DiskImage[],
    parts: { readonly simulator: Simulator; readonly peers: Peers; readonly expected: Reopened },
  ) {
    this.#disks = disks;
    this.#simulator = parts.simulator;
    this.#peers = parts.peers;
    this.#expected = parts.expected;
  }

  /** @param isCut Of nodes with snapshots, whose log was cut off behind them. */
  static async prepare(isCut = false): Promise<ByteFlips> {
    const texts = entryBytes.map((size, at) => `${at} `.padEnd(size, "kibitz"));
    const disks = await stoppedDisks(texts, { isCut });
    const simulator = new Simulator();
    const intact = new Map<string, Intact>();
    const nobody = new Peers(new Map());
    for (const [at, image] of disks.entries()) {
      if (at === 0) continue;
      const { journal, snapshots, directory } = await open(simulator, image, nobody, null);
      const [url] = directory.record.listen;
      if (url !== undefined) intact.set(url, { journal, snapshots });
    }
    const peers = new Peers(intact);
    const first = disks[0];
    if (first === undefined) throw new Error("there is no node");
    const { reopened: expected } = await open(simulator, first, nobody, null);
    return new ByteFlips(disks, { simulator, peers, expected });
  }

  /** Every byte of every file of the first node, but for its lock. */
  all(): readonly Flip[] {
    const flips: Flip[] = [];
    for (const [path, { content }] of this.#disks[0] ?? []) {
      if (path.endsWith("/lock")) continue;
      for (let offset = 0; offset < content.size; offset += 1) flips.push({ path, offset });
    }
    return flips;
  }

  async play(flip: Flip): Promise<FlipResult> {
    const image = this.#disks[0];
    if (image === undefined) throw new Error("there is no node");
    try {
      const opened = await open(this.#simulator, image, this.#peers, flip);
      const what = objection(opened.reopened, this.#expected);
      if (what !== null) return { kind: "wrong", what };
      return { kind: opened.reopened.isMended ? "mended" : "unnoticed" };
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      return { kind: "refused", code: error.code, message: error.message };
    }
  }
}

async function open(
  simulator: Simulator,
  image: DiskImage,
  peers: Peers,
  flip: Flip | null,
): Promise<Opened & { readonly reopened: Reopened }> {
  const prng = new Prng("flips");
  const disk = new SimulatedDisk(simulator, "flipped", prng);
  disk.restore(image);
  if (flip !== null) {
    const file = disk.find(flip.path);
    file.rot(flip.offset, 1 << (flip.offset % 8));
  }
  const life = simulator.begin("flipped");
  const world = { files: disk.mount(life), clock: life.clock, chance: prng };
  const opened = await simulator.complete(openStopped(world, peers, dataDirectory), openMax);
  if (flip === null) return opened;
  await simulator.complete(opened.journal.close(), openMax);
  life.end();
  return opened;
}

/**
 * The snapshot that a backup begins with, as it is read: the replicated state first, then the parts
 * of state machines, in one go. Whoever reads on has read all of it.
 */
import { assert, type RepublicState } from "../../consensus/index.ts";
import { DecodeError } from "../codec/bytes.ts";
import { snapshotVersion, type Chunk, type SnapshotOpening } from "../snapshots/snapshot-codec.ts";
import { SnapshotHead } from "../snapshots/snapshot-scan.ts";
import { damagedBackup } from "./backup-format.ts";
import { newerSnapshot } from "./backup-snapshot.ts";

/** What the decrees of a backup follow, if they do not begin with slot 1. */
export interface BackupBeginning {
  readonly state: RepublicState;
  /** What state machines have in the same snapshot; each is read once, in this order. */
  readonly parts: readonly {
    readonly name: string;
    readonly pieces: AsyncIterable<Uint8Array>;
  }[];
}

/** A snapshot in a backup, read forward once; one chunk of it is held. */
export class SnapshotReading {
  readonly opening: SnapshotOpening;
  readonly state: RepublicState;
  readonly #chunks: AsyncGenerator<Chunk, void, void>;
  readonly #offset: number;
  /** The first chunk that nobody has taken. */
  #ahead: Chunk | null;

  private constructor(
    chunks: AsyncGenerator<Chunk, void, void>,
    offset: number,
    head: SnapshotHead,
    ahead: Chunk | null,
  ) {
    this.#chunks = chunks;
    this.#offset = offset;
    this.#ahead = ahead;
    ({ opening: this.opening, state: this.state } = head.read());
  }

  /** @param offset Where it begins, for its errors. */
  static async open(
    chunks: AsyncGenerator<Chunk, void, void>,
    offset: number,
  ): Promise<SnapshotReading> {
    const head = new SnapshotHead();
    let ahead: Chunk | null = await next(chunks);
    while (ahead !== null && head.take(ahead)) ahead = await next(chunks);
    // Told only of what is whole: any other version may be damage.
    const { opening } = head;
    if (opening !== null && opening.version > snapshotVersion) throw newerSnapshot(opening.version);
    try {
      return new SnapshotReading(chunks, offset, head, ahead);
    } catch (error) {
      throw asDamage(error, offset);
    }
  }

  parts(): BackupBeginning["parts"] {
    return this.opening.parts.map((name, part) => ({ name, pieces: this.#part(part) }));
  }

  /** Reads what is left of it. */
  async drain(): Promise<void> {
    const { length } = this.opening.parts;
    for (; this.#ahead !== null; this.#ahead = await next(this.#chunks)) {
      const { kind, part } = this.#ahead;
      if (kind === "part" && part >= length) {
        throw damagedBackup(this.#offset, `expected ${length} parts in its snapshot`);
      }
    }
  }

  async *#part(part: number): AsyncGenerator<Uint8Array, void, void> {
    const before = this.#ahead?.kind === "part" ? this.#ahead.part : part;
    assert(before >= part, "parts are read in their order");
    while (this.#ahead?.kind === "part" && this.#ahead.part === part) {
      yield this.#ahead.body;
      this.#ahead = await next(this.#chunks);
    }
  }
}

async function next(chunks: AsyncGenerator<Chunk, void, void>): Promise<Chunk | null> {
  const { done, value } = await chunks.next();
  return done === true ? null : value;
}

/** @param offset Of what was decoded, in the backup; records' heads are not counted. */
export function asDamage(error: unknown, offset: number): unknown {
  if (!(error instanceof DecodeError)) return error;
  return damagedBackup(offset, `its snapshot, at byte ${error.offset}: ${error.message}`, error);
}

/**
 * The snapshot that a backup begins with, where the log does not begin with slot 1 any more: taken
 * piece by piece from whoever has it, and checked before it is given on. Keeps nothing of it but
 * the replicated state.
 */
import type { Slot } from "../../consensus/index.ts";
import { DecodeError } from "../codec/bytes.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { snapshotVersion, type SnapshotOpening } from "../snapshots/snapshot-codec.ts";
import type { SnapshotPiece } from "../snapshots/snapshot-piece.ts";
import { SnapshotHead, SnapshotScan, type ReadSnapshot } from "../snapshots/snapshot-scan.ts";

/**
 * Bytes from `offset` on of the snapshot after `slot`; at first, with null, of the newest that is
 * followed by decrees which can be had. All of them are of one file: rather there are none.
 */
export type AskSnapshot = (slot: Slot | null, offset: number) => Promise<SnapshotPiece>;

export class SnapshotCopy {
  readonly opening: SnapshotOpening;
  readonly #ask: AskSnapshot;
  readonly #scan: SnapshotScan;
  readonly #head: SnapshotHead;
  readonly #first: SnapshotPiece;

  private constructor(
    ask: AskSnapshot,
    first: SnapshotPiece,
    checks: { readonly scan: SnapshotScan; readonly head: SnapshotHead },
    opening: SnapshotOpening,
  ) {
    this.#ask = ask;
    this.#first = first;
    this.#scan = checks.scan;
    this.#head = checks.head;
    this.opening = opening;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`, or what `ask` throws. */
  static async open(ask: AskSnapshot): Promise<SnapshotCopy> {
    const first = await ask(null, 0);
    const checks = { scan: new SnapshotScan(), head: new SnapshotHead() };
    take(checks, first.bytes);
    const { opening } = checks.head;
    if (opening === null) throw cameDamaged(new DecodeError(0, "no opening in its first piece"));
    if (opening.version > snapshotVersion) throw newerSnapshot(opening.version);
    return new SnapshotCopy(ask, first, checks, opening);
  }

  /** Its bytes, once; `done` is how many of all were given. */
  async *pieces(): AsyncGenerator<SnapshotPiece & { readonly done: number }, void, void> {
    const { slot } = this.opening;
    const { size } = this.#first;
    let done = this.#first.bytes.length;
    yield { ...this.#first, done };
    while (done < size) {
      const piece = await this.#ask(slot, done);
      if (piece.size !== size || piece.bytes.length === 0) throw snapshotGone(slot);
      take({ scan: this.#scan, head: this.#head }, piece.bytes);
      done += piece.bytes.length;
      yield { ...piece, done };
    }
    checked(() => this.#scan.finish());
  }

  /** @param identity Of the republic in which the log ends that it belongs to. */
  checkRepublic(identity: string | undefined): void {
    const { republic } = this.opening;
    if (republic === identity) return;
    throw cameDamaged(new DecodeError(0, `it is of republic ${republic}, the log of ${identity}`));
  }

  /** What it holds; asked once all of its pieces were given. */
  read(): ReadSnapshot {
    return checked(() => this.#head.read());
  }
}

/** It went away, or is not surely the same any more: another attempt begins with another one. */
export function snapshotGone(slot: Slot, cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_TRUNCATED",
    `Wanted the rest of the snapshot after slot ${slot}, found it gone while it was backed up. ` +
      "What was written is no backup. Take it again.",
    { retryable: true, outcome: "none", cause },
  );
}

/** Nobody asked has one that goes with the log as it is now. */
export function noSnapshot(cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_TRUNCATED",
    "Wanted a snapshot in place of the beginning of the log, which was removed, found none that " +
      "can be had now. Take the backup again, at a node of this release that has been up for " +
      "a while.",
    { retryable: true, outcome: "none", cause },
  );
}

export function newerSnapshot(found: number): KibitzerError {
  return new KibitzerError(
    "KBZ_VERSION",
    `The snapshot in the backup has format version ${found}; this program reads up to ` +
      `${snapshotVersion}. Use a version of kibitzer at least as new as the one that made it.`,
    { retryable: false, outcome: "none" },
  );
}

interface Checks {
  readonly scan: SnapshotScan;
  readonly head: SnapshotHead;
}

function take({ scan, head }: Checks, bytes: Uint8Array): void {
  checked(() => {
    for (const chunk of scan.push(bytes)) head.take(chunk);
  });
}

function checked<Value>(check: () => Value): Value {
  try {
    return check();
  } catch (error) {
    throw error instanceof DecodeError ? cameDamaged(error) : error;
  }
}

function cameDamaged(error: DecodeError): KibitzerError {
  return new KibitzerError(
    "KBZ_DAMAGED",
    `The snapshot that the backup begins with is damaged at byte ${error.offset}: ` +
      `${error.message}. What was written is no backup. Take it again, at another node.`,
    { retryable: true, outcome: "none", cause: error },
  );
}

/**
 * A backup taken through a client: each part of the log from whichever endpoint answers, since the
 * hashes tell that it is one log; a snapshot from one endpoint alone. Writes no file.
 */
import { assert, type Slot } from "../../consensus/index.ts";
import { noSnapshot, snapshotGone } from "../backup/backup-snapshot.ts";
import {
  isTruncated,
  writeBackup,
  type BackupOptions,
  type BackupSource,
  type BackupSummary,
} from "../backup/backup-writing.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { newestSnapshot } from "../requests.ts";
import type { SnapshotPiece } from "../snapshots/snapshot-piece.ts";
import type { Clock } from "../world.ts";
import type { ClientAsking } from "./asking.ts";
import { Pin } from "./pin.ts";

export interface ClientBackupParts {
  readonly asking: ClientAsking;
  readonly clock: Clock;
  /** For the barrier, and for each part. */
  readonly timeoutMs: number;
  readonly attemptMs: number;
  readonly barrier: BackupSource["barrier"];
}

const bytesMax = 1024 * 1024;

export function backUp(
  parts: ClientBackupParts,
  options: BackupOptions,
): AsyncGenerator<Uint8Array, BackupSummary, void> {
  const { barrier, clock } = parts;
  const log = new RemoteLog(parts, options.signal);
  const source: BackupSource = {
    barrier,
    when: () => clock.wall(),
    decrees: async (slotFirst, slotLast) => await log.decrees(slotFirst, slotLast),
    snapshot: async (slot, offset) =>
      slot === null ? await log.newest() : await log.rest(slot, offset),
  };
  return writeBackup(source, options);
}

class RemoteLog {
  readonly #parts: ClientBackupParts;
  readonly #signal: AbortSignal | undefined;
  /** Who gives the snapshot. */
  #pin = new Pin();

  constructor(parts: ClientBackupParts, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** What is gone at one endpoint another may keep; at the beginning a snapshot stands for it. */
  async decrees(slotFirst: Slot, slotLast: Slot): Promise<readonly FramedDecree[]> {
    const { asking } = this.#parts;
    for (let others = asking.urls.length - 1; ; others -= 1) {
      try {
        return await this.#decrees(slotFirst, slotLast);
      } catch (error) {
        if (!isTruncated(error) || slotFirst === 1 || others === 0) throw error;
        asking.leave();
      }
    }
  }

  async #decrees(slotFirst: Slot, slotLast: Slot): Promise<readonly FramedDecree[]> {
    const { asking, attemptMs, timeoutMs } = this.#parts;
    const { decrees } = await asking.ask({
      request: { method: "decrees", slotFirst, slotLast, bytesMax },
      wanted: "decrees",
      lane: "bulk",
      needsQuorum: false,
      attemptMs,
      timeoutMs,
      signal: this.#signal,
      faultOf: (answer) => {
        const slots = answer.decrees.map(({ decree }) => decree.slot);
        const isAll = slots.every((slot, at) => slot === slotFirst + at && slot <= slotLast);
        return isAll && slots.length > 0 ? null : `no decrees from slot ${slotFirst} on`;
      },
    });
    assert(decrees.length > 0, "an answer with a fault is asked for again");
    return decrees;
  }

  /**
   * The first piece of somebody's newest snapshot, in which nothing was given away yet: whoever has
   * none now, or is of a release that gives none to clients, is left for the next.
   */
  async newest(): Promise<SnapshotPiece> {
    const { asking, clock, timeoutMs } = this.#parts;
    const end = clock.now() + timeoutMs;
    for (let failures = 1; ; failures += 1) {
      this.#pin = new Pin();
      try {
        return await this.#piece(newestSnapshot, 0, Math.max(1, end - clock.now()));
      } catch (error) {
        if (!isRetryable(error) || clock.now() >= end) throw error;
        if (this.#pin.url !== null && asking.urls.length > 1) asking.leave(this.#pin.url);
        await this.#pause(failures);
      }
    }
  }

  async rest(slot: Slot, offset: number): Promise<SnapshotPiece> {
    return await this.#piece(slot, offset, this.#parts.timeoutMs);
  }

  async #piece(slot: Slot, offset: number, timeoutMs: number): Promise<SnapshotPiece> {
    const { asking, attemptMs } = this.#parts;
    const { size, bytes } = await asking.ask({
      request: { method: "snapshot", slot, offset, bytesMax },
      wanted: "chunk",
      lane: "bulk",
      needsQuorum: false,
      attemptMs,
      timeoutMs,
      signal: this.#signal,
      pin: this.#pin,
      finalRefusal: (reason) => {
        if (reason !== "notFound") return null;
        return slot === newestSnapshot ? noSnapshot() : snapshotGone(slot);
      },
      faultOf: (chunk) => {
        const isMore = chunk.bytes.length > 0 && offset + chunk.bytes.length <= chunk.size;
        return chunk.offset === offset && isMore
          ? null
          : `no bytes of a snapshot from ${offset} on`;
      },
    });
    return { size, bytes };
  }

  async #pause(failures: number): Promise<void> {
    const signal = this.#signal ?? new AbortController().signal;
    await this.#parts.asking.pause(failures, signal);
    signal.throwIfAborted();
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof KibitzerError && error.retryable;
}

/**
 * Downloads a snapshot from a peer: one piece in flight, so that neither side's other work waits;
 * goes on where it ended, also from another peer, since the bytes are the same everywhere. Hands on
 * only what is whole and durable.
 */
import type { Download, RepublicState, Slot } from "../../consensus/index.ts";
import type { Logger } from "../logger.ts";
import type { Peers } from "../node/peers.ts";
import { isOutOfSpace } from "../storage/space.ts";
import type { FileHandle } from "../world.ts";
import type { SnapshotFiles } from "./snapshot-files.ts";

export interface DownloadOptions {
  readonly files: SnapshotFiles;
  readonly peers: Pick<Peers, "call">;
  readonly logger: Logger;
  republic(): string;
  /** A snapshot is whole and durable here. */
  downloaded(state: RepublicState): void;
  failed(error: unknown): void;
}

/** Bytes of one piece: bounds what a bulk lane holds up. */
const pieceBytes = 262_144;
const pieceTimeoutMs = 5_000;

interface Partial {
  readonly slot: Slot;
  offset: number;
}

export class SnapshotDownload implements AsyncDisposable {
  readonly #options: DownloadOptions;
  readonly #over = new AbortController();
  #partial: Partial | null = null;
  #running: Promise<void> | null = null;

  constructor(options: DownloadOptions) {
    this.#options = options;
  }

  /** Begins, or goes on; asked for again while it is needed. One at a time. */
  start(download: Download): void {
    if (this.#running !== null || this.#over.signal.aborted) return;
    this.#running = this.#run(download)
      .catch(async (error: unknown) => {
        if (isOutOfSpace(error)) await this.#giveUp(download, error);
        else if (!this.#over.signal.aborted) this.#options.failed(error);
      })
      .finally(() => {
        this.#running = null;
      });
  }

  /** Resolves once nothing is being downloaded. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run({ from, slot }: Download): Promise<void> {
    const { files, logger } = this.#options;
    const { files: disk } = files;
    await disk.makeDirectory(files.directory);
    const path = files.temporary(slot);
    this.#use(slot);
    const isKnown = this.#partial?.slot === slot && (await disk.exists(path));
    if (!isKnown && (await disk.exists(path))) await disk.remove(path);
    const partial = isKnown && this.#partial !== null ? this.#partial : { slot, offset: 0 };
    this.#partial = partial;
    const file = await disk.open(path, isKnown ? "write" : "create");
    let isWhole = false;
    try {
      isWhole = await this.#pieces(file, from, partial);
      if (isWhole) await file.datasync();
    } finally {
      await file.close();
    }
    if (!isWhole) return;
    this.#partial = null;
    const read = await files.adopt(slot, this.#options.republic());
    if (read === null) files.release(slot);
    if (read === null) logger.warn({ event: "download", from, slot }, "came damaged; asks again");
    else this.#options.downloaded(read.state);
  }

  /** The log needs the space that this takes; it is asked for again when there is more. */
  async #giveUp({ slot }: Download, error: Error): Promise<void> {
    const { files, logger } = this.#options;
    logger.warn({ event: "download", slot, err: error }, "no space for a snapshot");
    this.#partial = null;
    files.release(slot);
    await files.discard(slot).catch((failure: unknown) => this.#options.failed(failure));
  }

  /** What was half downloaded before of another snapshot may go; one that is installed may not. */
  #use(slot: Slot): void {
    const { files } = this.#options;
    if (this.#partial !== null && this.#partial.slot !== slot) files.release(this.#partial.slot);
    files.use(slot);
  }

  /** False when it has to go on later. */
  async #pieces(file: FileHandle, from: string, partial: Partial): Promise<boolean> {
    const { slot } = partial;
    const { signal } = this.#over;
    for (;;) {
      const request = {
        method: "snapshot",
        slot,
        offset: partial.offset,
        bytesMax: pieceBytes,
      } as const;
      const options = { timeoutMs: pieceTimeoutMs, signal };
      const response = await this.#options.peers.call(from, request, options).catch(() => null);
      if (response?.kind !== "chunk" || response.offset !== partial.offset) return false;
      if (response.bytes.length > 0) await file.write([response.bytes], partial.offset);
      partial.offset += response.bytes.length;
      if (partial.offset >= response.size) return true;
      if (response.bytes.length === 0) return false;
    }
  }
}

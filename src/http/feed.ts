/**
 * The end of the log for all who follow it over HTTP: read once, encoded once, and written to each.
 * Who does not keep up leaves, and reads by itself until it is here again.
 */
import type { ServerResponse } from "node:http";
import { batchesAt, type EntriesSource } from "../node/own-entries.ts";
import type { Reading } from "../metrics/meter.ts";
import type { Clock, Timer } from "../world.ts";
import { httpLimits } from "./http-limits.ts";
import { cut, piecesOf, type Format, type Piece } from "./piece.ts";

export interface FeedOptions {
  readonly source: EntriesSource;
  readonly clock: Clock;
  readonly format: Format;
  readonly heartbeatMs?: number;
}

export interface Place {
  /** Its next index is kept up to date. */
  readonly reading: Reading;
  /** The last index that the reader wants. */
  readonly last: number;
}

/** A reading that is where the feed is. */
interface Follower extends Place {
  readonly response: ServerResponse;
  leave(): void;
  fail(error: unknown): void;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #followers = new Set<Follower>();
  /** What is told next; null while nobody follows. */
  #next: number | null = null;
  #isQuiet = true;
  #heartbeat: Timer | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Whether a reading that wants `next` can go on here, without missing what was told before. */
  isAt(next: number): boolean {
    return next >= (this.#next ?? this.#options.source.reader.indexLast + 1);
  }

  /**
   * Writes to `response` what comes from its place on; resolves as soon as it takes no more, has
   * all it wants, or `signal` aborts.
   * @throws what reading the log throws.
   */
  async follow(response: ServerResponse, place: Place, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const follower: Follower = { response, ...place, leave: resolve, fail: reject };
    const onAbort = (): void => this.#leave(follower);
    signal.addEventListener("abort", onAbort, { once: true });
    if (!signal.aborted) this.#join(follower);
    else resolve();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #join(follower: Follower): void {
    this.#followers.add(follower);
    this.#beat();
    if (this.#next === null) {
      this.#next = this.#options.source.reader.indexLast + 1;
      void this.#run();
    }
    this.#tell(follower, this.#progressOf(follower));
  }

  async #run(): Promise<void> {
    const { source, format } = this.#options;
    try {
      while (this.#followers.size > 0 && this.#next !== null) {
        const batches = await batchesAt(source, this.#next, undefined, httpLimits.pieceBytes);
        if (batches === null) break;
        for (const piece of piecesOf(batches, this.#next, format, httpLimits.pieceBytes)) {
          this.#next = piece.last + 1;
          this.#isQuiet = false;
          for (const follower of this.#followers) this.#hand(follower, piece);
        }
      }
    } catch (error) {
      for (const follower of this.#followers) follower.fail(error);
    }
    for (const follower of this.#followers) this.#leave(follower);
    this.#next = null;
  }

  #hand(follower: Follower, piece: Piece): void {
    const { reading, last } = follower;
    const bytes = cut(piece, reading.next, last);
    reading.next = Math.max(reading.next, Math.min(piece.last, last) + 1);
    if (bytes.length > 0 && !this.#tell(follower, bytes)) return;
    if (reading.next > last) this.#leave(follower);
  }

  /** Whether it takes more; else it has left. */
  #tell(follower: Follower, bytes: Uint8Array): boolean {
    if (bytes.length === 0 || follower.response.write(bytes)) return true;
    this.#leave(follower);
    return false;
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower);
    follower.leave();
    if (this.#followers.size > 0) return;
    this.#heartbeat?.cancel();
    this.#heartbeat = null;
  }

  /** A stream on which nothing comes is told that it is not forgotten, and how far the log is. */
  #beat(): void {
    const { clock, heartbeatMs = httpLimits.heartbeatMs } = this.#options;
    this.#heartbeat ??= clock.after(heartbeatMs, () => {
      this.#heartbeat = null;
      for (const follower of this.#isQuiet ? this.#followers : []) {
        this.#tell(follower, this.#progressOf(follower));
      }
      this.#isQuiet = true;
      if (this.#followers.size > 0) this.#beat();
    });
  }

  /** A comment, which only keeps the connection, and an event: all up to its index was told. */
  #progressOf({ reading: { next } }: Follower): Uint8Array {
    const { format, source } = this.#options;
    if (format === "lines") return nothing;
    const index = Math.min(source.reader.indexLast, Math.max(this.#next ?? 1, next) - 1);
    return Buffer.from(`: up to date\n\nevent: progress\ndata: {"index":${index}}\n\n`);
  }
}

const nothing = new Uint8Array(0);

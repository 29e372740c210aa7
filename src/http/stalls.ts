/**
 * Readers who do not take what was written to them: each is waited for, but not for ever, and all
 * together may hold only so much.
 */
import type { ServerResponse } from "node:http";
import { Deadline } from "../deadline.ts";
import type { Clock } from "../world.ts";
import { httpLimits } from "./http-limits.ts";

/** An answer that has ended tells no more that it is drained, but that it has finished. */
const takenEvents = ["drain", "finish", "close"] as const;

export interface StallBounds {
  readonly stallMs: number;
  readonly stalledBytesMax: number;
  readonly pieceBytes: number;
}

export class Stalls {
  readonly #clock: Clock;
  readonly #bounds: StallBounds;
  /** What each holds; who waits longest comes first. */
  readonly #held = new Map<ServerResponse, number>();
  #bytes = 0;

  constructor(clock: Clock, bounds: StallBounds = httpLimits) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /**
   * Writes `bytes` as fast as they are taken; resolves when there is room for more, when `signal`
   * aborts, or when the reader was cut off: its response is destroyed then.
   */
  async write(response: ServerResponse, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { pieceBytes } = this.#bounds;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (response.destroyed || signal.aborted) return;
      response.write(bytes.subarray(at, at + pieceBytes));
      await this.drained(response, bytes.length - at, signal);
    }
  }

  /** Resolves when all that was written has been taken, or `signal` aborts. */
  async drained(response: ServerResponse, bytes: number, signal: AbortSignal): Promise<void> {
    if (!response.writableNeedDrain || signal.aborted) return;
    this.#hold(response, bytes);
    using deadline = new Deadline(this.#clock, this.#bounds.stallMs, signal);
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("drain", resolve);
    deadline.signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    response.off("drain", resolve);
    this.#release(response);
    if (deadline.isOver) response.destroy();
  }

  /**
   * Counts what `response` holds until it is taken, and waits for nobody: who sends may begin to
   * read when it is done. How long it may take is the connection's bound.
   */
  count(response: ServerResponse): void {
    if (!response.writableNeedDrain || response.destroyed) return;
    if (!this.#held.has(response)) {
      const taken = (): void => {
        for (const event of takenEvents) response.off(event, taken);
        this.#release(response);
      };
      for (const event of takenEvents) response.on(event, taken);
    }
    this.#hold(response, response.writableLength);
  }

  #hold(response: ServerResponse, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(response) ?? 0);
    // Who is counted already keeps its place: it stalls since then.
    this.#held.set(response, bytes);
    for (const longest of this.#held.keys()) {
      if (this.#bytes <= this.#bounds.stalledBytesMax) return;
      this.#release(longest);
      longest.destroy();
    }
  }

  #release(response: ServerResponse): void {
    this.#bytes -= this.#held.get(response) ?? 0;
    this.#held.delete(response);
  }
}

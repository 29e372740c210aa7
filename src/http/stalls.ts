/**
 * Readers who do not take what was written to them: each is waited for, but not for ever, and all
 * together may hold only so much.
 */
import type { ServerResponse } from "node:http";
import { Deadline } from "../deadline.ts";
import type { Clock } from "../world.ts";
import { httpLimits } from "./http-limits.ts";

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

  #hold(response: ServerResponse, bytes: number): void {
    this.#held.set(response, bytes);
    this.#bytes += bytes;
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

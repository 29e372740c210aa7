/**
 * Notices a frame that has begun and does not come to its end. Asks nothing of frames that come
 * whole; while others come in between, it may take twice its time to notice.
 */
import type { FrameParser } from "./framing.ts";
import type { Timing, TransportTimer } from "./timing.ts";
import type { TransportLimits } from "./transport-limits.ts";

export interface PartialWatchOptions {
  readonly parser: FrameParser;
  readonly timing: Timing;
  readonly limits: TransportLimits;
  /** The frame neither ended nor grew in time; at most once. */
  stuck(): void;
}

export class PartialWatch {
  readonly #options: PartialWatchOptions;
  #timer: TransportTimer | null = null;
  #ended = false;

  constructor(options: PartialWatchOptions) {
    this.#options = options;
  }

  /** To be called after each chunk: cheap, as the timer runs on whatever comes. */
  look(): void {
    const { parser, timing, limits } = this.#options;
    const frame = parser.partial;
    if (this.#timer !== null || frame === null) return;
    const bytes = parser.partialBytes;
    this.#timer = timing.after(limits.partialMs, () => {
      // After a pause of this process, what came meanwhile is read first.
      timing.soon(() => this.#judge(frame, bytes));
    });
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #judge(frame: number, bytesBefore: number): void {
    if (this.#ended) return;
    const { parser, limits } = this.#options;
    this.#timer = null;
    const grown = parser.partialBytes - bytesBefore;
    if (parser.partial !== frame || grown >= limits.partialBytesMin) this.look();
    else this.#options.stuck();
  }
}

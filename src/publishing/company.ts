/**
 * When a batch is closed: at once while few are under way, later when it would be one small batch
 * of many. A batch costs every node the same, however little is in it, so that under load small
 * ones cost the time they seem to save.
 */
import type { Clock, Timer } from "../world.ts";

/** While fewer batches than so many are under way, none waits. */
const inFlightMin = 2;
/** What holds so much needs no company. */
const bytesEnough = 32 * 1024;
/** However far away the leader is, no entry waits longer for others. */
const waitMsMax = 4;

export class Company {
  readonly #clock: Clock;
  readonly #over: () => void;
  #closedAt = -Infinity;
  #timer: Timer | null = null;

  /** @param over Called when the time to wait is over. */
  constructor(clock: Clock, over: () => void) {
    this.#clock = clock;
    this.#over = over;
  }

  /** Whether `bytes` that wait go better with others that come; if so, `over` is called in time. */
  isAwaited(bytes: number, inFlight: number): boolean {
    if (inFlight < inFlightMin || bytes >= bytesEnough) return false;
    const left = this.#closedAt + waitMsMax - this.#clock.now();
    if (left <= 0) return false;
    this.#timer ??= this.#clock.after(left, () => {
      this.#timer = null;
      this.#over();
    });
    return true;
  }

  /** A batch was closed. */
  closed(): void {
    this.#closedAt = this.#clock.now();
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

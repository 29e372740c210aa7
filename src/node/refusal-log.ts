/**
 * Log lines about who was refused at the door: some each second, then a count of the rest, since
 * whoever floods a node must not have it write as much as it is sent.
 */
import type { Logger } from "../logger.ts";
import type { Clock, Timer } from "../world.ts";

/** Lines for each second in which somebody is refused. */
const linesMax = 10;
const spanMs = 1000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #since = -Infinity;
  #count = 0;
  /** Runs while there is a rest to be told. */
  #timer: Timer | null = null;

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  note({ address, error }: { readonly address: string; readonly error: Error }): void {
    const now = this.#clock.now();
    if (now - this.#since >= spanMs) {
      this.tellRest();
      this.#since = now;
    }
    this.#count += 1;
    if (this.#count > linesMax) {
      this.#timer ??= this.#clock.after(this.#since + spanMs - now, () => this.tellRest());
      return;
    }
    const reason = error.message;
    this.#logger.warn({ event: "refused", address, reason }, "refused at the door");
  }

  /** Nobody needs to be refused again for it to be known. */
  tellRest(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const count = this.#count - linesMax;
    [this.#since, this.#count] = [-Infinity, 0];
    if (count <= 0) return;
    this.#logger.warn({ event: "refused", count }, `${count} more were refused at the door`);
  }
}

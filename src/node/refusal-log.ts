/**
 * Log lines about who was refused at the door: some each second, then a count of the rest, since
 * whoever floods a node must not have it write as much as it is sent.
 */
import type { Logger } from "../logger.ts";
import type { Clock } from "../world.ts";

/** Lines for each second in which somebody is refused. */
const linesMax = 10;
const spanMs = 1000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #since = -Infinity;
  #count = 0;

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  note({ address, error }: { readonly address: string; readonly error: Error }): void {
    const now = this.#clock.now();
    if (now - this.#since >= spanMs) {
      const count = this.#count - linesMax;
      if (count > 0) {
        this.#logger.warn({ event: "refused", count }, `${count} more were refused at the door`);
      }
      [this.#since, this.#count] = [now, 0];
    }
    this.#count += 1;
    if (this.#count > linesMax) return;
    const reason = error.message;
    this.#logger.warn({ event: "refused", address, reason }, "refused at the door");
  }
}

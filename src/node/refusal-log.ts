/**
 * Log lines about who was refused at the door: the same once a minute, some different ones, then a
 * count of the rest, since whoever floods a node must not have it write as much as it is sent.
 */
import { Repetition } from "../access/repetition.ts";
import type { Logger } from "../logger.ts";
import type { Clock, Timer } from "../world.ts";

/** Different lines within a minute. */
const linesMax = 10;
/** From the first that is not told by itself until all of them are. */
const restMs = 60_000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #said = new Repetition(linesMax);
  #rest = 0;
  /** Runs while there is a rest to be told. */
  #timer: Timer | null = null;

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  note({ address, error }: { readonly address: string; readonly error: Error }): void {
    const reason = error.message;
    if (this.#said.isOne(address, reason, this.#clock.now())) {
      this.#rest += 1;
      this.#timer ??= this.#clock.after(restMs, () => this.tellRest());
      return;
    }
    this.#logger.warn({ event: "refused", address, reason }, "refused at the door");
  }

  /** Nobody needs to be refused again for it to be known. */
  tellRest(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const count = this.#rest;
    this.#rest = 0;
    if (count === 0) return;
    this.#logger.warn({ event: "refused", count }, `${count} more were refused at the door`);
  }
}

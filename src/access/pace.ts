/** How many requests a second each client may make. Counts; knows nothing of what is asked. */
import { KibitzerError } from "../kibitzer-error.ts";
import type { Clock } from "../world.ts";

interface Second {
  readonly began: number;
  count: number;
}

/** Clients that are counted at once; beyond them the one that began first is forgotten. */
const clientsMax = 4096;
const secondMs = 1000;

export class Pace {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #seconds = new Map<string, Second>();

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** @throws {KibitzerError} `KBZ_BUSY` when `client` has had its share of this second. */
  take(client: string): void {
    const now = this.#clock.now();
    const second = this.#seconds.get(client);
    if (second === undefined || now - second.began >= secondMs) {
      this.#begin(client, now);
      return;
    }
    second.count += 1;
    if (second.count <= this.#max) return;
    const message =
      `Wanted at most ${this.#max} requests a second of one client, got more. Ask less often, or ` +
      "let the node take more of each.";
    throw new KibitzerError("KBZ_BUSY", message, { retryable: true, outcome: "none" });
  }

  #begin(client: string, now: number): void {
    // Anew, so that the order is that of their beginnings.
    this.#seconds.delete(client);
    this.#seconds.set(client, { began: now, count: 1 });
    if (this.#seconds.size <= clientsMax) return;
    const [oldest] = this.#seconds.keys();
    if (oldest !== undefined) this.#seconds.delete(oldest);
  }
}

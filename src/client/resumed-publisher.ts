/**
 * Whether the publisher that a user named can be gone on as: what its republic has never heard of,
 * or goes on before, would be asked for in vain for ever. Submits nothing.
 */
import type { Batch } from "../../consensus/index.ts";
import { KibitzerError, type Doubt } from "../kibitzer-error.ts";
import type { Request, Response } from "../requests.ts";
import type { Clock } from "../world.ts";

/** What an earlier client submitted last, and is not decided yet, may fill a gap until then. */
const gapMs = 10_000;

interface ResumedPublisherOptions {
  readonly name: string;
  readonly clock: Pick<Clock, "now">;
  readonly ask: (request: Request) => Promise<Response>;
}

export class ResumedPublisher {
  readonly #name: string;
  readonly #clock: Pick<Clock, "now">;
  readonly #ask: ResumedPublisherOptions["ask"];
  #gapSince: number | null = null;
  /** It was gone on as: whatever comes later is no matter of its name. */
  #isFit = false;

  constructor({ name, clock, ask }: ResumedPublisherOptions) {
    this.#name = name;
    this.#clock = clock;
    this.#ask = ask;
  }

  /** @throws {KibitzerError} `KBZ_PUBLISHER` when the answer shows that it cannot. */
  async look(batch: Batch, response: Response): Promise<void> {
    if (this.#isFit || String(batch.publisher) !== this.#name) return;
    const kind = kindOf(response);
    if (kind === "applied" || kind === "duplicate") this.#isFit = true;
    if (kind === "gap") this.#onGap(batch);
    else this.#gapSince = null;
    if (kind === "busy") await this.#checkRegistered(batch);
  }

  #onGap({ publisher, sequence }: Batch): void {
    const now = this.#clock.now();
    this.#gapSince ??= now;
    if (now - this.#gapSince < gapMs) return;
    throw unfit(
      "unknown",
      `Wanted to go on as publisher ${publisher} with number ${sequence}, but some before it ` +
        "were never published. Connect with the first number that was not acknowledged.",
    );
  }

  /** A publisher is called by the slot of its registration. */
  async #checkRegistered({ publisher }: Batch): Promise<void> {
    const answer = await this.#ask({ method: "barrier", hops: 0 });
    if (answer.kind !== "barrier" || publisher <= answer.slot) return;
    throw unfit(
      "none",
      `Wanted to go on as publisher ${publisher}, but the republic has never had one of that ` +
        "name. Connect without a publisher, or to the republic in which it published.",
    );
  }
}

function kindOf(response: Response): string {
  if (response.kind === "refused") return response.reason;
  return response.kind === "effect" ? response.effect.kind : response.kind;
}

function unfit(outcome: Doubt, message: string): KibitzerError {
  return new KibitzerError("KBZ_PUBLISHER", message, { retryable: false, outcome });
}

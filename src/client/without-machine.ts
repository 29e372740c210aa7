/**
 * One question to a state machine, where not every endpoint has one: it is asked elsewhere, until
 * it comes back to an endpoint that was asked already. Then nobody that answers has one.
 */
import type { KibitzerError } from "../kibitzer-error.ts";
import { noMachine } from "../machine/machine-errors.ts";
import type { ClientAsking } from "./asking.ts";

export class WithoutMachine {
  readonly #asking: Pick<ClientAsking, "leave" | "urls">;
  readonly #asked = new Set<string>();

  constructor(asking: Pick<ClientAsking, "leave" | "urls">) {
    this.#asking = asking;
  }

  /** The endpoint has none: the error to give up with, or null to go on elsewhere. */
  at(url: string): KibitzerError | null {
    if (this.#asked.has(url)) return noMachine();
    this.#asked.add(url);
    if (this.#asked.size === this.#asking.urls.length) return noMachine();
    this.#asking.leave(url);
    return null;
  }
}

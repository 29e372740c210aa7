/**
 * Who may stay at a listener. Clients share one bound; nodes have places beyond it, so that clients
 * never keep them out: some for each member that the callee knows, and some for all other nodes,
 * which may be about to join. A hello is believed, so whoever lies has no more than those.
 */
import type { Callee, Hello } from "./caller.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";

/** A place that is taken; gives it back. */
export type Leave = () => void;

export class Places {
  readonly #limits: TransportLimits;
  readonly #knows: (from: Hello) => boolean;
  /** How many are taken, by whose they are. */
  readonly #taken = new Map<string, number>();

  constructor(limits: TransportLimits, callee: Pick<Callee<never, unknown>, "knows">) {
    this.#limits = limits;
    this.#knows = (from) => callee.knows?.(from) ?? false;
  }

  /** For anybody: a client, a request over HTTP, or who has not said yet who it is. */
  forAny(): Leave | null {
    return this.#take("any", this.#limits.connectionsMax);
  }

  /** Of those that only nodes have. */
  forNode(from: Hello): Leave | null {
    if (from.node === null) return null;
    const { memberConnectionsMax, newcomerConnectionsMax } = this.#limits;
    const own = this.#knows(from)
      ? this.#take(`member ${from.node.id}`, memberConnectionsMax)
      : null;
    return own ?? this.#take("newcomer", newcomerConnectionsMax);
  }

  #take(whose: string, max: number): Leave | null {
    const taken = this.#taken.get(whose) ?? 0;
    if (taken >= max) return null;
    this.#taken.set(whose, taken + 1);
    return () => this.#leave(whose);
  }

  #leave(whose: string): void {
    const left = (this.#taken.get(whose) ?? 0) - 1;
    if (left > 0) this.#taken.set(whose, left);
    else this.#taken.delete(whose);
  }
}

export function noPlace(limits: TransportLimits): TransportError {
  const message =
    `Wanted a place here, but all ${limits.connectionsMax} connections for clients are taken. ` +
    "Use another endpoint, or try again later.";
  return new TransportError("KBZ_BUSY", message, { outcome: "none" });
}

/** All connections of one listener: takes wires in, bounds their number, closes them all. */
import type { Callee } from "./caller.ts";
import { SharedRoom } from "./partial-body.ts";
import { Places } from "./places.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";
import type { TransportSettings } from "./transport-settings.ts";
import { Visit } from "./visit.ts";
import type { Wire } from "./wire.ts";

export class Reception<Request, Response> {
  readonly places: Places;
  readonly #settings: TransportSettings<Request, Response>;
  readonly #callee: Callee<Request, Response>;
  readonly #partialRoom: SharedRoom;
  readonly #visits = new Set<Visit<Request, Response>>();
  #closed = false;

  constructor(settings: TransportSettings<Request, Response>, callee: Callee<Request, Response>) {
    this.#settings = settings;
    this.#callee = callee;
    this.#partialRoom = new SharedRoom(settings.limits.partialBytesMax);
    this.places = new Places(settings.limits, callee);
  }

  accept(wire: Wire): void {
    const { limits } = this.#settings;
    if (this.#closed) {
      wire.destroy();
      return;
    }
    if (this.#visits.size >= socketsMax(limits)) {
      wire.destroy();
      this.refuse(wire.address, tooMany(limits));
      return;
    }
    const visit = new Visit({
      wire,
      settings: this.#settings,
      partialRoom: this.#partialRoom,
      places: this.places,
      callee: this.#callee,
    });
    this.#visits.add(visit);
    void visit.gone.then(() => this.#visits.delete(visit));
  }

  /** Something came that is not even a connection of this protocol. */
  refuse(address: string, error: TransportError): void {
    this.#callee.refused?.({ address, error });
  }

  /** Refuses what still comes; resolves when all connections are gone, within the linger time. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new TransportError("KBZ_CLOSED", "The listener closes.", { outcome: "unknown" });
    await Promise.all([...this.#visits].map((visit) => visit.close(error)));
  }
}

/** With those who have not said who they are, or are on their way out. */
export function socketsMax({ connectionsMax, nodeConnectionsMax }: TransportLimits): number {
  return connectionsMax + nodeConnectionsMax;
}

export function tooMany(limits: TransportLimits): TransportError {
  const message =
    `Wanted at most ${socketsMax(limits)} connections, those without a hello included, got one ` +
    "more. See who connects, and whether it says hello.";
  return new TransportError("KBZ_BUSY", message, { outcome: "none" });
}

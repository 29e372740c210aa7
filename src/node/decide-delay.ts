/**
 * Holds back for a moment what a leader tells of decided slots: the next accept says the same, and
 * under load it comes at once. Saves each follower a wake-up for every batch.
 */
import type { Dispatch, NodeId } from "../../consensus/index.ts";
import type { ReceiveRequest } from "../requests.ts";
import type { Clock, Timer } from "../world.ts";

type Destination = Pick<Dispatch, "to" | "lane">;
type Send = (dispatch: Destination, request: ReceiveRequest) => void;

interface Held {
  readonly dispatch: Destination;
  readonly request: ReceiveRequest;
}

/** An entry is seen so much later at followers, at most, where no other follows it. */
const delayMs = 1;

export class DecideDelay {
  readonly #clock: Clock;
  readonly #send: Send;
  readonly #held = new Map<NodeId, Held>();
  #timer: Timer | null = null;

  constructor(clock: Clock, send: Send) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Sends `request` now or soon, or never, where a later one of these says it as well. */
  send(dispatch: Destination, request: ReceiveRequest): void {
    const { kind } = request.message;
    if (kind === "decide") {
      this.#held.set(dispatch.to, { dispatch, request });
      this.#timer ??= this.#clock.after(delayMs, () => this.flush());
      return;
    }
    // What was decided before it was sent stands in it.
    if (kind === "accept" || kind === "synchronize") this.#held.delete(dispatch.to);
    this.#send(dispatch, request);
  }

  /** Sends what is held back. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const { dispatch, request } of held) this.#send(dispatch, request);
  }
}

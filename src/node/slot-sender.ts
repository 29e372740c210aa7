/**
 * Sends messages to peers, and decided slots to those that lag: read back from the journal, one
 * `learn` at a time for each peer. Bulk that is sent to it meanwhile waits behind. A peer that
 * misses something asks again; one whose slots are gone is offered a snapshot.
 */
import type { Dispatch, Message, Slot, SlotDispatch } from "../../consensus/index.ts";
import { DecideDelay } from "./decide-delay.ts";
import type { Peers } from "./peers.ts";
import { pause } from "../pause.ts";
import { learnRequest, receiveRequest } from "./receive-request.ts";
import type { ReceiveRequest } from "../requests.ts";
import type { Bodies } from "../storage/bodies.ts";
import type { Journal } from "../storage/journal.ts";
import type { Clock } from "../world.ts";

/** Bytes of one `learn`: large enough to be fast, small enough not to hold a lane for long. */
const learnBytesMax = 1_048_576;
/** Requests that wait behind one `learn`; a read takes milliseconds. */
const waitingMax = 256;
/** The longest rest between two of them to one peer; below any silence, so that it waits for it. */
const restMsMax = 50;

export class SlotSender {
  readonly #peers: Peers;
  readonly #clock: Clock;
  readonly #over: AbortSignal;
  /** What waits behind the slots that are being read, by receiver. */
  readonly #waiting = new Map<string, ReceiveRequest[]>();
  readonly #restUntil = new Map<string, number>();
  readonly #refounded: () => Slot;
  readonly #decides: DecideDelay;

  /**
   * @param over Aborts when the node stops.
   * @param refounded The slot that gave the republic its identity, if it had another one before.
   */
  constructor(peers: Peers, clock: Clock, over: AbortSignal, refounded: () => Slot) {
    this.#peers = peers;
    this.#refounded = refounded;
    this.#clock = clock;
    this.#over = over;
    this.#decides = new DecideDelay(clock, (dispatch, request) => this.#tell(dispatch, request));
  }

  /**
   * Tells peers, behind slots that are on their way to them. The same message to several is one
   * request, so that it is encoded once.
   */
  tellAll(send: readonly Dispatch[], bodies: Bodies): void {
    const requests = new Map<Message, ReceiveRequest>();
    for (const dispatch of send) {
      const { message } = dispatch;
      const request = requests.get(message) ?? receiveRequest(message, bodies);
      if (send.length > 1) requests.set(message, request);
      this.#decides.send(dispatch, request);
    }
  }

  /** Tells what was held back to be told with the next. */
  flush(): void {
    this.#decides.flush();
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED` when the journal cannot be read back. */
  async send(journal: Journal, { to, slotFirst, slotLast, decided }: SlotDispatch): Promise<void> {
    if (this.#waiting.has(to)) return;
    this.#waiting.set(to, []);
    try {
      const restMs = (this.#restUntil.get(to) ?? 0) - this.#clock.now();
      if (restMs > 0) await pause(this.#clock, restMs, this.#over);
      const began = this.#clock.now();
      const isGone = slotFirst < journal.past.slotFirst;
      if (isGone) this.#offer(journal, to, slotFirst);
      else {
        const framed = await journal.read(slotFirst, slotLast, learnBytesMax);
        this.#peers.tell({ to, lane: "bulk" }, learnRequest(framed, decided));
      }
      for (const request of this.#waiting.get(to) ?? []) {
        this.#peers.tell({ to, lane: "bulk" }, request);
      }
      // As long as it took: half of what there is of disk and processor is left to all others, and
      // where these have much to do it takes longer.
      const now = this.#clock.now();
      this.#restUntil.set(to, now + Math.min(now - began, restMsMax));
    } finally {
      this.#waiting.delete(to);
    }
  }

  /** Offers the newest snapshot in place of what is gone. */
  #offer(journal: Journal, to: string, slotFirst: number): void {
    const slot = journal.past.snapshots.at(-1);
    // Installed, and not relied on yet, or of before the republic had its identity: the peer asks
    // again.
    if (slot === undefined || slot < slotFirst) return;
    if (slot < this.#refounded()) return;
    const message = { kind: "snapshot", slot } as const;
    this.#peers.tell({ to, lane: "control" }, { method: "receive", message, bodies: [] });
  }

  #tell(dispatch: Pick<Dispatch, "to" | "lane">, request: ReceiveRequest): void {
    const waiting = dispatch.lane === "bulk" ? this.#waiting.get(dispatch.to) : undefined;
    if (waiting === undefined) this.#peers.tell(dispatch, request);
    else if (waiting.length < waitingMax) waiting.push(request);
  }
}

/**
 * Sends decided slots to peers that lag: read back from the journal, one `learn` at a time for each
 * peer. Bulk that is sent to it meanwhile waits behind. A peer that misses something asks again.
 */
import type { Dispatch, SlotDispatch } from "../../consensus/index.ts";
import type { Peers } from "./peers.ts";
import { learnRequest } from "./receive-request.ts";
import type { ReceiveRequest } from "../requests.ts";
import type { Journal } from "../storage/journal.ts";

/** Bytes of one `learn`: large enough to be fast, small enough not to hold a lane for long. */
const learnBytesMax = 4_194_304;
/** Requests that wait behind one `learn`; a read takes milliseconds. */
const waitingMax = 256;

export class SlotSender {
  readonly #peers: Peers;
  /** What waits behind the slots that are being read, by receiver. */
  readonly #waiting = new Map<string, ReceiveRequest[]>();

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED` when the journal cannot be read back. */
  async send(journal: Journal, { to, slotFirst, slotLast, decided }: SlotDispatch): Promise<void> {
    if (this.#waiting.has(to)) return;
    this.#waiting.set(to, []);
    try {
      const framed = await journal.read(slotFirst, slotLast, learnBytesMax);
      this.#peers.tell({ to, lane: "bulk" }, learnRequest(framed, decided));
      for (const request of this.#waiting.get(to) ?? []) {
        this.#peers.tell({ to, lane: "bulk" }, request);
      }
    } finally {
      this.#waiting.delete(to);
    }
  }

  /** Tells a peer, behind slots that are on their way to it. */
  tell(dispatch: Pick<Dispatch, "to" | "lane">, request: ReceiveRequest): void {
    const waiting = dispatch.lane === "bulk" ? this.#waiting.get(dispatch.to) : undefined;
    if (waiting === undefined) this.#peers.tell(dispatch, request);
    else if (waiting.length < waitingMax) waiting.push(request);
  }
}

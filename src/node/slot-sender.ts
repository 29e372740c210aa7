/**
 * Sends decided slots to peers that lag: read back from the journal, one `learn` at a time for each
 * peer. A peer that misses one asks again; one whose slots are gone is offered a snapshot.
 */
import type { SlotDispatch } from "../../consensus/index.ts";
import type { Peers } from "./peers.ts";
import { learnRequest } from "./receive-request.ts";
import type { Journal } from "../storage/journal.ts";

/** Bytes of one `learn`: large enough to be fast, small enough not to hold a lane for long. */
const learnBytesMax = 4_194_304;

export class SlotSender {
  readonly #peers: Peers;
  readonly #underWay = new Set<string>();

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED` when the journal cannot be read back. */
  async send(journal: Journal, { to, slotFirst, slotLast, decided }: SlotDispatch): Promise<void> {
    if (this.#underWay.has(to)) return;
    this.#underWay.add(to);
    try {
      const { slotFirst: first, snapshots } = journal.past;
      const snapshot = snapshots.at(-1);
      if (slotFirst < first) {
        // Installed, and not relied on yet: the peer asks again.
        if (snapshot === undefined || snapshot < slotFirst) return;
        const message = { kind: "snapshot", slot: snapshot } as const;
        this.#peers.tell({ to, lane: "control" }, { method: "receive", message, bodies: [] });
        return;
      }
      const framed = await journal.read(slotFirst, slotLast, learnBytesMax);
      this.#peers.tell({ to, lane: "bulk" }, learnRequest(framed, decided));
    } finally {
      this.#underWay.delete(to);
    }
  }
}

/** Messages between nodes as small numbers, each with what says when it has become pointless. */
import type { Message, NodeId } from "../../../consensus/index.ts";
import { messageText } from "../../core/abbreviate.ts";
import { ballotNumber } from "./ballots.ts";
import { Interner } from "./interner.ts";
import { nodeIds } from "./live-node.ts";
import { roundNow } from "./normalize.ts";

interface Packet {
  readonly from: number;
  readonly to: number;
  readonly message: Message;
  /** The ballot that it speaks of, or -1. */
  readonly ballot: number;
  /** Whether the answer to a ballot that is too low is a refusal, which its proposer may act on. */
  readonly isRefusable: boolean;
}

export class Packets {
  readonly #interner = new Interner<Packet>();

  get size(): number {
    return this.#interner.size;
  }

  at(packet: number): Packet {
    return this.#interner.at(packet);
  }

  number(from: number, to: NodeId, sent: Message): number {
    const message = withoutRound(sent);
    const receiver = nodeIds.indexOf(to);
    return this.#interner.number(JSON.stringify([from, receiver, message]), () => {
      const { kind } = message;
      const isRefusable = kind === "prepare" || kind === "synchronize" || kind === "accept";
      const ballot = "ballot" in message ? ballotNumber(message.ballot) : -1;
      return { from, to: receiver, message, ballot, isRefusable };
    });
  }

  /**
   * Whether nothing can come of a message any more. Its receiver has durably promised more than its
   * ballot, and a promise never falls, not by a crash either: it is refused or ignored for ever. A
   * refusal in turn is ignored by a proposer that has durably promised more itself.
   */
  isPointless(packet: number, promised: readonly number[]): boolean {
    const { from, to, ballot, isRefusable } = this.at(packet);
    if (ballot === -1 || (promised[to] ?? 0) <= ballot) return false;
    return !isRefusable || (promised[from] ?? 0) > ballot;
  }

  text(packet: number): string {
    const { from, to, message } = this.at(packet);
    return `${nodeIds[from] ?? ""} → ${nodeIds[to] ?? ""}: ${messageText(message)}`;
  }
}

/**
 * Pings are answered at once here, if at all: every answer is one to the round under way, and pongs
 * are answered by no later ping.
 */
function withoutRound(message: Message): Message {
  if (message.kind === "ping") return { ...message, round: roundNow, answer: null };
  if (message.kind !== "pong") return message;
  return { ...message, round: roundNow, answer: { ...message.answer, round: roundNow } };
}

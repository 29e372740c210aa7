/** What can happen to one node, as one number: what is looked up instead of being stepped again. */
import type { NodeId } from "../../../consensus/index.ts";
import { nodeIds } from "./live-node.ts";

export type NodeInput =
  | { readonly kind: "receive"; readonly packet: number }
  /** So many of the writes under way become durable, and the node is told. */
  | { readonly kind: "persisted"; readonly writes: number }
  /** Power is lost when so many of the writes under way are durable; the next life begins. */
  | { readonly kind: "crash"; readonly writes: number }
  /** The next round of pings. */
  | { readonly kind: "event" }
  /** A connection is lost, when the node has waited long enough to stand up, chosen or not. */
  | { readonly kind: "sent"; readonly to: NodeId }
  | { readonly kind: "enqueue"; readonly value: number };

const kinds = 8;

export function inputNumber(input: NodeInput): number {
  switch (input.kind) {
    case "receive":
      return input.packet * kinds;
    case "persisted":
      return input.writes * kinds + 1;
    case "crash":
      return input.writes * kinds + 2;
    case "event":
      return 3;
    case "sent":
      return nodeIds.indexOf(input.to) * kinds + 4;
    case "enqueue":
      return input.value * kinds + 5;
  }
}

/** What an operator asks of a leader, as the core is asked. Decides nothing. */
import { unreachable, type NodeId, type Republic } from "../../consensus/index.ts";
import type { DemoteRequest, ExileRequest, PromoteRequest, TransferRequest } from "../requests.ts";
import type { LegislatorRequest } from "./run-loop.ts";

export type Order = ExileRequest | TransferRequest | PromoteRequest | DemoteRequest;

export function inputOf(order: Order): LegislatorRequest {
  switch (order.method) {
    case "exile":
    case "demote":
      return { kind: order.method, id: order.id };
    case "promote":
      return { kind: "promote", id: order.id, insteadOf: order.insteadOf };
    case "transfer":
      return { kind: "transfer", to: order.to };
    default:
      return unreachable(order);
  }
}

/** Whether the incarnation that an order names is a member: another may have its id by now. */
export function isMeant(republic: Pick<Republic, "member">, order: Order): boolean {
  return order.method === "transfer" || republic.member(order.id)?.cookie === order.cookie;
}

/** Whose seat an order takes, and gives to whom; null where it takes none. */
export function seatTakenBy(
  order: Order,
): { readonly id: NodeId; readonly next: NodeId | null } | null {
  if (order.method === "transfer") return null;
  if (order.method !== "promote") return { id: order.id, next: null };
  return order.insteadOf === null ? null : { id: order.insteadOf, next: order.id };
}

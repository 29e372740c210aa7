/** What an operator asks of a leader, as the core is asked. Decides nothing. */
import { unreachable, type Republic } from "../../consensus/index.ts";
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

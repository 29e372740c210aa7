/** What an operator asks of a leader, as the core is asked. Decides nothing. */
import { unreachable, type Legislator, type NodeId, type Republic } from "../../consensus/index.ts";
import type { Status } from "../api.ts";
import { leavesTooFew } from "../membership/preview.ts";
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

/** What is known of a node that is given an order. */
export interface Ordered {
  readonly role: Legislator["role"];
  readonly republic: Pick<Republic, "member">;
}

/**
 * Why a leader does not take an order, or null; of whoever does not lead it is asked nothing.
 * @param status Asks each member now: whom a leader has heard lately may have gone since.
 */
export async function objectionTo(
  order: Order,
  node: Ordered,
  status: () => Promise<Status>,
): Promise<"notFound" | "quorum" | null> {
  const isOfAnother = (): boolean => node.role === "leading" && !isMeant(node.republic, order);
  if (isOfAnother()) return "notFound";
  const taken = node.role === "leading" ? seatTakenBy(order) : null;
  if (taken !== null && leavesTooFew(await status(), taken)) return "quorum";
  // In the meantime the one that is meant may have left, and another come under its id.
  return isOfAnother() ? "notFound" : null;
}

/** Whether the incarnation that an order names is a member: another may have its id by now. */
function isMeant(republic: Pick<Republic, "member">, order: Order): boolean {
  return order.method === "transfer" || republic.member(order.id)?.cookie === order.cookie;
}

/** Whose seat an order takes, and gives to whom; null where it takes none. */
function seatTakenBy(order: Order): { readonly id: NodeId; readonly next: NodeId | null } | null {
  if (order.method === "transfer") return null;
  if (order.method !== "promote") return { id: order.id, next: null };
  return order.insteadOf === null ? null : { id: order.insteadOf, next: order.id };
}

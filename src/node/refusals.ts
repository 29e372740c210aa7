/** What a node answers that does not do what it was asked, and why. */
import type { NodeId, RefusalReason } from "../../consensus/index.ts";
import type { Response } from "../requests.ts";

export function isNotLeading(
  response: Response,
): response is Response & { readonly kind: "refused" } {
  return response.kind === "refused" && response.reason === "notLeading";
}

export function refusal(reason: RefusalReason, leader: NodeId | null): Response {
  return { kind: "refused", reason, leader };
}

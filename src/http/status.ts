/** `GET /v1/status`: the same document as `kibitz status --json`. */
import type { RunningNode } from "../node/running-node.ts";
import { jsonLine } from "./json-line.ts";
import { signalOf } from "./request.ts";
import type { Route } from "./route.ts";

export function statusRoutes(node: Pick<RunningNode, "status" | "over">): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/status",
      role: "read",
      answer: async (context) => jsonLine(await node.status(signalOf(context, node.over))),
    },
  ];
}

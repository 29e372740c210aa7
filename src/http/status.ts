/** `GET /v1/status`: the same document as `kibitz status --json`. */
import type { Engine } from "../node/engine.ts";
import { jsonLine } from "./json-line.ts";
import { signalOf } from "./request.ts";
import type { Route } from "./route.ts";

export function statusRoutes(engine: Pick<Engine, "status" | "over">): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/status",
      role: "read",
      answer: async (context) => jsonLine(await engine.status(signalOf(context, engine.over))),
    },
  ];
}

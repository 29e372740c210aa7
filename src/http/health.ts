/** `GET /livez`, `/readyz` and `/startupz`: for whoever runs nodes, without a token. */
import { checksOf, factsOf } from "../health/health.ts";
import { probeAnswer, probeNames } from "../health/probe.ts";
import type { RunningNode } from "../node/running-node.ts";
import type { HttpContext, Route } from "./route.ts";

export function healthRoutes(node: RunningNode): readonly Route[] {
  return probeNames.map((name) => ({
    method: "GET",
    path: `/${name}`,
    role: "none",
    answer: (context: HttpContext) => {
      const exclude = context.req.queries("exclude") ?? [];
      const verbose = context.req.query("verbose") !== undefined;
      const { status, text } = probeAnswer(name, checksOf(factsOf(node), name), {
        verbose,
        exclude,
      });
      const headers = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };
      return new Response(text, { status, headers });
    },
  }));
}

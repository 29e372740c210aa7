/** `GET /metrics`, in the text format of Prometheus. */
import type { RunningNode } from "../node/running-node.ts";
import type { Route } from "./route.ts";

export function metricsRoutes({ metrics }: Pick<RunningNode, "metrics">): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      role: "read",
      answer: async () => {
        const { text, contentType } = await metrics.text();
        const headers = { "Content-Type": contentType, "Cache-Control": "no-store" };
        return new Response(text, { headers });
      },
    },
  ];
}

/** All routes of a node. */
import type { RunningNode } from "../node/running-node.ts";
import { entriesRoutes } from "./entries.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics.ts";
import { openapiRoutes } from "./openapi.ts";
import { publishRoutes } from "./publish.ts";
import type { Route } from "./route.ts";
import { Stalls } from "./stalls.ts";
import { statusRoutes } from "./status.ts";

export function routesOf(node: RunningNode): readonly Route[] {
  const stalls = new Stalls(node.configuration.world.clock);
  return [
    ...statusRoutes(node),
    ...entriesRoutes(node, stalls),
    ...publishRoutes(node, stalls),
    ...metricsRoutes(node),
    ...healthRoutes(node),
    ...openapiRoutes(),
  ];
}

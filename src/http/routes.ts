/** All routes of a node. */
import type { Engine } from "../node/engine.ts";
import { entriesRoutes } from "./entries.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics.ts";
import { openapiRoutes } from "./openapi.ts";
import { publishRoutes } from "./publish.ts";
import type { Route } from "./route.ts";
import { Stalls } from "./stalls.ts";
import { statusRoutes } from "./status.ts";

export function routesOf(engine: Engine): readonly Route[] {
  const stalls = new Stalls(engine.configuration.world.clock);
  return [
    ...statusRoutes(engine),
    ...entriesRoutes(engine, stalls),
    ...publishRoutes(engine, stalls),
    ...metricsRoutes(engine),
    ...healthRoutes(engine),
    ...openapiRoutes(),
  ];
}

/** All routes of a node. */
import type { Engine } from "../node/engine.ts";
import { metricsRoutes } from "./metrics.ts";
import type { Route } from "./route.ts";
import { statusRoutes } from "./status.ts";

export function routesOf(engine: Engine): readonly Route[] {
  return [...statusRoutes(engine), ...metricsRoutes(engine)];
}
